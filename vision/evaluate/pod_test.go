package evaluate_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"kensa/vision/evaluate"
)

// beetles are Bliss's (1935) as tabulated in Dobson, "An Introduction to
// Generalized Linear Models": log10 of the dose, beetles, killed. The published
// logistic fit has intercept −60.717 (standard error 5.181) and slope 34.270
// (2.912) in log10.
var beetles = []struct {
	log10     float64
	n, killed int
}{
	{1.6907, 59, 6}, {1.7242, 60, 13}, {1.7552, 62, 18}, {1.7842, 56, 28},
	{1.8113, 63, 52}, {1.8369, 59, 53}, {1.8610, 62, 61}, {1.8839, 60, 60},
}

func trialsOfBeetles() (trials []evaluate.Trial) {
	for _, b := range beetles {
		for n := range b.n {
			trials = append(trials, evaluate.Trial{At: math.Pow(10, b.log10), Found: n < b.killed})
		}
	}
	return trials
}

func TestFitPODGivesPublishedValues(t *testing.T) {
	p, err := evaluate.FitPOD(trialsOfBeetles())
	if err != nil {
		t.Fatal(err)
	}
	slope := p.B1 * math.Ln10
	if math.Abs(p.B0+60.717) > 0.001 || math.Abs(slope-34.270) > 0.001 {
		t.Errorf("intercept %.4f, slope %.4f in log10; published −60.717 and 34.270", p.B0, slope)
	}
	if a50 := math.Log10(p.A50); math.Abs(a50-60.717/34.270) > 1e-4 {
		t.Errorf("log10 a50 %.5f; want %.5f", a50, 60.717/34.270)
	}
	if math.Abs(p.At(p.A50)-0.5) > 1e-12 || math.Abs(p.At(p.A90)-0.9) > 1e-12 {
		t.Errorf("POD %.4f at a50, %.4f at a90", p.At(p.A50), p.At(p.A90))
	}
}

// TestFitPODBound compares a90/95 with Wald's bound by the delta method, worked
// out from the information matrix, to which the likelihood ratio's comes near
// with many trials; and with a search over a grid of both parameters.
func TestFitPODBound(t *testing.T) {
	trials := trialsOfBeetles()
	p, err := evaluate.FitPOD(trials)
	if err != nil {
		t.Fatal(err)
	}
	if wald := waldBound(trials, p); math.Abs(math.Log(p.A9095/wald)) > 0.15*math.Log(wald/p.A90) {
		t.Errorf("a90 %.4f, a90/95 %.4f; Wald's %.4f", p.A90, p.A9095, wald)
	}
	if grid := gridBound(p); math.Abs(math.Log(p.A9095/grid)) > 0.02*math.Log(grid/p.A90) {
		t.Errorf("a90 %.4f, a90/95 %.4f; by a grid %.4f", p.A90, p.A9095, grid)
	}
}

func waldBound(trials []evaluate.Trial, p evaluate.POD) float64 {
	var h00, h01, h11 float64
	for _, t := range trials {
		x, pod := math.Log(t.At), p.At(t.At)
		w := pod * (1 - pod)
		h00, h01, h11 = h00+w, h01+w*x, h11+w*x*x
	}
	det := h00*h11 - h01*h01
	v00, v01, v11 := h11/det, -h01/det, h00/det
	x90 := math.Log(p.A90)
	variance := (v00 + 2*x90*v01 + x90*x90*v11) / (p.B1 * p.B1) // of (ln9 − b0)/b1
	return math.Exp(x90 + 1.644854*math.Sqrt(variance))
}

