package simulator

import (
	"math"
	"testing"
)

// yields makes wafers without pictures.
func yields(t *testing.T, o Options, wafers int) (mean, low, high float64) {
	t.Helper()
	s := scene(t, o)
	low = 1
	for slot := 1; slot <= wafers; slot++ {
		y := 1 - float64(len(spoiled(t, s, slot).flaws))/float64(len(s.grid.listed))
		mean, low, high = mean+y/float64(wafers), min(low, y), max(high, y)
	}
	return mean, low, high
}

func TestYieldIsThatOfAHealthyProcess(t *testing.T) {
	alone(t)
	mean, low, high := yields(t, Defaults(standard().program()), 25)
	t.Logf("yield %.3f, from %.3f to %.3f", mean, low, high)
	if mean < 0.85 || mean > 0.95 || low < 0.7 || high-low < 0.03 {
		t.Errorf("yield %.3f, from %.3f to %.3f", mean, low, high)
	}
}

func TestAnExcursionLowersTheYield(t *testing.T) {
	alone(t)
	o := Defaults(standard().program())
	healthy, _, _ := yields(t, o, 4)
	o.Excursions = []Excursion{{Lot: 1, Factor: 4, Signature: EdgeRing}}
	sick, _, _ := yields(t, o, 4)
	if sick > healthy-0.1 {
		t.Errorf("yield fell from %.3f to %.3f only", healthy, sick)
	}
}

func TestSignaturesLieWhereTheyShould(t *testing.T) {
	alone(t)
	radius := func(t *testing.T, signature Signature) (mean float64, n int) {
		o := Defaults(standard().program())
		o.Defects.PerDie, o.Defects.SignatureShare, o.Defects.Signature = 1e-9, 0.5, signature
		s := scene(t, o)
		for i, f := range spoiled(t, s, 1).flaws {
			x, y := s.grid.center(i)
			mean += math.Hypot(x, y) / o.Program.Radius * float64(len(f))
			n += len(f)
		}
		return mean / float64(n), n
	}
	for signature, want := range map[Signature][2]float64{EdgeRing: {0.75, 1}, EdgeLocal: {0.7, 1}, Centre: {0, 0.3}, Donut: {0.3, 0.65}, Random: {0.5, 0.75}} {
		if r, n := radius(t, signature); r < want[0] || r > want[1] || n < 20 {
			t.Errorf("%s: %d defects at %.2f of the radius", signature, n, r)
		}
	}
	if _, n := radius(t, Line); n < 4 {
		t.Errorf("a scratch over %d dies", n)
	}
	if _, n := radius(t, Cluster); n < 20 {
		t.Errorf("a cluster of %d", n)
	}
}
