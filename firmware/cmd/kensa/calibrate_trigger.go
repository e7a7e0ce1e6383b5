package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"kensa/calibration/cli"
	"kensa/calibration/latency"
	"kensa/firmware/config"
	"kensa/firmware/station"
	"kensa/hw/simulator/stand"
)

type triggerCommand struct {
	calibrating
	Exposure   time.Duration  `default:"2ms" help:"Exposure of each frame; 0s for a camera that samples an instant."`
	Flash      time.Duration  `default:"400us" help:"How long the blinking light shines: a third of the exposure at most."`
	Longest    time.Duration  `default:"50ms" help:"Latest begin of an exposure after its pulse that is searched for; of a camera that runs by itself, how far its stamp may be from that."`
	Frames     int            `default:"200" help:"Frames at the exposure's beginning."`
	Settle     *time.Duration `help:"Of a camera that runs by itself: how long after its pulse a field's exposure may begin: the stage's time to stand still. Needed there."`
	MaxLatency time.Duration  `help:"Limit of the latency; 20ms unless given, and none where the camera runs by itself."`
	MaxJitter  time.Duration  `help:"Limit of the jitter, one standard deviation; 500us unless given, and a quarter of its period where the camera runs by itself."`
	MaxStamp   time.Duration  `help:"Limit of the driver's time stamp after the exposure's begin; 1ms unless given, and none where the camera runs by itself."`
}

// Run measures the latency from pulse to exposure, and with it the pairing window.
func (t *triggerCommand) Run(c console) error {
	loaded, err := t.load()
	if err != nil {
		return err
	}
	standard := station.DefaultConfig()
	set := loaded.Cycle.LatencyMin != standard.LatencyMin || loaded.Cycle.LatencyMax != standard.LatencyMax
	if set {
		fmt.Fprintf(c.err, "kensa: hint: cycle.latency_min and latency_max of the configuration (%v to %v) go before a calibrated window; take them out for that to count\n",
			loaded.Cycle.LatencyMin, loaded.Cycle.LatencyMax)
	}
	if loaded.Trigger.Mode == config.Free {
		switch {
		case t.Settle != nil:
			return t.free(c, *t.Settle)
		case set:
			return t.free(c, loaded.Cycle.LatencyMin)
		}
		return fail(exitUsage, errors.New("trigger: the camera runs by itself: a frame is a field's from when the stage stands still on"), "say with --settle how long after the pulse that is, such as --settle 30ms")
	}
	options := latency.Defaults()
	options.Exposure, options.Flash, options.Longest, options.Frames = t.Exposure, t.Flash, t.Longest, t.Frames
	options.MaxLatency, options.MaxJitter, options.MaxStamp = cmp.Or(t.MaxLatency, options.MaxLatency), cmp.Or(t.MaxJitter, options.MaxJitter), cmp.Or(t.MaxStamp, options.MaxStamp)
	p, err := latency.New(options)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	return t.measure(c, "trigger", options, p)
}

// free measures a camera that runs by itself. The simulated one then does so too.
func (t *triggerCommand) free(c console, settle time.Duration) error {
	options := latency.FreeOptions{Exposure: t.Exposure, Flash: t.Flash, Longest: t.Longest, Frames: t.Frames, Settle: settle,
		MaxLatency: t.MaxLatency, MaxJitter: t.MaxJitter, MaxStamp: t.MaxStamp}
	p, err := latency.NewFree(options)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	prepare := func(truth *stand.Truth) error {
		truth.Timing.Period = cmp.Or(truth.Timing.Period, time.Second/60)
		return nil
	}
	return t.guidedOn(c, prepare, func(ctx context.Context, g *cli.Guide) error {
		return g.Run(ctx, "trigger", fmt.Sprintf("%+v", options), p)
	})
}
