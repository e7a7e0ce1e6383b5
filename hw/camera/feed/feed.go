// Package feed is a camera whose frames are made in this process: by a recorded
// or a simulated tool.
//
// It has a fixed number of buffers, as a driver has. Whoever makes frames takes
// one, fills it and delivers it; the appliance gets it lent from Next and gives
// it back with Release. The maker waits while all are lent, which stands for the
// trigger-ready output of real cameras: a tool that honours it loses no frame.
package feed

import (
	"context"

	"kensa/hw/camera"
	"kensa/hw/internal/monitor"
)

// Camera implements camera.Camera on frames that its maker delivers.
type Camera struct {
	size int

	state    monitor.Monitor // guards what follows
	unused   int             // buffers never allocated yet
	free     [][]byte
	frames   []*camera.Frame
	started  bool
	ended    bool
	closed   bool
	sequence uint64
}

// New makes a camera with a number of buffers of size bytes each. They are
// allocated when first used.
func New(buffers, size int) *Camera { return &Camera{size: size, unused: buffers} }

// Start implements camera.Camera. After ErrGone the exposures are numbered from
// 1 again, as a camera that was plugged in again does.
func (c *Camera) Start(ctx context.Context) error {
	closed := false
	c.state.Change(func() {
		closed = c.closed
		if !c.started {
			c.started, c.sequence = true, 0
		}
	})
	if closed {
		return camera.ErrGone
	}
	return ctx.Err()
}

// Next implements camera.Camera.
func (c *Camera) Next(ctx context.Context) (f *camera.Frame, err error) {
	waited := c.state.Until(ctx, func() bool {
		switch {
		case c.closed || !c.started:
			err = camera.ErrGone
		case len(c.frames) > 0:
			f, c.frames = c.frames[0], c.frames[1:]
		case c.ended:
			err = camera.ErrEnd
		default:
			return false
		}
		return true
	})
	if waited != nil {
		return nil, waited
	}
	if f != nil {
		c.state.Change(func() {}) // for AwaitTaken
	}
	return f, err
}

// Close implements camera.Camera. The maker's waits end too.
func (c *Camera) Close() error {
	c.state.Change(func() { c.closed = true })
	return nil
}

// Buffer waits for a buffer that is not in use. It returns ErrGone after Close.
func (c *Camera) Buffer(ctx context.Context) (b []byte, err error) {
	waited := c.state.Until(ctx, func() bool {
		switch last := len(c.free) - 1; {
		case c.closed:
			err = camera.ErrGone
		case last >= 0:
			b, c.free = c.free[last], c.free[:last]
		case c.unused > 0:
			b = make([]byte, c.size)
			c.unused--
		default:
			return false
		}
		return true
	})
	if waited != nil {
		return nil, waited
	}
	return b, err
}

// GiveBack returns a buffer that was not delivered.
func (c *Camera) GiveBack(b []byte) {
	c.state.Change(func() { c.free = append(c.free, b) })
}

// Deliver numbers a frame, which occupies buffer until it is released, and hands
// it to Next. A camera that is not started loses it and reports false.
func (c *Camera) Deliver(f camera.Frame, buffer []byte) bool {
	back := f.Return
	f.Return = func() {
		if back != nil {
			back()
		}
		c.GiveBack(buffer)
	}
	delivered := false
	c.state.Change(func() {
		if !c.started {
			return
		}
		delivered = true
		c.sequence++
		f.Sequence = c.sequence
		c.frames = append(c.frames, &f)
	})
	if !delivered {
		f.Release()
	}
	return delivered
}

// Lose counts an exposure that cannot be delivered.
func (c *Camera) Lose() {
	c.state.Change(func() { c.sequence++ })
}

// Break makes the camera disappear until Start is called. Frames that were not
// taken yet are lost.
func (c *Camera) Break() {
	var lost []*camera.Frame
	c.state.Change(func() {
		c.started = false
		lost, c.frames = c.frames, nil
	})
	for _, f := range lost {
		f.Release()
	}
}

// AwaitStart waits until the camera is started or closed.
func (c *Camera) AwaitStart(ctx context.Context) error {
	return c.state.Until(ctx, func() bool { return c.started || c.closed })
}

// AwaitTaken waits until Next has handed over every frame, or there is nobody to
// take them because the camera is gone or closed.
func (c *Camera) AwaitTaken(ctx context.Context) error {
	return c.state.Until(ctx, func() bool { return len(c.frames) == 0 || !c.started || c.closed })
}

// End lets Next return ErrEnd once every frame was taken.
func (c *Camera) End() {
	c.state.Change(func() { c.ended = true })
}
