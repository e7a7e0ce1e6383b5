// Package optics makes camera pictures of what lies on the stage: a lens that
// blurs, a sensor that integrates over its pixels, uneven light, dust, noise.
//
// Pictures are exact to the sub-pixel. A Plate holds a die blurred and
// integrated over one camera pixel at every quarter of a pixel along each axis.
// The integral of a picture that is constant within quarter pixels is bilinear
// between those places, so that bilinear interpolation between phases is not an
// approximation of a shift but the shift itself.
package optics

import (
	"image"
	"math"

	"kensa/hw/simulator/die"
)

// Grey values inside this package are 8-bit ones times One.
const One = 64

// phases is the number of sub-pixel places along each axis.
const phases = 4

// Blur is the lens's point spread as the standard deviation of a Gaussian, in
// camera pixels: a lens that the pixel samples well.
const Blur = 0.55

// Margin is how much larger than the wanted plate its raster must be on every
// side, in camera pixels, for the blur to be whole.
const Margin = 3

// Plate is a part of a die as the camera may see it, at all phases.
type Plate struct {
	Rect   image.Rectangle // camera pixels of the die
	planes [phases * phases][]uint16
}

// NewPlate develops a raster. The plate is smaller than the raster by Margin.
func NewPlate(r *die.Raster, greys *die.Greys) *Plate {
	m := newMaster(r, greys)
	m.blur()
	m.integrate()
	p := &Plate{Rect: r.Rect.Inset(Margin)}
	w, h := p.Rect.Dx(), p.Rect.Dy()
	for phase := range p.planes {
		plane := make([]uint16, w*h)
		left, top := Margin*phases+phase%phases, Margin*phases+phase/phases
		for y := range h {
			row := m.pix[(top+y*phases)*m.w+left:]
			for x := range w {
				plane[y*w+x] = uint16(row[x*phases] + 0.5)
			}
		}
		p.planes[phase] = plane
	}
	return p
}

// master is a picture with phases pixels to a camera pixel along each axis.
type master struct {
	w, h int
	pix  []float32
}

func newMaster(r *die.Raster, greys *die.Greys) *master {
	const step = die.Fine / phases
	m := &master{w: r.Stride / step, h: r.Rows() / step}
	m.pix = make([]float32, m.w*m.h)
	var scaled [len(greys)]float32
	for i, g := range greys {
		scaled[i] = float32(g * One / (step * step))
	}
	for y := range r.Rows() {
		to := m.pix[y/step*m.w:]
		for x, c := range r.Cells[y*r.Stride : (y+1)*r.Stride] {
			to[x/step] += scaled[c]
		}
	}
	return m
}

// kernel is half of the Gaussian from its centre, normalised.
func kernel() []float32 {
	const sigma = Blur * phases
	half := make([]float64, int(math.Ceil(3.1*sigma))+1)
	sum := -1.0
	for i := range half {
		half[i] = math.Exp(-float64(i*i) / (2 * sigma * sigma))
		sum += 2 * half[i]
	}
	k := make([]float32, len(half))
	for i := range k {
		k[i] = float32(half[i] / sum)
	}
	return k
}

// blur applies the lens, along rows and then columns. Pixels too near the border
// keep their value; Margin covers them.
func (m *master) blur() {
	k := kernel()
	r := len(k) - 1
	rows := make([]float32, len(m.pix))
	copy(rows, m.pix)
	for y := range m.h {
		from, to := m.pix[y*m.w:(y+1)*m.w], rows[y*m.w:(y+1)*m.w]
		for x := r; x < m.w-r; x++ {
			v := k[0] * from[x]
			for i := 1; i <= r; i++ {
				v += k[i] * (from[x-i] + from[x+i])
			}
			to[x] = v
		}
	}
	for y := r; y < m.h-r; y++ {
		to := m.pix[y*m.w : (y+1)*m.w]
		m.column(rows, to, y, k)
	}
}

// column blurs one row of the result along the columns.
func (m *master) column(from, to []float32, y int, k []float32) {
	for x, v := range from[y*m.w : (y+1)*m.w] {
		to[x] = k[0] * v
	}
	for i := 1; i < len(k); i++ {
		above, below := from[(y-i)*m.w:][:m.w], from[(y+i)*m.w:][:m.w]
		for x := range to {
			to[x] += k[i] * (above[x] + below[x])
		}
	}
}

// integrate replaces each pixel by the mean over the camera pixel that begins
// there.
func (m *master) integrate() {
	for y := range m.h {
		row := m.pix[y*m.w : (y+1)*m.w]
		for x := 0; x+phases <= len(row); x++ {
			row[x] = (row[x] + row[x+1] + row[x+2] + row[x+3]) / phases
		}
	}
	for y := 0; y+phases <= m.h; y++ {
		row := m.pix[y*m.w : (y+1)*m.w]
		for x := range row {
			row[x] = (row[x] + m.pix[(y+1)*m.w+x] + m.pix[(y+2)*m.w+x] + m.pix[(y+3)*m.w+x]) / phases
		}
	}
}
