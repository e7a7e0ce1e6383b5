package inspect

import (
	"fmt"
	"image"

	"kensa/vision/frame"
	"kensa/vision/hotpath"
)

// Flattened corrects frames for an inspector that takes them as they are. It
// copies them; Golden does without, by UseFlat.
type Flattened struct {
	inner Inspector
	flat  *hotpath.Flat
	even  frame.Image
}

var _ Inspector = (*Flattened)(nil)

// NewFlattened puts a correction before an inspector, which it closes.
func NewFlattened(inner Inspector, flat *hotpath.Flat) *Flattened {
	return &Flattened{inner: inner, flat: flat}
}

// Inspect implements Inspector.
func (f *Flattened) Inspect(img frame.Image, dies []image.Rectangle) ([]Die, error) {
	if err := img.Check(); err != nil {
		return nil, err
	}
	if err := fits(f.flat, img); err != nil {
		return nil, err
	}
	f.even = f.flat.CorrectFrame(img, f.even)
	return f.inner.Inspect(f.even, dies)
}

// Close implements Inspector.
func (f *Flattened) Close() error { return f.inner.Close() }

func fits(flat *hotpath.Flat, img frame.Image) error {
	if flat.Fits(img) {
		return nil
	}
	return fmt.Errorf("inspect: frame of %d×%d pixels; the flat field is of another size: calibrate the light of this camera", img.Width, img.Height)
}
