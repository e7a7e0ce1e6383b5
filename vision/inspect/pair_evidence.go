package inspect

import (
	"image"
	"math"

	"gocv.io/x/gocv"

	"kensa/vision/defect"
)

// evidence gathers what matched filters of several sizes find, from fine to
// coarse. A defect shows in many of them; each of its pixels is taken from
// those that outline it best.
type evidence struct {
	s         *workspace
	threshold float64 // standard deviations
	found     plane   // signed z of the pixels beyond the threshold, else 0
	best      plane   // greatest z so far, of blocks of factor × factor pixels; empty before the first
	factor    int
}

func (s *workspace) evidence(w, h int, threshold float64) *evidence {
	return &evidence{s, threshold, s.zeros(w, h), plane{}, 1}
}

// add takes in a filter's answer at each block of factor × factor pixels: the
// smoothed difference in grey values, and how many standard deviations that is,
// never negative. The filters must come with growing scale (their Gaussian's
// standard deviation in blocks) and factor (each 1 or 2 times the last).
//
// Two rules keep the outlines tight. Within three scales of a peak, what is
// below half of it belongs to the peak's smear. And a coarser filter speaks
// only where it is surer than every finer one near by.
func (e *evidence) add(factor int, scale float64, diff, z plane) error {
	if factor > e.factor && !e.first() {
		e.best = e.s.pool(e.best)
	}
	e.factor = factor
	reach := int(math.Ceil(3 * scale))
	for top := 0; top < z.h; top += stripRows {
		if err := e.addRows(diff, z, top, min(top+stripRows, z.h), reach); err != nil {
			return err
		}
	}
	if e.first() {
		e.best = e.s.plane(z.w, z.h)
		copy(e.best.v, z.v)
		return nil
	}
	for i, v := range z.v { // only now: each strip looks at what its neighbours were
		e.best.v[i] = max(e.best.v[i], v)
	}
	return nil
}

func (e *evidence) first() bool { return e.best.w == 0 }

// stripRows are looked at at a time, so that what is worked out on the way takes
// little memory.
const stripRows = 256

func (e *evidence) addRows(diff, z plane, top, bottom, reach int) error {
	tmp := &workspace{}
	defer tmp.Close()
	above, below := max(top-reach, 0), min(bottom+reach, z.h)
	size := tmp.plane(z.w, below-above)
	for i, d := range diff.v[above*z.w : below*z.w] {
		size.v[i] = abs(d)
	}
	peak, err := tmp.highest(size, reach)
	if err != nil {
		return err
	}
	finer := tmp.zeros(z.w, below-above)
	if !e.first() {
		copy(finer.v, e.best.v[above*z.w:])
		if finer, err = tmp.highest(finer, reach); err != nil {
			return err
		}
	}
	for y := top; y < bottom; y++ {
		size, peak, finer, diff := size.row(y-above), peak.row(y-above), finer.row(y-above), diff.row(y)
		for x, v := range z.row(y) {
			if v > float32(e.threshold) && v > finer[x] && size[x] > peak[x]/2 {
				e.mark(x, y, float32(math.Copysign(float64(v), float64(diff[x]))))
			}
		}
	}
	return nil
}

// mark notes z at the pixels of block (x, y), where nothing stronger stands.
func (e *evidence) mark(x, y int, z float32) {
	for py := y * e.factor; py < min((y+1)*e.factor, e.found.h); py++ {
		row := e.found.row(py)
		for px := x * e.factor; px < min((x+1)*e.factor, e.found.w); px++ {
			if abs(z) > abs(row[px]) {
				row[px] = z
			}
		}
	}
}

// pool is the greatest of each 2 × 2 values, as halve is their mean.
func (s *workspace) pool(p plane) plane {
	half := s.plane(p.w/2, p.h/2)
	for y := range half.h {
		a, b, to := p.row(2*y), p.row(2*y+1), half.row(y)
		for x := range to {
			to[x] = max(a[2*x], a[2*x+1], b[2*x], b[2*x+1])
		}
	}
	return half
}

// highest is the greatest value within reach pixels across and down.
func (s *workspace) highest(p plane, reach int) (plane, error) {
	return s.extreme(p, reach, gocv.Dilate)
}

// lowest is the least one.
func (s *workspace) lowest(p plane, reach int) (plane, error) {
	return s.extreme(p, reach, gocv.Erode)
}

func (s *workspace) extreme(p plane, reach int, of func(gocv.Mat, *gocv.Mat, gocv.Mat) error) (plane, error) {
	side := 2*reach + 1
	kernel := gocv.GetStructuringElement(gocv.MorphRect, image.Pt(side, side))
	defer kernel.Close()
	m := gocv.NewMat()
	err := of(p.mat, &m, kernel)
	return s.own(m), err
}

// runs lists the pixels found, by row.
func (e *evidence) runs() []defect.Run {
	var runs []defect.Run
	for y := range e.found.h {
		row := e.found.row(y)
		for x := 0; x < len(row); x++ {
			if row[x] == 0 {
				continue
			}
			r := defect.Run{Y: y, X0: x}
			for ; x < len(row) && row[x] != 0; x++ {
				r = grown(r, x, row[x], float32(e.threshold))
			}
			r.X1 = x
			runs = append(runs, r)
		}
	}
	return runs
}

// grown is the run with pixel x, z standard deviations off, added.
func grown(r defect.Run, x int, z, threshold float32) defect.Run {
	if z > 0 {
		r.Bright++
	}
	weight := 1 + int64(abs(z)-threshold)
	r.Weight += weight
	r.MomentX += weight * int64(x-r.X0)
	r.Peak = max(r.Peak, abs(z))
	return r
}

func abs[T float32 | float64](v T) T { return max(v, -v) }

// falseAlarmThreshold is the number of standard deviations that pure noise
// exceeds so seldom that the expected number of maxima beyond it, of either
// sign, in an image of so many pixels, is alarms.
//
// White noise under a Gaussian of standard deviation s has
// k·exp(−k²/2) / ((2π)^(3/2)·2s²) maxima above a high k for each pixel (Adler,
// The Geometry of Random Fields, 1981, for its second spectral moment 1/2s²).
func falseAlarmThreshold(pixels int, scales []float64, alarms float64) float64 {
	density := 0.0
	for _, s := range scales {
		density += 2 * float64(pixels) / (math.Pow(2*math.Pi, 1.5) * 2 * s * s)
	}
	low, high := 1.0, 40.0
	for range 60 {
		k := (low + high) / 2
		if density*k*math.Exp(-k*k/2) > alarms {
			low = k
		} else {
			high = k
		}
	}
	return high
}
