package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"time"

	"kensa/bus/supervisor"
	"kensa/firmware/appliance"
	"kensa/firmware/record"
	"kensa/vision/wafer"
)

type runCommand struct {
	configured
	Camera string     `help:"Where frames come from, instead of source.camera: simulated, replay:DIR for a folder of images, or v4l2:DEVICE for a real camera."`
	Recipe string     `help:"Recipe file, instead of recipe.file."`
	Pace   string     `enum:",tool,max" default:"" help:"tool: a true tool's pace; max: as fast as the inspection allows. For simulated and replayed frames."`
	Log    slog.Level `default:"info" placeholder:"LEVEL" help:"Least level that is logged: debug, info, warn or error."`
}

// Run is the appliance, until a signal or the last recorded wafer.
func (r *runCommand) Run(c console) error {
	loaded, err := r.load()
	if err != nil {
		return err
	}
	if r.Camera != "" {
		loaded.Source.Camera = r.Camera
	}
	if r.Recipe != "" {
		if loaded.Recipe.File, err = filepath.Abs(r.Recipe); err != nil {
			return err
		}
	}
	if r.Pace != "" {
		loaded.Simulator.Pace = r.Pace
	}
	if err := loaded.Check(); err != nil {
		return fail(exitUsage, err, "")
	}
	box, err := appliance.New(c, appliance.Options{
		Config: loaded, Log: logger(c.err, r.Log),
		WaferClosed: func(w *record.Wafer) { fmt.Fprintln(c.out, waferLine(w)) },
	})
	if err != nil {
		return explain(err)
	}
	fmt.Fprintf(c.out, "display  %s\n", box.DisplayURL())
	defer boundStop(c, stopBound)()
	stop := supervise(c, box, logger(c.err, r.Log))
	err = box.Run(c)
	stop()
	if closing := box.Close(); err == nil {
		err = closing
	}
	return explain(err)
}

// stopBound is how long a stop may take; systemd waits for a little more
// (TimeoutStopSec of cross-build/package/kensa.service).
const stopBound = 40 * time.Second

// boundStop ends the program where it has not ended so long after a signal, and
// prints why. What it returns is called when it has.
func boundStop(c console, bound time.Duration) (ended func()) {
	over := make(chan struct{})
	forget := context.AfterFunc(c, func() {
		select {
		case <-over:
			return
		case <-time.After(bound):
		}
		fmt.Fprintf(c.err, "kensa: error: not stopped %v after the signal; the goroutines:\n", bound)
		_ = pprof.Lookup("goroutine").WriteTo(c.err, 2) // the program ends anyway
		if c.exit != nil {
			c.exit(exitFailed)
		}
	})
	return func() { close(over); forget() }
}

// cameraPatience is how long a start waits for the camera before it counts as
// one without.
const cameraPatience = 30 * time.Second

// supervise tells systemd how the appliance is, until stopped.
func supervise(c console, box *appliance.Appliance, log *slog.Logger) (stop func()) {
	service := supervisor.Service{
		Alive:    box.Alive,
		Ready:    func(ctx context.Context) error { return askHealth(ctx, box.DisplayURL()+"/readyz") },
		Patience: cameraPatience, Status: box.Activity, Log: log.With("part", "supervisor"),
	}
	ctx, cancel := context.WithCancel(c)
	var wait sync.WaitGroup
	wait.Go(func() { service.Run(ctx) })
	return func() { cancel(); wait.Wait() }
}

// waferLine is a finished wafer on one line.
func waferLine(w *record.Wafer) string {
	s := w.Summary
	line := fmt.Sprintf("wafer %-12s lot %-10s slot %2d  yield %7v  dies %d/%d  defects %3d  %10v  %s",
		w.Material.Substrate, w.Material.Lot, w.Material.Slot, s.Yield(), s.Inspected, s.Dies, s.Defects, s.Density(), s.Verdict)
	if s.Verdict == wafer.Incomplete {
		line += fmt.Sprintf(" (%d of %d fields)", w.FieldsInspected, w.Fields)
	}
	return line
}
