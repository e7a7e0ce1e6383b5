// Package freerun is a camera that stands alone: without lines to a tool, and
// exposing on its own. To the appliance it looks like a tool that brings wafer
// after wafer, so that optics and inspection can be tried before the tool is
// wired.
//
// Every so many frames are a wafer. What is exposed while the appliance is not
// ready belongs to none. The pulse of a field is said to have come Latency before
// its frame's time stamp.
package freerun

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kensa/hw/camera"
	"kensa/hw/camera/feed"
	"kensa/hw/handler"
	"kensa/hw/handshake"
	"kensa/hw/line"
)

// Latency is from pulse to exposure.
const Latency = time.Millisecond

// buffers is how many frames may be on their way at a time. They stay in the
// camera's own memory.
const buffers = 4

// Tool stands in for the tool. Make one with New.
type Tool struct {
	source camera.Camera
	fields int
	lot    string
	tool   *handshake.Tool
	shown  *feed.Camera
	now    func() time.Duration // the clock of the frames
}

// New puts a camera, which the tool from then on owns, in the place of a tool that
// brings wafers of so many fields.
func New(source camera.Camera, fields int, lot string) (*Tool, error) {
	if fields < 1 {
		return nil, fmt.Errorf("freerun: %d fields; want 1 or more", fields)
	}
	return &Tool{source, fields, lot, handshake.NewTool(0), feed.New(buffers, 0), line.Monotonic}, nil
}

// Camera returns the camera as the appliance sees it.
func (t *Tool) Camera() camera.Camera { return front{t.shown, t.source} }

// Lines returns the lines as the appliance sees them.
func (t *Tool) Lines() handshake.Lines { return t.tool.Lines() }

// Material implements handler.Handler.
func (t *Tool) Material(ctx context.Context) (handler.Material, error) { return t.tool.Material(ctx) }

// front is the appliance's side. Starting it starts the real camera, which
// nobody reads at that time: Run waits for the start.
type front struct {
	*feed.Camera
	source camera.Camera
}

// Start implements camera.Camera.
func (f front) Start(ctx context.Context) error {
	if err := f.source.Start(ctx); err != nil {
		return err
	}
	return f.Camera.Start(ctx)
}

// Run brings wafers until the context ends or the camera has no more frames.
func (t *Tool) Run(ctx context.Context) error {
	defer t.shown.End()
	for number := 1; ; number++ {
		err := t.wafer(ctx, handler.Material{Lot: t.lot, Slot: (number-1)%25 + 1, Substrate: fmt.Sprintf("%s-%d", t.lot, number)})
		if errors.Is(err, camera.ErrEnd) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("freerun: wafer %d: %w", number, err)
		}
	}
}

func (t *Tool) wafer(ctx context.Context, m handler.Material) error {
	f, err := t.next(ctx)
	if err != nil {
		return err
	}
	last := f.Time
	if err := t.tool.Present(m, last-2*Latency); err != nil {
		f.Release()
		return err
	}
	for n := 1; ; n++ {
		if err := t.show(ctx, f); err != nil {
			return err
		}
		if n == t.fields {
			return t.leave(ctx, last)
		}
		// A wafer that is cut short stays on the chuck, for the appliance to call it
		// incomplete.
		if f, err = t.next(ctx); err != nil {
			return err
		}
		last = f.Time
	}
}

// show pulses for a frame and hands it over.
func (t *Tool) show(ctx context.Context, f *camera.Frame) error {
	buffer, err := t.shown.Buffer(ctx)
	if err == nil {
		err = t.tool.Pulse(f.Time - Latency)
	}
	if err != nil {
		f.Release()
		return err
	}
	t.shown.Deliver(*f, buffer) // which releases it, and must be the last to do so
	return nil
}

// leave takes the wafer away, after the frame that was its last.
func (t *Tool) leave(ctx context.Context, last time.Duration) error {
	if err := t.shown.AwaitTaken(ctx); err != nil {
		return err
	}
	_, err := t.tool.Remove(ctx, last+Latency)
	return err
}

// next is the first frame that is exposed once the appliance is ready. A camera
// that has gone is told to the appliance, which starts it again; the fields that
// are missing then come later.
func (t *Tool) next(ctx context.Context) (*camera.Frame, error) {
	for {
		if err := t.shown.AwaitStart(ctx); err != nil {
			return nil, err
		}
		if err := t.tool.AwaitReady(ctx); err != nil {
			return nil, err
		}
		f, err := t.fresh(ctx)
		if err == nil || ctx.Err() != nil || errors.Is(err, camera.ErrEnd) {
			return f, err
		}
		if err := t.shown.AwaitTaken(ctx); err != nil { // what was exposed before counts
			return nil, err
		}
		t.shown.Break()
	}
}

// fresh skips what was exposed before: the camera's buffers fill while nobody
// reads them.
func (t *Tool) fresh(ctx context.Context) (*camera.Frame, error) {
	for asked := t.now(); ; {
		f, err := t.source.Next(ctx)
		if err != nil || f.Time >= asked {
			return f, err
		}
		f.Release()
	}
}

// Close ends every wait on the lines and the camera.
func (t *Tool) Close() error {
	return errors.Join(t.tool.Close(), t.shown.Close(), t.source.Close())
}
