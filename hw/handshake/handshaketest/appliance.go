// Package handshaketest is an appliance that inspects nothing: it keeps to the
// handshake and notes what the tool gave it.
package handshaketest

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"periph.io/x/conn/v3/gpio"

	"kensa/hw/camera"
	"kensa/hw/handler"
	"kensa/hw/handshake"
	"kensa/hw/line"
	"kensa/hw/trigger"
)

// Tool is what the appliance is connected to.
type Tool interface {
	handler.Handler
	Lines() handshake.Lines
	Camera() camera.Camera
}

// Frame is a frame as it came.
type Frame struct {
	camera.Format
	Time     time.Duration
	Sequence uint64
	Source   string
	Bytes    int
	Hash     [sha256.Size]byte
}

// Wafer is what came of one wafer.
type Wafer struct {
	Material      handler.Material
	Arrived, Left time.Duration // on the tool's clock
	Pulses        []trigger.Pulse
	Frames        []Frame
	Restarts      int // of the camera
}

// Appliance connects to a tool. Run is called once; Wafers is read after it.
type Appliance struct {
	Tool Tool
	// Verdict of each wafer; nil calls all of them good.
	Verdict func(Wafer) bool
	// Frame is called with each frame before it is released; nil does nothing.
	Frame  func(*camera.Frame)
	Wafers []Wafer

	early *camera.Frame
}

// Run takes wafers until the camera ends or the context does, which is no error.
func (a *Appliance) Run(ctx context.Context) error {
	lines := a.Tool.Lines()
	pulses, err := trigger.NewCounter(lines.FieldTrigger)
	if err != nil {
		return err
	}
	if err := a.Tool.Camera().Start(ctx); err != nil {
		return err
	}
	defer a.Tool.Camera().Close()
	if err := lines.Ready.Out(gpio.High); err != nil {
		return err
	}
	for {
		arrived, err := a.arrival(ctx, lines)
		if errors.Is(err, context.Canceled) || errors.Is(err, line.ErrClosed) || errors.Is(err, camera.ErrEnd) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := a.wafer(ctx, lines, pulses, arrived.Time); err != nil {
			return err
		}
	}
}

// arrival waits for a wafer, or for the camera's end. A frame that comes in the
// moment that the wafer does is kept for it.
func (a *Appliance) arrival(ctx context.Context, lines handshake.Lines) (line.Event, error) {
	ended, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	waiting, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var err error
		if a.early, err = a.Tool.Camera().Next(waiting); errors.Is(err, camera.ErrEnd) {
			cancel(err)
		}
	}()
	e, err := lines.WaferPresent.Next(ended)
	stop()
	<-done
	if err != nil && ended.Err() != nil {
		err = context.Cause(ended)
	}
	if err == nil && e.Level != gpio.High {
		err = errors.New("handshaketest: WAFER-PRESENT fell twice")
	}
	return e, err
}

// wafer collects what comes until WAFER-PRESENT falls, and answers.
func (a *Appliance) wafer(ctx context.Context, lines handshake.Lines, pulses *trigger.Counter, arrived time.Duration) error {
	w := Wafer{Arrived: arrived}
	var err error
	if w.Material, err = a.Tool.Material(ctx); err != nil {
		return err
	}
	if err := errors.Join(lines.Busy.Out(gpio.High), lines.ResultOK.Out(gpio.Low), lines.ResultNG.Out(gpio.Low)); err != nil {
		return err
	}
	if err := a.frames(ctx, lines, &w); err != nil {
		return err
	}
	over, cancel := context.WithCancel(ctx)
	cancel() // what came is still read
	for p, err := pulses.Next(over); err == nil; p, err = pulses.Next(over) {
		w.Pulses = append(w.Pulses, p)
	}
	result := lines.ResultOK
	if a.Verdict != nil && !a.Verdict(w) {
		result = lines.ResultNG
	}
	a.Wafers = append(a.Wafers, w)
	return errors.Join(result.Out(gpio.High), lines.Busy.Out(gpio.Low))
}

func (a *Appliance) frames(ctx context.Context, lines handshake.Lines, w *Wafer) error {
	present, gone := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if e, err := lines.WaferPresent.Next(ctx); err == nil {
			w.Left = e.Time
		}
		gone()
	}()
	defer func() { <-done }()
	if a.early != nil {
		a.note(w, a.early)
		a.early = nil
	}
	for {
		f, err := a.Tool.Camera().Next(present)
		switch {
		case err == nil:
			a.note(w, f)
		case present.Err() != nil:
			return ctx.Err()
		case errors.Is(err, camera.ErrGone):
			w.Restarts++
			if err := a.Tool.Camera().Start(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func (a *Appliance) note(w *Wafer, f *camera.Frame) {
	defer f.Release()
	w.Frames = append(w.Frames, Frame{f.Format, f.Time, f.Sequence, f.Source, len(f.Pix), sha256.Sum256(f.Pix)})
	if a.Frame != nil {
		a.Frame(f)
	}
}
