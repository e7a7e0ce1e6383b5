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
	best      plane   // greatest |z| so far
	found     plane   // signed z of the pixels beyond the threshold, else 0
}

func (s *workspace) evidence(w, h int, threshold float64) *evidence {
	return &evidence{s, threshold, s.zeros(w, h), s.zeros(w, h)}
}

// add takes in a filter's answer at each pixel: the smoothed difference in grey
// values, and how many standard deviations that is, never negative. The filters
// must come with growing scale (their Gaussian's standard deviation in pixels).
//
// Two rules keep the outlines tight. Within three scales of a peak, what is
// below half of it belongs to the peak's smear. And a coarser filter speaks
// only where it is surer than every finer one near by.
func (e *evidence) add(scale float64, diff, z plane) error {
	tmp := &workspace{}
	defer tmp.Close()
	size := tmp.plane(diff.w, diff.h)
	for i, d := range diff.v {
		size.v[i] = abs(d)
	}
	reach := int(math.Ceil(3 * scale))
	peak, err := tmp.highest(size, reach)
	if err != nil {
		return err
	}
	finer, err := tmp.highest(e.best, reach)
	if err != nil {
		return err
	}
	for i, v := range z.v {
		if v > float32(e.threshold) && v > finer.v[i] && size.v[i] > peak.v[i]/2 && v > abs(e.found.v[i]) {
			e.found.v[i] = float32(math.Copysign(float64(v), float64(diff.v[i])))
		}
		e.best.v[i] = max(e.best.v[i], v)
	}
	return nil
}

// highest is the greatest value within reach pixels across and down.
func (s *workspace) highest(p plane, reach int) (plane, error) {
	side := 2*reach + 1
	kernel := gocv.GetStructuringElement(gocv.MorphRect, image.Pt(side, side))
	defer kernel.Close()
	m := gocv.NewMat()
	err := gocv.Dilate(p.mat, &m, kernel)
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
