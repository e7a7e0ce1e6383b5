package evaluate

import (
	"errors"
	"fmt"
	"math"

	"kensa/vision/peak"
)

// Trial is one known defect, by size or contrast, and whether it was found.
type Trial struct {
	At    float64 // above 0
	Found bool
}

// POD is the probability of detection as a logistic function of the logarithm:
// POD(a) = 1/(1+exp(−(B0 + B1·ln a))), fitted to hits and misses by maximum
// likelihood, after MIL-HDBK-1823A (2009), appendix G.
type POD struct {
	B0 float64 `json:"b0"`
	B1 float64 `json:"b1"`
	// A50 and A90 are where half and nine tenths are found, and A9095 where nine
	// tenths are found with 95 % confidence: the upper bound of A90 at which twice
	// the logarithm of the likelihood ratio is 1.645² (one-sided, one degree of
	// freedom).
	A50    float64 `json:"a50"`
	A90    float64 `json:"a90"`
	A9095  float64 `json:"a90_95"`
	Trials int     `json:"trials"`
	Found  int     `json:"found"`

	// covar of B0 about the trials' mean logarithm, of both, and of B1; the inverse of
	// the likelihood's information.
	covar  [3]float64
	middle float64
}

// ErrPOD means that hits and misses do not determine a curve.
var ErrPOD = errors.New("no probability-of-detection curve")

// At is the probability at a size or contrast.
func (p POD) At(a float64) float64 { return logistic(p.B0 + p.B1*math.Log(a)) }

// Bounds of the probability at a size or contrast, each with 95 % confidence by
// itself and 90 % together: those of the logit, by the parameters' covariance (Wald).
func (p POD) Bounds(a float64) (low, high float64) {
	z, off := p.B0+p.B1*math.Log(a), 1.644854*p.logitError(a)
	return logistic(z - off), logistic(z + off)
}

func (p POD) logitError(a float64) float64 {
	x := math.Log(a) - p.middle
	return math.Sqrt(max(0, p.covar[0]+2*x*p.covar[1]+x*x*p.covar[2]))
}

// Spread is the relative standard error of a size that was read off the curve, such
// as A50 or A90.
func (p POD) Spread(a float64) float64 { return p.logitError(a) / p.B1 }

