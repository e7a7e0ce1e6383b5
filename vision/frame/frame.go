// Package frame holds grey images and says who owns their memory.
//
// An Image is a view: it borrows the memory of whoever made it (a camera's
// mapped buffer, a decoded file) and is read in place. Grey values are
// unsigned, Depth bits wide: 8 bits take one byte a pixel, 10 to 16 bits take
// two, little-endian, as V4L2's GREY, Y10, Y12 and Y16 formats lay them out.
// The origin is the top left corner, x to the right and y down.
package frame

import (
	"encoding/binary"
	"fmt"
	"image"
)

// MaxPixels bounds an image's size: a hostile header must not make the
// appliance allocate without limit. 2^28 pixels is four times the largest area
// sensor in common use.
const MaxPixels = 1 << 28

// Image is a view of grey pixels. It does not own Pix.
type Image struct {
	Pix           []byte
	Width, Height int // pixels
	Stride        int // bytes from one row to the next, at least Width*BytesPerPixel
	Depth         int // significant bits of a grey value: 8, 10, 12 or 16
}

// New allocates an image of its own, all zero, rows without padding.
func New(width, height, depth int) Image {
	bytes := 1
	if depth > 8 {
		bytes = 2
	}
	return Image{Pix: make([]byte, width*height*bytes), Width: width, Height: height, Stride: width * bytes, Depth: depth}
}

// BytesPerPixel is 1 for 8 bits, 2 for more.
func (m Image) BytesPerPixel() int {
	if m.Depth > 8 {
		return 2
	}
	return 1
}

// Bounds is the image's rectangle, from (0, 0).
func (m Image) Bounds() image.Rectangle { return image.Rect(0, 0, m.Width, m.Height) }

// Max is the largest grey value that Depth bits can hold.
func (m Image) Max() int { return 1<<m.Depth - 1 }

// Check reports what makes the view unusable: a size, depth or stride out of
// range, or memory shorter than its rows.
func (m Image) Check() error {
	switch {
	case m.Width <= 0 || m.Height <= 0:
		return fmt.Errorf("frame: size %d×%d; want at least 1×1 pixel", m.Width, m.Height)
	case m.Width > MaxPixels/m.Height:
		return fmt.Errorf("frame: size %d×%d; limit is %d pixels", m.Width, m.Height, MaxPixels)
	case m.Depth != 8 && m.Depth != 10 && m.Depth != 12 && m.Depth != 16:
		return fmt.Errorf("frame: depth %d bits; want 8, 10, 12 or 16", m.Depth)
	case m.Stride < m.Width*m.BytesPerPixel():
		return fmt.Errorf("frame: stride %d bytes; a row of %d pixels needs %d", m.Stride, m.Width, m.Width*m.BytesPerPixel())
	case m.Depth > 8 && m.Stride%2 != 0:
		return fmt.Errorf("frame: stride %d bytes; 16-bit pixels want an even one", m.Stride)
	case len(m.Pix) < m.Stride*(m.Height-1)+m.Width*m.BytesPerPixel():
		return fmt.Errorf("frame: %d bytes; %d×%d with stride %d needs %d", len(m.Pix), m.Width, m.Height, m.Stride,
			m.Stride*(m.Height-1)+m.Width*m.BytesPerPixel())
	}
	return nil
}

// Row returns the bytes of row y, without padding.
func (m Image) Row(y int) []byte {
	start := y * m.Stride
	return m.Pix[start : start+m.Width*m.BytesPerPixel()]
}

// At returns the grey value at (x, y). It is for tests and for few pixels:
// loops over many should take rows.
func (m Image) At(x, y int) int {
	if m.Depth > 8 {
		return int(binary.LittleEndian.Uint16(m.Pix[y*m.Stride+2*x:]))
	}
	return int(m.Pix[y*m.Stride+x])
}

// Set writes the grey value at (x, y), which must fit Depth bits.
func (m Image) Set(x, y, value int) {
	if m.Depth > 8 {
		binary.LittleEndian.PutUint16(m.Pix[y*m.Stride+2*x:], uint16(value))
		return
	}
	m.Pix[y*m.Stride+x] = byte(value)
}

// Sub returns the part of the image within r, sharing its memory. r is clipped
// to the image; the result may be empty (Width or Height 0).
func (m Image) Sub(r image.Rectangle) Image {
	r = r.Intersect(m.Bounds())
	if r.Empty() {
		return Image{Depth: m.Depth, Stride: m.Stride}
	}
	start := r.Min.Y*m.Stride + r.Min.X*m.BytesPerPixel()
	return Image{Pix: m.Pix[start:], Width: r.Dx(), Height: r.Dy(), Stride: m.Stride, Depth: m.Depth}
}

// Clone copies the pixels into memory of its own, rows without padding.
func (m Image) Clone() Image {
	c := New(m.Width, m.Height, m.Depth)
	for y := range m.Height {
		copy(c.Row(y), m.Row(y))
	}
	return c
}

// To8 returns the image with 8 bits a pixel, the upper ones of a deeper image;
// an image that has 8 already is returned as it is, sharing its memory.
func (m Image) To8() Image {
	if m.Depth == 8 {
		return m
	}
	c := New(m.Width, m.Height, 8)
	shift := m.Depth - 8
	for y := range m.Height {
		from, to := m.Row(y), c.Row(y)
		for x := range to {
			to[x] = byte(binary.LittleEndian.Uint16(from[2*x:]) >> shift)
		}
	}
	return c
}
