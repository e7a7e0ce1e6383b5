package ledger_test

import (
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"

	"kensa/bus/ledger"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

// Values by the published formula, worked out with another program.
func TestFreemanTukey(t *testing.T) {
	for _, c := range []struct {
		good, inspected int
		want            float64
	}{
		{0, 1, math.Pi / 4},
		{1, 1, 3 * math.Pi / 4},
		{1, 2, math.Asin(math.Sqrt(1./3)) + math.Asin(math.Sqrt(2./3))},
		{90, 100, 2.4851748583415048},
		{92, 100, 2.553166934283386},
	} {
		if got := ledger.FreemanTukey(c.good, c.inspected); !near(got, c.want) {
			t.Errorf("%d of %d: %v; want %v", c.good, c.inspected, got, c.want)
		}
	}
}

// learn makes a baseline of wafers of 100 dies with these yields in turn.
func learn(t testing.TB, goods ...int) ledger.Baseline {
	t.Helper()
	var b ledger.Baseline
	for n := range ledger.BaselineWafers {
		if b.Frozen {
			t.Fatalf("frozen after %d wafers", n)
		}
		next, deviation := b.Observe(goods[n%len(goods)], 100, true)
		if deviation != nil {
			t.Fatalf("wafer %d of the baseline has a deviation", n)
		}
		b = next
	}
	if !b.Frozen {
		t.Fatalf("not frozen after %d wafers", ledger.BaselineWafers)
	}
	return b
}

func TestDeviation(t *testing.T) {
	for _, c := range []struct {
		name            string
		baseline        []int
		good, inspected int
		want            float64
	}{
		{"wafers vary by chance only", []int{90, 92}, 80, 100, -3.130023404736774},
		{"wafers vary by more", []int{80, 98}, 70, 100, -1.694169407554722},
		{"few dies inspected", []int{80, 98}, 3, 5, -1.820717158726329},
	} {
		b := learn(t, c.baseline...)
		after, d := b.Observe(c.good, c.inspected, c.inspected == 100)
		if d == nil || !near(*d, c.want) {
			t.Errorf("%s: %v; want %v", c.name, *d, c.want)
		}
		if after.Mean != b.Mean || after.SD != b.SD || !after.Frozen {
			t.Errorf("%s: the frozen baseline changed", c.name)
		}
	}
}

func TestBaselineTakesCompleteWafersOnly(t *testing.T) {
	var b ledger.Baseline
	for range 50 {
		b, _ = b.Observe(10, 50, false)
		b, _ = b.Observe(0, 0, false)
	}
	if len(b.Values) != 0 || b.Frozen {
		t.Errorf("incomplete wafers made %+v", b)
	}
	if _, d := learn(t, 90).Observe(0, 0, false); d != nil {
		t.Errorf("a wafer without inspected dies deviates by %v", *d)
	}
}

// A baseline is stored between any two wafers.
func TestBaselineSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var kept, stored ledger.Baseline
		for range rapid.IntRange(1, 40).Draw(t, "wafers") {
			good := rapid.IntRange(0, 500).Draw(t, "good")
			complete := rapid.Bool().Draw(t, "complete")
			var d, e *float64
			kept, d = kept.Observe(good, 500, complete)
			stored, e = stored.Observe(good, 500, complete)
			if (d == nil) != (e == nil) || d != nil && *d != *e {
				t.Fatalf("deviation %v; stored baseline says %v", d, e)
			}
			text, err := json.Marshal(stored)
			if err != nil {
				t.Fatal(err)
			}
			stored = ledger.Baseline{}
			if err := json.Unmarshal(text, &stored); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Fewer good dies never deviate upwards.
func TestDeviationFallsWithYield(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b ledger.Baseline
		for !b.Frozen {
			b, _ = b.Observe(rapid.IntRange(0, 300).Draw(t, "learnt"), 300, true)
		}
		good := rapid.IntRange(0, 299).Draw(t, "good")
		_, worse := b.Observe(good, 300, true)
		_, better := b.Observe(good+1, 300, true)
		if *worse >= *better {
			t.Fatalf("%d good deviate by %v, %d by %v", good, *worse, good+1, *better)
		}
	})
}