func logistic(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

var (
	logit90 = math.Log(9)         // of 0.9
	ratio95 = 1.644854 * 1.644854 // of twice the log-likelihood's fall
)

// FitPOD fits the curve. The error is an ErrPOD that says why there is none: the
// smallest found lies above the largest missed, or detection does not rise.
func FitPOD(trials []Trial) (POD, error) {
	p := POD{Trials: len(trials)}
	lowest, highest := math.Inf(1), math.Inf(-1) // found, missed
	for _, t := range trials {
		if !(t.At > 0) {
			return p, fmt.Errorf("%w: a trial at %v; want more than 0", ErrPOD, t.At)
		}
		if t.Found {
			p.Found++
			lowest = min(lowest, t.At)
		} else {
			highest = max(highest, t.At)
		}
	}
	switch {
	case p.Found == 0 || p.Found == p.Trials:
		return p, fmt.Errorf("%w: %d of %d found; it takes some of either", ErrPOD, p.Found, p.Trials)
	case lowest >= highest:
		return p, fmt.Errorf("%w: all from %.4g on were found, none to %.4g; it takes some that overlap", ErrPOD, lowest, highest)
	}
	f := newLikelihood(trials)
	b0, b1, ok := f.maximum()
	if !ok || !(b1 > 0) {
		return p, fmt.Errorf("%w: detection does not rise with it", ErrPOD)
	}
	p.B1, p.B0 = b1, b0-b1*f.middle
	p.middle, p.covar = f.middle, f.covariance(b0, b1)
	p.A50, p.A90 = math.Exp(-p.B0/p.B1), math.Exp((logit90-p.B0)/p.B1)
	p.A9095 = math.Exp(f.bound90(math.Log(p.A90)))
	if math.IsInf(p.A9095, 0) || math.IsNaN(p.A9095) {
		return p, fmt.Errorf("%w: too few trials to bound where nine tenths are found", ErrPOD)
	}
	return p, nil
}

// likelihood is of the trials' logarithms, less their mean so that the two
// parameters are nearly independent.
type likelihood struct {
	x      []float64
	found  []bool
	middle float64
}

func newLikelihood(trials []Trial) *likelihood {
	f := &likelihood{}
	for _, t := range trials {
		f.x, f.found = append(f.x, math.Log(t.At)), append(f.found, t.Found)
		f.middle += f.x[len(f.x)-1] / float64(len(trials))
	}
	for n := range f.x {
		f.x[n] -= f.middle
	}
	return f
}

// log is the logarithm of the likelihood.
func (f *likelihood) log(b0, b1 float64) (sum float64) {
	for n, x := range f.x {
		z := b0 + b1*x
		if !f.found[n] {
			z = -z
		}
		if z > 0 {
			sum -= math.Log1p(math.Exp(-z))
		} else {
			sum += z - math.Log1p(math.Exp(z))
		}
	}
	return sum
}

// information is what the trials tell of b0, of both, and of b1.
func (f *likelihood) information(b0, b1 float64) (h00, h01, h11 float64) {
	for _, x := range f.x {
		p := logistic(b0 + b1*x)
		w := p * (1 - p)
		h00, h01, h11 = h00+w, h01+w*x, h11+w*x*x
	}
	return h00, h01, h11
}

func (f *likelihood) covariance(b0, b1 float64) [3]float64 {
	h00, h01, h11 := f.information(b0, b1)
	det := h00*h11 - h01*h01
	return [3]float64{h11 / det, -h01 / det, h00 / det}
}

// maximum is found by Newton's method, with steps halved while they lead down.
func (f *likelihood) maximum() (b0, b1 float64, ok bool) {
	now := f.log(0, 0)
	for range 200 {
		var g0, g1 float64
		for n, x := range f.x {
			d := -logistic(b0 + b1*x)
			if f.found[n] {
				d++
			}
			g0, g1 = g0+d, g1+d*x
		}
		h00, h01, h11 := f.information(b0, b1)
		det := h00*h11 - h01*h01
		if !(det > 0) {
			return 0, 0, false
		}
		s0, s1 := (h11*g0-h01*g1)/det, (h00*g1-h01*g0)/det
		next := f.log(b0+s0, b1+s1)
		for n := 0; n < 60 && !(next >= now); n++ {
			s0, s1 = s0/2, s1/2
			next = f.log(b0+s0, b1+s1)
		}
		b0, b1 = b0+s0, b1+s1
		if next-now < 1e-12*math.Abs(now) && math.Abs(s0)+math.Abs(s1) < 1e-9*(1+math.Abs(b0)+math.Abs(b1)) {
			return b0, b1, true
		}
		now = next
	}
	return b0, b1, false
}

// bound90 is the upper bound of ln a90: from the estimate up, where the
// likelihood with a90 held there has fallen by the ratio.
func (f *likelihood) bound90(estimate float64) float64 {
	_, most := f.profile(estimate)
	beyond := func(a float64) bool {
		_, l := f.profile(a)
		return 2*(most-l) > ratio95
	}
	low, step := estimate, 0.01
	for !beyond(low + step) {
		if low, step = low+step, 2*step; step > 50 {
			return math.Inf(1)
		}
	}
	high := low + step
	for range 30 {
		if middle := (low + high) / 2; beyond(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

// profile is the greatest log-likelihood over the slope with ln a90 held: it has
// one peak, which golden-section search over the slope's logarithm finds.
func (f *likelihood) profile(a90 float64) (slope, log float64) {
	at := func(s float64) float64 {
		b1 := math.Exp(s)
		return f.log(logit90-b1*(a90-f.middle), b1)
	}
	s := peak.Find(math.Log(1e-4), math.Log(1e4), 1e-6, at)
	return math.Exp(s), at(s)
}
