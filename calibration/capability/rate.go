package capability

import (
	"math"
	"slices"

	"kensa/calibration"
	"kensa/vision/evaluate"
)

// share of known defects that scans found.
type share struct {
	value, low, high float64
	defects          int
}

// shareOf is the mean over defects of the part of the scans that found each.
func shareOf(found [][]bool) share {
	if len(found) == 0 {
		return share{high: 1}
	}
	parts, count := make([]float64, len(found)), 0
	for n, scans := range found {
		for _, f := range scans {
			if f {
				parts[n]++
				count++
			}
		}
		parts[n] /= float64(len(scans))
	}
	k, m := float64(len(found)), float64(len(found[0]))
	mean := float64(count) / (k * m)
	_, scatter := calibration.Moments(parts)
	worth := k
	if v := scatter * scatter / k; mean > 0 && mean < 1 {
		worth = math.Max(k, math.Min(k*m, mean*(1-mean)/v))
	}
	s := share{value: mean, defects: len(found)}
	s.low, s.high = evaluate.Wilson(mean, worth, calibration.K)
	return s
}

// uncertainty is the wider side of the interval.
func (s share) uncertainty() float64 { return math.Max(s.value-s.low, s.high-s.value) }

// falses is the number of false counts of a scan, with its interval.
type falses struct{ value, low, high float64 }

// falsesOf counts them, as a Poisson count by Byar's approximation (Breslow and Day,
// Statistical Methods in Cancer Research II, 1987, 2.3). A place that is found again and
// again varies less than that; the interval is of further scans of this wafer, not of other
// wafers.
func falsesOf(scans []Scan) falses {
	n, m := 0.0, float64(len(scans))
	for _, s := range scans {
		n += float64(len(s.False))
	}
	bound := func(n, z float64) float64 {
		return n * math.Pow(math.Max(0, 1-1/(9*n)+z/(3*math.Sqrt(n))), 3)
	}
	f := falses{value: n / m, high: bound(n+1, calibration.K) / m}
	if n > 0 {
		f.low = bound(n, -calibration.K) / m
	}
	return f
}

func (f falses) uncertainty() float64 { return math.Max(f.value-f.low, f.high-f.value) }

// scatter is how far scans differ in what they say of one defect: the root mean
// square, over the defects, of the standard deviation of size and of place along one
// axis, µm, and the uncertainties of both. The tenth of the defects that repeat worst is
// left out: where a finding now and then merges with something else, their scatter is
// that of a few accidents.
type scatter struct{ size, place, offSize, offPlace float64 }

// scatterOf the defects that which names. pixel is the step in which sizes are read, µm.
func scatterOf(scans []Scan, pixel float64, which func(n int) bool) scatter {
	var sizes, places []float64
	for n := range scans[0].Seen {
		var size, x, y []float64
		for _, s := range scans {
			if seen := s.Seen[n]; seen.Found && which(n) {
				size, x, y = append(size, seen.Size), append(x, seen.X), append(y, seen.Y)
			}
		}
		if len(size) > 1 {
			sizes, places = append(sizes, variance(size)), append(places, (variance(x)+variance(y))/2)
		}
	}
	var s scatter
	s.size, s.offSize = rootTrimmed(sizes, pixel)
	s.place, s.offPlace = rootTrimmed(places, 0)
	return s
}

func variance(v []float64) float64 {
	_, sigma := calibration.Moments(v)
	return sigma * sigma
}

// rootTrimmed is the root of the mean of all but the greatest tenth, and its
// uncertainty: by the scatter with the tenth drawn to the greatest that is left (Tukey
// and McLaughlin, Sankhyā A 25, 1963), and, where readings have steps, by what up to
// three steps that did not happen to be met would add.
func rootTrimmed(variances []float64, step float64) (root, uncertainty float64) {
	if len(variances) < 2 {
		return 0, 0
	}
	slices.Sort(variances)
	n := float64(len(variances))
	kept := variances[:len(variances)-len(variances)/10]
	mean, _ := calibration.Moments(kept)
	drawn := slices.Clone(variances)
	for k := len(kept); k < len(drawn); k++ {
		drawn[k] = kept[len(kept)-1]
	}
	_, sigma := calibration.Moments(drawn)
	off := calibration.K*sigma/0.9/math.Sqrt(n) + 3*step*step/2/n
	root = math.Sqrt(mean)
	return root, math.Max(math.Sqrt(mean+off)-root, root-math.Sqrt(math.Max(0, mean-off)))
}
