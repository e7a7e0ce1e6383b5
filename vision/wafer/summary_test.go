package wafer

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestSummarize(t *testing.T) {
	for _, c := range []struct {
		name string
		bins []Bin
		min  Yield
		want Verdict
	}{
		{"all good", []Bin{1, 1, 1, 1}, 1, Pass},
		{"exactly the limit", []Bin{1, 1, 1, 7}, 0.75, Pass},
		{"below the limit", []Bin{1, 1, 7, 7}, 0.75, Fail},
		{"no limit", []Bin{7, 7}, 0, Pass},
		{"one not inspected", []Bin{1, 1, 1, 0}, 0, Incomplete},
		{"none inspected", []Bin{0, 0}, 0, Incomplete},
		{"no dies", nil, 0, Incomplete},
		{"a limit that is no number", []Bin{1}, Yield(math.NaN()), Fail},
	} {
		if got := Summarize(c.bins, 3, 0.5, c.min); got.Verdict != c.want {
			t.Errorf("%s: %+v; want %s", c.name, got, c.want)
		}
	}
}

func TestSummaryHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bins := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Bin { return Bin(rapid.IntRange(0, 5).Draw(t, "bin")) })).Draw(t, "bins")
		least := Yield(rapid.Float64Range(0, 1).Draw(t, "min"))
		area := rapid.Float64Range(0.01, 5).Draw(t, "area")
		s := Summarize(bins, rapid.IntRange(0, 99).Draw(t, "defects"), area, least)
		missing := false
		for _, b := range bins {
			missing = missing || b == NotInspected
		}
		switch {
		case s.Dies != len(bins) || s.Good > s.Inspected || s.Inspected > s.Dies:
			t.Fatalf("counts %+v of %v", s, bins)
		case (missing || len(bins) == 0) != (s.Verdict == Incomplete):
			t.Fatalf("verdict %s of %v", s.Verdict, bins)
		case s.Verdict == Pass && s.Yield() < least, s.Verdict == Fail && s.Yield() >= least:
			t.Fatalf("verdict %s with yield %v, limit %v", s.Verdict, s.Yield(), least)
		case s.Inspected == 0 != math.IsNaN(float64(s.Yield())), s.Inspected == 0 != math.IsNaN(float64(s.Density())):
			t.Fatalf("yield %v, density %v of %+v", s.Yield(), s.Density(), s)
		case missing && s.Coverage().String() == "100.0 %":
			t.Fatalf("coverage of %v is printed as %v", bins, s.Coverage())
		}
	})
}

func TestFiguresAsPrinted(t *testing.T) {
	for want, got := range map[string]string{
		"98.4 %":     Yield(0.984).String(),
		"100.0 %":    Yield(1).String(),
		"99.9 %":     Yield(0.99999).String(), // never all of it
		"0.0 %":      Yield(0).String(),
		"–":          Yield(math.NaN()).String(),
		"0.123 /cm²": Density(0.1234).String(),
		"3895 /cm²":  Density(3894.7).String(),
	} {
		if got != want {
			t.Errorf("printed %q; want %q", got, want)
		}
	}
	if got := (Summary{Defects: 3}).Density().String(); got != "–" {
		t.Errorf("density without an area is %q", got)
	}
}
