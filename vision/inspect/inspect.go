// Package inspect turns frames into findings: against a golden die, dies against
// each other, against a reference image, or against a bare wafer's own
// surroundings.
package inspect

import (
	"image"

	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/pose"
)

// Shift is how far an image lies from where it was expected, in pixels, x to
// the right and y down.
type Shift struct{ DX, DY float64 }

// Die is what was found on one die of a frame.
type Die struct {
	Rect image.Rectangle // where it was expected in the frame
	// Registered is false where the die could not be matched with its golden, or
	// with the other dies; then nothing was compared, and Reason says why.
	Registered bool
	Reason     string
	Shift      Shift           // of the die's middle from that of Rect
	Turn       pose.Turn       // of the die against its golden, where that is more than shows
	Field      pose.Turn       // of the field's dies among each other against the layout
	Light      float64         // the die's brightness over its golden's; 0 where there is no golden
	Defects    []defect.Defect // in pixels of the frame
}

// InFrame is where a pixel of the die, counted from its corner, lies in the frame.
func (d Die) InFrame(x, y float64) (fx, fy float64) {
	hx, hy := float64(d.Rect.Dx()-1)/2, float64(d.Rect.Dy()-1)/2
	tx, ty := d.Turn.Apply(x-hx, y-hy)
	return float64(d.Rect.Min.X) + hx + d.Shift.DX + tx, float64(d.Rect.Min.Y) + hy + d.Shift.DY + ty
}

// Straight is where a place of the frame would be, were the die shifted only.
func (d Die) Straight(x, y float64) (sx, sy float64) {
	mx, my := d.InFrame(float64(d.Rect.Dx()-1)/2, float64(d.Rect.Dy()-1)/2)
	tx, ty := d.Turn.Undo(x-mx, y-my)
	return mx + tx, my + ty
}

// Inspector inspects the dies of frames. It is used from one goroutine and
// holds memory outside Go's heap until Close.
type Inspector interface {
	// Inspect looks at the given parts of a frame, one die each, and returns a
	// Die for each, in their order. No parts means the whole frame as one die.
	// The image is only read, and not kept; the dies are valid until the next call,
	// their defects for good. The error names an image that cannot
	// be inspected at all: wrong depth, too small for a die.
	Inspect(img frame.Image, dies []image.Rectangle) ([]Die, error)
	Close() error
}
