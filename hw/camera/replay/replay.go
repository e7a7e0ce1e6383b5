// Package replay is a recorded tool: it shows the images of a folder to the
// appliance as if they were being taken now, with the lines, the material and
// the camera of a real tool.
//
// One file is one field and one folder is one wafer (see Find). A file that
// cannot be read becomes a pulse whose frame never comes, so that its wafer goes
// on and ends incomplete.
package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kensa/hw/camera"
	"kensa/hw/camera/feed"
	"kensa/hw/handler"
	"kensa/hw/handshake"
)

// Times of the recorded tool's motions, on its own clock.
const (
	Exchange = 6 * time.Second
	Move     = 250 * time.Millisecond
	Latency  = time.Millisecond // from pulse to exposure
)

// Options say what is replayed and how.
type Options struct {
	// Folder with the images.
	Folder string
	// Decode reads an image file. The frame's memory is its own; its Return, if
	// any, is called once the frame was released.
	Decode func(path string) (camera.Frame, error)
	// Unreadable is told of each file that Decode refused; nil drops the news.
	Unreadable func(path string, err error)
	// Pace is 1, and 0, for 250 ms a field and 6 s a wafer.
	Pace handshake.Pace
	// Buffers is how many frames may be lent at a time; 0 means 4.
	Buffers int
	// Timeout for each answer of the appliance; 0 waits without end.
	Timeout time.Duration
}

// Tool is a recorded tool.
type Tool struct {
	options Options
	wafers  []Wafer
	tool    *handshake.Tool
	camera  *feed.Camera
}

// New looks through the folder. It reads no image yet.
func New(o Options) (*Tool, error) {
	wafers, err := Find(o.Folder)
	if err != nil {
		return nil, err
	}
	if o.Decode == nil {
		return nil, errors.New("replay: no decoder given")
	}
	if o.Buffers == 0 {
		o.Buffers = 4
	}
	return &Tool{o, wafers, handshake.NewTool(o.Timeout), feed.New(o.Buffers, 0)}, nil
}

// Camera returns the camera that took the images.
func (t *Tool) Camera() camera.Camera { return t.camera }

// Lines returns the lines as the appliance sees them.
func (t *Tool) Lines() handshake.Lines { return t.tool.Lines() }

// Wafers lists what will be replayed.
func (t *Tool) Wafers() []Wafer { return t.wafers }

// Material implements handler.Handler.
func (t *Tool) Material(ctx context.Context) (handler.Material, error) { return t.tool.Material(ctx) }

// Run replays every wafer, then lets the camera end. It is called once.
func (t *Tool) Run(ctx context.Context) error {
	defer t.camera.End()
	clock := handshake.NewClock(t.options.Pace)
	for _, w := range t.wafers {
		if err := t.wafer(ctx, clock, w); err != nil {
			return fmt.Errorf("replay: wafer %s of lot %s: %w", w.Material.Substrate, w.Material.Lot, err)
		}
	}
	return nil
}

func (t *Tool) wafer(ctx context.Context, clock *handshake.Clock, w Wafer) error {
	if err := t.tool.AwaitReady(ctx); err != nil {
		return err
	}
	clock.CatchUp()
	if err := clock.Advance(ctx, Exchange); err != nil {
		return err
	}
	if err := t.tool.Present(w.Material, clock.Now()); err != nil {
		return err
	}
	for _, path := range w.Files {
		if err := t.field(ctx, clock, path); err != nil {
			return err
		}
	}
	if err := t.tool.AwaitTaken(ctx, t.camera); err != nil {
		return err
	}
	if err := clock.Advance(ctx, Move); err != nil {
		return err
	}
	_, err := t.tool.Remove(ctx, clock.Now())
	return err
}

func (t *Tool) field(ctx context.Context, clock *handshake.Clock, path string) error {
	frame, unreadable := t.options.Decode(path)
	buffer, err := t.tool.AwaitBuffer(ctx, t.camera)
	if err != nil {
		frame.Release()
		return err
	}
	if err = t.expose(ctx, clock); err != nil {
		frame.Release()
		t.camera.GiveBack(buffer)
		return err
	}
	if unreadable != nil {
		t.lose(path, unreadable)
		t.camera.GiveBack(buffer)
		return nil
	}
	frame.Time = clock.Now() + Latency
	frame.Source = path
	t.camera.Deliver(frame, buffer)
	return nil
}

// expose moves to the next field and triggers it.
func (t *Tool) expose(ctx context.Context, clock *handshake.Clock) error {
	if err := t.tool.AwaitReady(ctx); err != nil {
		return err
	}
	clock.CatchUp()
	if err := clock.Advance(ctx, Move); err != nil {
		return err
	}
	return t.tool.Pulse(clock.Now())
}

func (t *Tool) lose(path string, err error) {
	t.camera.Lose()
	if t.options.Unreadable != nil {
		t.options.Unreadable(path, err)
	}
}

// Close ends every wait on the lines and the camera.
func (t *Tool) Close() error { return errors.Join(t.tool.Close(), t.camera.Close()) }
