package inspect

import (
	"image"
	"math"

	"gocv.io/x/gocv"
)

// A background is the smooth part of a bare wafer's image on a grid of square
// cells: each cell's own robust mean, and a surface through them, fitted by
// robust local quadratics (Cleveland's LOESS, 1979, in two dimensions). A
// quadratic follows light that falls off and the rings of a thin film without
// the bias that a moving average or median has on slopes near the wafer's edge.
type background struct {
	nx, ny  int    // cells, and one more all round in surface
	cells   []cell // row-major
	surface []float64
}

// A cell is a square of the image.
type cell struct {
	mean   float64
	x, y   float64 // centre of its valid pixels, in cells
	weight float64 // 0 where it has too few
	robust float64 // 0 for a cell far off the surface
}

// cellSide is the side of a cell in pixels: large enough that particles seldom
// fill a quarter of one.
const cellSide = 32

// newBackground fits the surface to the pixels of p that valid allows, over a
// radius in pixels.
func newBackground(p plane, valid []bool, radius float64) *background {
	b := &background{nx: (p.w + cellSide - 1) / cellSide, ny: (p.h + cellSide - 1) / cellSide}
	b.cells, b.surface = make([]cell, b.nx*b.ny), make([]float64, (b.nx+2)*(b.ny+2))
	for c := range b.cells {
		x, y := c%b.nx*cellSide, c/b.nx*cellSide
		b.cells[c] = newCell(p, valid, image.Rect(x, y, x+cellSide, y+cellSide).Intersect(p.bounds()))
	}
	const passes = 3
	for pass := range passes {
		for n := range b.surface {
			b.surface[n] = b.fit(n%(b.nx+2)-1, n/(b.nx+2)-1, max(2, radius/cellSide))
		}
		if pass < passes-1 {
			b.reweigh()
		}
	}
	return b
}

// newCell computes the interquartile mean, which a particle that covers less
// than a quarter of the cell does not move.
func newCell(p plane, valid []bool, r image.Rectangle) cell {
	const perGrey = 4
	var counts [255*perGrey + 1]int
	n, sumX, sumY := 0, 0, 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if i := y*p.w + x; valid[i] {
				counts[int(min(max(p.v[i], 0), 255)*perGrey+0.5)]++
				n, sumX, sumY = n+1, sumX+x, sumY+y
			}
		}
	}
	if n < cellSide*cellSide/16 {
		return cell{}
	}
	centre := func(sum int) float64 { return (float64(sum)/float64(n)+0.5)/cellSide - 0.5 }
	return cell{interquartileMean(counts[:], n) / perGrey, centre(sumX), centre(sumY), float64(n) / (cellSide * cellSide), 1}
}

// interquartileMean is the mean place of the middle half of n counts.
func interquartileMean(counts []int, n int) float64 {
	low, high := float64(n)/4, 3*float64(n)/4
	sum, seen := 0.0, 0.0
	for i, k := range counts {
		from, to := max(seen, low), min(seen+float64(k), high)
		if to > from {
			sum += float64(i) * (to - from)
		}
		seen += float64(k)
	}
	if high <= low {
		return 0
	}
	return sum / (high - low)
}

// fit is the surface at the centre of cell (cx, cy), which may lie outside the
// image: a quadratic through the cells within radius cells, weighted by distance
// (tricube) and by how well they fitted before.
func (b *background) fit(cx, cy int, radius float64) float64 {
	reach := int(radius) + 1
	var h [six][six]float64
	var v [six]float64
	for y := max(cy-reach, 0); y <= min(cy+reach, b.ny-1); y++ {
		for x := max(cx-reach, 0); x <= min(cx+reach, b.nx-1); x++ {
			c := b.cells[y*b.nx+x]
			dx, dy := (c.x-float64(cx))/radius, (c.y-float64(cy))/radius
			d := math.Sqrt(dx*dx + dy*dy)
			if w := c.weight * c.robust; d < 1 && w > 0 {
				accumulate(&h, &v, dx, dy, c.mean, w*cube(1-cube(d)))
			}
		}
	}
	for i := range six {
		// Few cells, at the rim, leave a quadratic open; a small belief in a plane
		// through them closes it.
		h[i][i] += 1e-9
		if i > 2 {
			h[i][i] += 0.01
		}
	}
	return solve(h, v)[0]
}

func cube(v float64) float64 { return v * v * v }

// accumulate adds one weighted value to the normal equations of a quadratic.
func accumulate(h *[six][six]float64, v *[six]float64, dx, dy, value, w float64) {
	base := [six]float64{1, dx, dy, dx * dx, dx * dy, dy * dy}
	for r := range six {
		wr := w * base[r]
		v[r] += wr * value
		for k := range r + 1 {
			h[r][k] += wr * base[k]
		}
	}
}

// reweigh gives each cell Tukey's biweight of its distance from the surface.
func (b *background) reweigh() {
	off := func(n int) float64 { return b.cells[n].mean - b.surface[(n/b.nx+1)*(b.nx+2)+n%b.nx+1] }
	var all []float32
	for n, c := range b.cells {
		if c.weight > 0 {
			all = append(all, float32(off(n)))
		}
	}
	limit := 6 * max(float64(spread(all)), 0.05)
	for n := range b.cells {
		z := off(n) / limit
		b.cells[n].robust = square(max(1-z*z, 0))
	}
}

// subtract takes the surface, interpolated between the cells' centres, out of
// p, and returns it.
func (s *workspace) subtract(p plane, b *background) (plane, error) {
	tmp := &workspace{}
	defer tmp.Close()
	grid := tmp.plane(b.nx+2, b.ny+2)
	for n, v := range b.surface {
		grid.v[n] = float32(v)
	}
	m := gocv.NewMat()
	err := gocv.Resize(grid.mat, &m, image.Pt(grid.w*cellSide, grid.h*cellSide), 0, 0, gocv.InterpolationCubic)
	full := tmp.own(m)
	if err != nil {
		return p, err
	}
	surface := s.plane(p.w, p.h)
	for y := range p.h {
		copy(surface.row(y), full.row(y + cellSide)[cellSide:])
	}
	for i, v := range surface.v {
		p.v[i] -= v
	}
	return surface, nil
}
