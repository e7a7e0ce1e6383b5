package hotpath

import (
	"encoding/binary"

	"kensa/vision/frame"
)

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

// CorrectFrame is Correct for all pixels of a frame, into an image of 16 bits; into's
// memory is used again where it is large enough.
func (f *Flat) CorrectFrame(img, into frame.Image) frame.Image {
	if into.Width != img.Width || into.Height != img.Height || into.Depth != 16 {
		into = frame.New(img.Width, img.Height, 16)
	}
	line := make([]uint16, img.Width)
	for y := range img.Height {
		f.Correct(img, 0, y, line)
		for x, row := 0, into.Row(y); x < len(line); x++ {
			binary.LittleEndian.PutUint16(row[2*x:], line[x])
		}
	}
	return into
}

// Fits reports whether the flat field is of the frame's size; a nil Flat fits
// every frame.
func (f *Flat) Fits(img frame.Image) bool {
	return f == nil || f.width == img.Width && f.height == img.Height
}
