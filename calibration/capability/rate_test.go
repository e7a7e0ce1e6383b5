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

// TestFalsesOf against the exact limits of a Poisson mean (Garwood, 1936): beyond them
// the count, or a rarer one, has a probability of 0.62 %, that of two and a half standard
// deviations.
func TestFalsesOf(t *testing.T) {
	const beyond = 0.00621
	for _, each := range []int{0, 1, 2, 10} {
		scans := make([]Scan, 4)
		for n := range scans {
			scans[n].False = make([]Finding, each)
		}
		f := falsesOf(scans)
		if f.value != float64(each) {
			t.Errorf("%d in each scan: %v", each, f)
		}
		if p := atMost(4*each, 4*f.high); math.Abs(p-beyond) > 0.003 {
			t.Errorf("%d in each scan: beyond the upper limit %v lies %.4f", each, f.high, p)
		}
		if p := 1 - atMost(4*each-1, 4*f.low); each > 0 && math.Abs(p-beyond) > 0.003 {
			t.Errorf("%d in each scan: beyond the lower limit %v lies %.4f", each, f.low, p)
		}
	}
}

// atMost is the probability of a Poisson count of n or less.
func atMost(n int, mean float64) (sum float64) {
	p := math.Exp(-mean)
	for k := 0; k <= n; k++ {
		sum += p
		p *= mean / float64(k+1)
	}
	return sum
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
