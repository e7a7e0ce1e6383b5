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
	cell, nx, ny int
	mean         []float64 // of each cell
	weight       []float64 // 0 where a cell has too few pixels
	robust       []float64 // 0 for cells far off the surface
	surface      []float64
}

// cellSide is the side of a cell in pixels: large enough that particles seldom
// fill half of one.
const cellSide = 32

// newBackground fits the surface to the pixels of p that valid allows, over a
// radius in pixels.
func newBackground(p plane, valid []bool, radius float64) *background {
	b := &background{cell: cellSide, nx: (p.w + cellSide - 1) / cellSide, ny: (p.h + cellSide - 1) / cellSide}
	n := b.nx * b.ny
	b.mean, b.weight, b.robust, b.surface = make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for c := range n {
		b.measure(c, p, valid)
		b.robust[c] = 1
	}
	const passes = 3
	for pass := range passes {
		for c := range n {
			b.surface[c] = b.fit(c, max(2, radius/cellSide))
		}
		if pass < passes-1 {
			b.reweigh()
		}
	}
	return b
}

// measure computes a cell's interquartile mean, which a particle that covers
// less than a quarter of it does not move.
func (b *background) measure(c int, p plane, valid []bool) {
	const perGrey = 4
	var counts [256*perGrey + 1]int
	r := b.rect(c).Intersect(p.bounds())
	n := 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if i := y*p.w + x; valid[i] {
				counts[int(min(max(p.v[i], 0), 255)*perGrey+0.5)]++
				n++
			}
		}
	}
	if n < b.cell*b.cell/4 && n < r.Dx()*r.Dy() {
		return
	}
	b.weight[c] = float64(n) / float64(b.cell*b.cell)
	b.mean[c] = interquartileMean(counts[:], n) / perGrey
}

func (b *background) rect(c int) image.Rectangle {
	x, y := c%b.nx*b.cell, c/b.nx*b.cell
	return image.Rect(x, y, x+b.cell, y+b.cell)
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

// fit is the surface at cell c: a quadratic through the cells within radius
// cells, weighted by distance (tricube) and by how well they fitted before.
func (b *background) fit(c int, radius float64) float64 {
	cx, cy, reach := c%b.nx, c/b.nx, int(radius)
	var h [six][six]float64
	var v [six]float64
	for y := max(cy-reach, 0); y <= min(cy+reach, b.ny-1); y++ {
		for x := max(cx-reach, 0); x <= min(cx+reach, b.nx-1); x++ {
			i := y*b.nx + x
			dx, dy := float64(x-cx)/radius, float64(y-cy)/radius
			d := math.Sqrt(dx*dx + dy*dy)
			if w := b.weight[i] * b.robust[i]; d < 1 && w > 0 {
				accumulate(&h, &v, dx, dy, b.mean[i], w*cube(1-cube(d)))
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
	var off []float32
	for c, w := range b.weight {
		if w > 0 {
			off = append(off, float32(b.mean[c]-b.surface[c]))
		}
	}
	limit := 6 * max(float64(spread(off)), 0.05)
	for c := range b.robust {
		z := (b.mean[c] - b.surface[c]) / limit
		b.robust[c] = square(max(1-z*z, 0))
	}
}

// subtract takes the surface, interpolated between the cells' centres, out of
// p, and returns it.
func (s *workspace) subtract(p plane, b *background) (plane, error) {
	tmp := &workspace{}
	defer tmp.Close()
	grid := tmp.plane(b.nx, b.ny)
	for c, v := range b.surface {
		grid.v[c] = float32(v)
	}
	m := gocv.NewMat()
	err := gocv.Resize(grid.mat, &m, image.Pt(b.nx*b.cell, b.ny*b.cell), 0, 0, gocv.InterpolationCubic)
	full := tmp.own(m)
	if err != nil {
		return p, err
	}
	surface := s.plane(p.w, p.h)
	for y := range p.h {
		from, to, out := p.row(y), surface.row(y), full.row(y)
		for x := range from {
			to[x] = out[x]
			from[x] -= out[x]
		}
	}
	return surface, nil
}
