package inspect

import (
	"image"
	"math"
	"slices"

	"gocv.io/x/gocv"
)

// tileSide is the side in pixels of the tiles in which noise is measured.
const tileSide = 256

// tiles hold the robust standard deviation of a plane by place.
type tiles struct {
	nx, ny, side int
	sigma        []float32 // 0 where a tile has too few pixels
}

// newTiles measures tiles of side pixels; floor is the least deviation.
func newTiles(p plane, valid []bool, side int, floor float64) *tiles {
	t := &tiles{nx: (p.w + side - 1) / side, ny: (p.h + side - 1) / side, side: side}
	t.sigma = make([]float32, t.nx*t.ny)
	for n := range t.sigma {
		x, y := n%t.nx*side, n/t.nx*side
		t.sigma[n] = max(tileSpread(p, valid, image.Rect(x, y, x+side, y+side).Intersect(p.bounds())), 0)
	}
	t.fillGaps()
	t.smooth()
	for n := range t.sigma {
		t.sigma[n] = max(t.sigma[n], float32(floor))
	}
	return t
}

// tileSpread is the spread of every so many pixels of a tile; −1 where fewer
// than a quarter are valid.
func tileSpread(p plane, valid []bool, r image.Rectangle) float32 {
	const enough = 4096
	step := max(1, int(math.Sqrt(float64(r.Dx()*r.Dy())/enough)))
	values := make([]float32, 0, 2*enough)
	all := 0
	for y := r.Min.Y; y < r.Max.Y; y += step {
		for x := r.Min.X; x < r.Max.X; x += step {
			all++
			if i := y*p.w + x; valid[i] {
				values = append(values, p.v[i])
			}
		}
	}
	if 4*len(values) < all {
		return -1
	}
	return spread(values)
}

// median is that of the tiles.
func (t *tiles) median() float64 { return float64(median(slices.Clone(t.sigma))) }

// fillGaps gives tiles without a measure the median of those with one.
func (t *tiles) fillGaps() {
	var known []float32
	for _, v := range t.sigma {
		if v > 0 {
			known = append(known, v)
		}
	}
	middle := median(known)
	for n, v := range t.sigma {
		if v <= 0 {
			t.sigma[n] = middle
		}
	}
}

// smooth takes the median of each tile and its neighbours, so that a tile full
// of defects does not hide them.
func (t *tiles) smooth() {
	out := make([]float32, len(t.sigma))
	for n := range out {
		var near []float32
		for y := max(n/t.nx-1, 0); y <= min(n/t.nx+1, t.ny-1); y++ {
			for x := max(n%t.nx-1, 0); x <= min(n%t.nx+1, t.nx-1); x++ {
				near = append(near, t.sigma[y*t.nx+x])
			}
		}
		out[n] = median(near)
	}
	t.sigma = out
}

// spreadOut interpolates the tiles over a plane of w × h pixels.
func (s *workspace) spreadOut(t *tiles, w, h int) (plane, error) {
	tmp := &workspace{}
	defer tmp.Close()
	grid := tmp.plane(t.nx, t.ny)
	copy(grid.v, t.sigma)
	m := gocv.NewMat()
	err := gocv.Resize(grid.mat, &m, image.Pt(t.nx*t.side, t.ny*t.side), 0, 0, gocv.InterpolationLinear)
	full := tmp.own(m)
	out := s.plane(w, h)
	for y := range h {
		copy(out.row(y), full.row(y))
	}
	return out, err
}

// calm divides z by the factor, at least 1, by which it is wider than a
// standard normal variable, in its middle or towards its tail.
func calm(z plane, valid []bool) {
	step := max(1, len(z.v)/quantileSample)
	var seen []float32
	for i := 0; i < len(z.v); i += step {
		if valid[i] {
			seen = append(seen, z.v[i])
		}
	}
	if f := widening(seen); f > 1 {
		for i := range z.v {
			z.v[i] /= f
		}
	}
}
