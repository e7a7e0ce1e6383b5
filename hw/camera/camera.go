// Package camera is what the appliance asks of a camera, and the cameras that
// need no hardware.
//
// A camera is triggered from outside, by the tool or by the appliance, and
// hands over its frames in the order in which it exposed them. A frame is lent:
// whoever got it reads its pixels in place and gives it back with Release,
// soon, because a camera has few buffers.
package camera

import (
	"context"
	"encoding/binary"
	"errors"
	"time"
)

// Errors that a caller can act on.
var (
	// ErrGone means that the camera was unplugged or stopped answering; Start
	// may bring it back.
	ErrGone = errors.New("camera: gone")
	// ErrEnd means that a recorded source has no more frames.
	ErrEnd = errors.New("camera: no more frames")
)

// Format is how a camera's pixels lie in memory.
type Format struct {
	Width, Height int // pixels
	Stride        int // bytes from row to row
	Depth         int // bits of a grey value: 8 in one byte; 10, 12, 16 in two, little-endian
}

// Frame is one exposure, lent by the camera until Release.
type Frame struct {
	Format
	Pix []byte
	// Time is the start of exposure, on the clock of the trigger line.
	Time time.Duration
	// Sequence numbers the camera's exposures from 1; a gap is a frame that
	// the camera exposed and could not deliver.
	Sequence uint64
	// Source names a recorded frame's file; it is empty for a live camera.
	Source string
	// Return gives the buffer back to its owner; nil where nobody waits for it.
	Return func()
}

// At is the grey value of a pixel, DN. x and y must lie within the frame.
func (f *Frame) At(x, y int) int {
	if f.Depth > 8 {
		return int(binary.LittleEndian.Uint16(f.Pix[y*f.Stride+2*x:]))
	}
	return int(f.Pix[y*f.Stride+x])
}

// Greys are all grey values, DN, row by row.
func (f *Frame) Greys() []float32 {
	out := make([]float32, 0, f.Width*f.Height)
	for y := range f.Height {
		for x := range f.Width {
			out = append(out, float32(f.At(x, y)))
		}
	}
	return out
}

// Mean is the mean grey value, DN.
func (f *Frame) Mean() float64 {
	sum := 0
	for y := range f.Height {
		for x := range f.Width {
			sum += f.At(x, y)
		}
	}
	return float64(sum) / float64(f.Width*f.Height)
}

// Release gives the frame's memory back. Neither the pixels nor the frame may be
// used after: a camera may make its next frame in the same place.
func (f *Frame) Release() {
	// First: from the call on the frame may be another.
	if back := f.Return; back != nil {
		f.Return = nil
		back()
	}
}

// Camera is a triggered area camera. Start and Next are called from one
// goroutine; Close may come from another and ends a waiting Next.
type Camera interface {
	// Start opens the camera and arms it. After ErrGone it may be called again;
	// the exposures are then numbered from 1 again, as drivers do.
	Start(ctx context.Context) error
	// Next waits for the next frame. It returns the context's error when that
	// ends first, ErrGone when the camera disappears, and ErrEnd after the last
	// recorded frame. The frame must be released.
	Next(ctx context.Context) (*Frame, error)
	// Close stops the camera. Frames still lent stay readable until released.
	Close() error
}
