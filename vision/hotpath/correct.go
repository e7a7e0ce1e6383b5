package hotpath

import "kensa/vision/frame"

// Correct writes the corrected grey levels of the pixels from (x, y) on to the
// right, one for each of dst, as 16-bit grey values: f of the package comment,
// clipped to 0 … 255 grey levels. A nil Flat corrects nothing. The pixels must
// lie in the frame, and the frame must have the flat field's size.
func (f *Flat) Correct(img frame.Image, x, y int, dst []uint16) {
	row := img.Pix[y*img.Stride+x*img.BytesPerPixel():]
	if f == nil && img.Depth == 8 {
		for n, v := range row[:len(dst)] {
			dst[n] = uint16(v) << 8
		}
		return
	}
	var j job
	j.see(img, f)
	d := &die{x: int32(x), y: int32(y)}
	const top = 1<<14 - 1 // Q6
	for n := range dst {
		dst[n] = uint16(max(0, min(top, j.corrected(d, n, 0)))) << 2
	}
}

// Fits reports whether the flat field is of the frame's size; a nil Flat fits
// every frame.
func (f *Flat) Fits(img frame.Image) bool {
	return f == nil || f.width == img.Width && f.height == img.Height
}
