package peak_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"kensa/vision/peak"
)

func TestFindsThePeakWhereverItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at, slope, fine := rapid.Float64Range(-3, 5).Draw(t, "at"), rapid.Float64Range(0.1, 10).Draw(t, "slope"), rapid.Float64Range(1e-6, 0.1).Draw(t, "fine")
		got := peak.Find(-3, 5, fine, func(x float64) float64 { return -slope * math.Abs(x-at) })
		if math.Abs(got-at) > fine {
			t.Errorf("peak at %g; want %g within %g", got, at, fine)
		}
	})
}

// The gamma function's reciprocal is greatest, for positive numbers, at
// 1.4616321449683623 (OEIS A030169).
func TestFindsAPublishedPeak(t *testing.T) {
	const want = 1.4616321449683623
	if got := peak.Find(1, 3, 1e-6, func(x float64) float64 { return 1 / math.Gamma(x) }); math.Abs(got-want) > 1e-6 {
		t.Errorf("%.7f; want %.7f", got, want)
	}
}