// gridBound is the greatest a90 of all parameters on a grid that the data do not
// contradict.
func gridBound(p evaluate.POD) float64 {
	log := func(b0, b1 float64) (sum float64) {
		for _, b := range beetles {
			pod := 1 / (1 + math.Exp(-b0-b1*b.log10*math.Ln10))
			sum += float64(b.killed)*math.Log(pod) + float64(b.n-b.killed)*math.Log(1-pod)
		}
		return sum
	}
	most, bound := log(p.B0, p.B1), 0.0
	for i := -150; i <= 150; i++ { // the slope, half to one and a half times
		b1 := p.B1 * (1 + float64(i)/300)
		for k := range 300 { // a90, to 6 % above
			a90 := math.Log(p.A90) + float64(k)*0.0002
			if 2*(most-log(math.Log(9)-b1*a90, b1)) <= 1.644854*1.644854 {
				bound = max(bound, a90)
			}
		}
	}
	return math.Exp(bound)
}

// TestFitPODCovers draws trials from a known curve: the bound must lie above the
// true a90 in about 95 of 100.
func TestFitPODCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	truth := evaluate.POD{B0: -6, B1: 4}
	a90 := math.Exp((math.Log(9) + 6) / 4)
	covered, runs := 0, 100
	if testing.Short() {
		runs = 20
	}
	for range runs {
		var trials []evaluate.Trial
		for range 120 {
			a := math.Exp(3 * r.Float64())
			trials = append(trials, evaluate.Trial{At: a, Found: r.Float64() < truth.At(a)})
		}
		if p, err := evaluate.FitPOD(trials); err == nil && p.A9095 >= a90 {
			covered++
		}
	}
	if covered < runs*85/100 || runs == 100 && covered == runs {
		t.Errorf("the bound holds in %d of %d; want about 95 %%", covered, runs)
	}
}

func TestFitPODRefuses(t *testing.T) {
	hit := func(a float64, found bool) evaluate.Trial { return evaluate.Trial{At: a, Found: found} }
	for name, trials := range map[string][]evaluate.Trial{
		"nothing":  nil,
		"all":      {hit(1, true), hit(2, true)},
		"none":     {hit(1, false), hit(2, false)},
		"parted":   {hit(1, false), hit(2, false), hit(3, true), hit(4, true)},
		"falling":  {hit(1, true), hit(2, true), hit(2.5, false), hit(3, true), hit(4, false), hit(5, false)},
		"one size": {hit(2, true), hit(2, false), hit(2, true)},
		"negative": {hit(-1, true), hit(2, false), hit(2, true)},
	} {
		if p, err := evaluate.FitPOD(trials); !errors.Is(err, evaluate.ErrPOD) {
			t.Errorf("%s: %+v, %v; want no curve", name, p, err)
		}
	}
}

// TestPODBoundsAreWide as the published standard errors of intercept and slope say:
// the logit's variance is a parabola over the logarithm, whose curvature is the slope's
// variance and whose value at 0 the intercept's.
func TestPODBoundsAreWide(t *testing.T) {
	p, err := evaluate.FitPOD(trialsOfBeetles())
	if err != nil {
		t.Fatal(err)
	}
	variance := func(log10 float64) float64 {
		low, high := p.Bounds(math.Pow(10, log10))
		logit := func(v float64) float64 { return math.Log(v / (1 - v)) }
		return math.Pow((logit(high)-logit(low))/2/1.644854, 2)
	}
	a, b, c := variance(1.75), variance(1.8), variance(1.85)
	curve := (a - 2*b + c) / (2 * 0.05 * 0.05)
	slope := (c-a)/0.1 - 2*curve*1.8
	intercept := b - slope*1.8 - curve*1.8*1.8
	if se := math.Sqrt(curve); math.Abs(se-2.912) > 0.01 {
		t.Errorf("standard error of the slope %.3f; published 2.912", se)
	}
	if se := math.Sqrt(intercept); math.Abs(se-5.181) > 0.02 {
		t.Errorf("standard error of the intercept %.3f; published 5.181", se)
	}
	if s := p.Spread(p.A50); !(s > 0 && s < 0.01) {
		t.Errorf("a50 is known to %v", s)
	}
}
