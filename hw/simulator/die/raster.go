package die

import (
	"image"
	"math"
)

// Raster is a part of a die as cells of material, Fine cells a camera pixel.
type Raster struct {
	Rect   image.Rectangle // camera pixels
	Stride int             // cells in a row
	Cells  []Material
}

// NewRaster is a raster of street.
func NewRaster(r image.Rectangle) *Raster {
	return &Raster{r, r.Dx() * Fine, make([]Material, r.Dx()*Fine*r.Dy()*Fine)}
}

// Rows is the number of rows of cells.
func (m *Raster) Rows() int { return m.Rect.Dy() * Fine }

// Clone copies the raster.
func (m *Raster) Clone() *Raster {
	return &Raster{m.Rect, m.Stride, append([]Material(nil), m.Cells...)}
}

// Paint covers the cells whose centres lie in the shape.
func (m *Raster) Paint(s Shape) {
	x0, x1 := m.span(s.X0, s.X1, m.Rect.Min.X, m.Stride)
	y0, y1 := m.span(s.Y0, s.Y1, m.Rect.Min.Y, m.Rows())
	for y := y0; y < y1; y++ {
		a, b := x0, x1
		if s.Round {
			a, b = m.chord(s, y)
		}
		if row := m.Cells[y*m.Stride:]; a < b {
			fill(row[a:b], s.Material)
		}
	}
}

// span is the range of cells, clipped to 0…limit, whose centres lie in [from, to).
func (m *Raster) span(from, to float64, origin, limit int) (int, int) {
	a := int(math.Ceil((from-float64(origin))*Fine - 0.5))
	b := int(math.Ceil((to-float64(origin))*Fine - 0.5))
	return min(max(a, 0), limit), max(min(b, limit), 0)
}

// chord is the span of a round shape in a row of cells.
func (m *Raster) chord(s Shape, row int) (int, int) {
	y := float64(m.Rect.Min.Y) + (float64(row)+0.5)/Fine
	v := (y - (s.Y0+s.Y1)/2) / (s.Height() / 2)
	if v*v >= 1 {
		return 0, 0
	}
	half := math.Sqrt(1-v*v) * s.Width() / 2
	cx := (s.X0 + s.X1) / 2
	return m.span(cx-half, cx+half, m.Rect.Min.X, m.Stride)
}

func fill(cells []Material, v Material) {
	for i := range cells {
		cells[i] = v
	}
}

// At is the material at a place in camera pixels, which must lie in Rect.
func (m *Raster) At(x, y float64) Material {
	i, j := m.cell(x, y)
	return m.Cells[j*m.Stride+i]
}

// cell is the cell that a place lies in.
func (m *Raster) cell(x, y float64) (i, j int) {
	return int((x - float64(m.Rect.Min.X)) * Fine), int((y - float64(m.Rect.Min.Y)) * Fine)
}

// Center is the place of a cell's centre.
func (m *Raster) Center(i, j int) (x, y float64) {
	return float64(m.Rect.Min.X) + (float64(i)+0.5)/Fine, float64(m.Rect.Min.Y) + (float64(j)+0.5)/Fine
}
