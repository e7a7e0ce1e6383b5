// Package plane holds grey values as float32, in grey levels of an 8-bit image,
// for the arithmetic around registration and training. The origin is the top
// left corner.
package plane

import (
	"encoding/binary"
	"image"

	"kensa/vision/frame"
)

// Plane is a rectangle of grey values, by rows, without padding.
type Plane struct {
	Width, Height int
	Pix           []float32
}

// New allocates a plane of zeros.
func New(width, height int) Plane {
	return Plane{width, height, make([]float32, width*height)}
}

// Reuse sets the plane's size and keeps its memory where that suffices. The
// values are undefined.
func (p *Plane) Reuse(width, height int) {
	if cap(p.Pix) < width*height {
		p.Pix = make([]float32, width*height)
	}
	p.Width, p.Height, p.Pix = width, height, p.Pix[:width*height]
}

// Row is row y.
func (p Plane) Row(y int) []float32 { return p.Pix[y*p.Width : (y+1)*p.Width] }

// Load reads the part r of an image; outside the image the nearest pixel of its
// border counts, and a part wholly beside it is zero. Deeper grey values are
// scaled to those of 8 bits, 0 to just below 256.
func (p *Plane) Load(m frame.Image, r image.Rectangle) {
	p.Reuse(r.Dx(), r.Dy())
	scale := 1 / float32(int(1)<<(m.Depth-8))
	for y := range p.Height {
		from, to := m.Row(clamp(r.Min.Y+y, m.Height)), p.Row(y)
		left := min(max(0, -r.Min.X), p.Width)            // columns before the image's first
		right := max(left, min(p.Width, m.Width-r.Min.X)) // the column after its last
		for x := left; x < right; x++ {
			if at := r.Min.X + x; m.Depth == 8 {
				to[x] = float32(from[at])
			} else {
				to[x] = scale * float32(binary.LittleEndian.Uint16(from[2*at:]))
			}
		}
		repeat(to, left, right)
	}
}

// repeat fills the columns outside left to right with the nearest inside. Where
// there is none, the part lies beside the image and becomes zero.
func repeat(row []float32, left, right int) {
	if left >= right {
		clear(row)
		return
	}
	for x := range left {
		row[x] = row[left]
	}
	for x := right; x < len(row); x++ {
		row[x] = row[right-1]
	}
}

func clamp(n, size int) int { return max(0, min(n, size-1)) }

// Half sets p to the means of from's 2×2 blocks.
func (p *Plane) Half(from Plane) {
	p.Reuse(from.Width/2, from.Height/2)
	for y := range p.Height {
		a, b, to := from.Row(2*y), from.Row(2*y+1), p.Row(y)
		for x := range to {
			to[x] = (a[2*x] + a[2*x+1] + b[2*x] + b[2*x+1]) / 4
		}
	}
}

// Smooth sets p to from filtered by the binomial (1 4 6 4 1)/16 across and
// down, a Gaussian of 1 pixel. Two pixels at each border are lost: p is
// smaller by 4 and its origin lies at (2, 2) of from. scratch is overwritten.
func (p *Plane) Smooth(from Plane, scratch *Plane) {
	scratch.Reuse(from.Width-4, from.Height)
	for y := range from.Height {
		in, out := from.Row(y), scratch.Row(y)
		for x := range out {
			out[x] = (in[x] + in[x+4] + 4*(in[x+1]+in[x+3]) + 6*in[x+2]) / 16
		}
	}
	p.Reuse(from.Width-4, from.Height-4)
	for y := range p.Height {
		a, b, c, d, e := scratch.Row(y), scratch.Row(y+1), scratch.Row(y+2), scratch.Row(y+3), scratch.Row(y+4)
		out := p.Row(y)
		for x := range out {
			out[x] = (a[x] + e[x] + 4*(b[x]+d[x]) + 6*c[x]) / 16
		}
	}
}

// SmoothAt is Smooth with the result's origin at (3+u, 3+v) of from, u and v 0
// to 1: cubic convolution (Keys, 1981) interpolates, so that a fraction of
// a pixel does not blur. Three pixels are lost at the left and top, four at the
// right and bottom.
func (p *Plane) SmoothAt(from Plane, u, v float64, scratch *Plane) {
	across, down := taps(u), taps(v)
	scratch.Reuse(from.Width-7, from.Height)
	for y := range from.Height {
		in, out := from.Row(y), scratch.Row(y)
		for x := range out {
			w := in[x : x+8]
			out[x] = across[0]*w[0] + across[1]*w[1] + across[2]*w[2] + across[3]*w[3] +
				across[4]*w[4] + across[5]*w[5] + across[6]*w[6] + across[7]*w[7]
		}
	}
	p.Reuse(from.Width-7, from.Height-7)
	for y := range p.Height {
		out := p.Row(y)
		clear(out)
		for n, tap := range down {
			for x, value := range scratch.Row(y + n) {
				out[x] += tap * value
			}
		}
	}
}

// taps is the binomial (1 4 6 4 1)/16 convolved with Keys' kernel at u.
func taps(u float64) (t [8]float32) {
	keys := [4]float64{((-0.5*u+1)*u - 0.5) * u, (1.5*u-2.5)*u*u + 1, ((-1.5*u+2)*u + 0.5) * u, (0.5*u - 0.5) * u * u}
	for n, k := range keys {
		for m, b := range [5]float64{1, 4, 6, 4, 1} {
			t[n+m] += float32(k * b / 16)
		}
	}
	return t
}

// Pad returns the plane with n more pixels at each side that repeat its border.
func (p Plane) Pad(n int) Plane {
	out := New(p.Width+2*n, p.Height+2*n)
	for y := range out.Height {
		from, to := p.Row(clamp(y-n, p.Height)), out.Row(y)
		for x := range to {
			to[x] = from[clamp(x-n, p.Width)]
		}
	}
	return out
}
