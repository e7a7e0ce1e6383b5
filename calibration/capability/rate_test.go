package capability

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestShareOf: scans that all agree are worth one trial for each defect; scans that
// find by chance are worth a trial each.
func TestShareOf(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var same, chance [][]bool
	for n := range 100 {
		one := make([]bool, 10)
		two := make([]bool, 10)
		for k := range one {
			one[k], two[k] = n < 80, random.Float64() < 0.8
		}
		same, chance = append(same, one), append(chance, two)
	}
	a, b := shareOf(same), shareOf(chance)
	if math.Abs(a.value-0.8) > 1e-12 || math.Abs(b.value-0.8) > 0.05 {
		t.Fatalf("shares %v and %v; want 0.8", a.value, b.value)
	}
	if ratio := (a.high - a.low) / (b.high - b.low); ratio < 2.2 || ratio > 3.8 {
		t.Errorf("intervals %v and %v; want the first about √10 times as wide", a, b)
	}
	if all := shareOf(same[:20]); all.value != 1 || all.high != 1 || all.low > 0.8 || all.low < 0.7 {
		t.Errorf("20 of 20: %v", all)
	}
	if none := shareOf(nil); none.low != 0 || none.high != 1 {
		t.Errorf("of nothing: %v", none)
	}
}

// TestFalsesOf: a place that every scan finds again is one event.
func TestFalsesOf(t *testing.T) {
	scans := make([]Scan, 4)
	for n := range scans {
		scans[n].False = []Finding{{X: 100, Y: 100}, {X: 5000 * float64(n+1), Y: 0}}
	}
	f := falsesOf(scans, 50)
	if f.value != 2 || !(f.low > 0 && f.low < 2 && f.high > 3.5) {
		t.Errorf("false counts %v; want 2 of five places", f)
	}
	if none := falsesOf(make([]Scan, 4), 50); none.value != 0 || none.low != 0 || math.Abs(none.high-1.2) > 0.2 {
		t.Errorf("none in four scans: %v", none)
	}
}

// TestRootTrimmed leaves accidents out, and does not say that a coarse step is
// exact.
func TestRootTrimmed(t *testing.T) {
	variances := make([]float64, 40)
	for n := range variances {
		variances[n] = 4
	}
	variances[3] = 1e6
	if root, _ := rootTrimmed(variances, 0); root != 2 {
		t.Errorf("root %v; want 2", root)
	}
	if root, off := rootTrimmed(make([]float64, 40), 40); root != 0 || math.Abs(off-math.Sqrt(3*800./40)) > 1e-9 {
		t.Errorf("without scatter: %v ± %v", root, off)
	}
}
