// Package calibrationtest holds procedures against stations of which everything
// is known.
package calibrationtest

import (
	"context"
	"errors"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"kensa/calibration"
	"kensa/calibration/session"
	"kensa/hw/bench"
	"kensa/hw/simulator/stand"
)

// Run takes a procedure through all its steps on a simulated station.
func Run(t testing.TB, truth stand.Truth, p calibration.Procedure) *calibration.Result {
	t.Helper()
	r, err := run(t, truth, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Figure is a result's figure of a name, which must be there.
func Figure(t testing.TB, r *calibration.Result, name string) calibration.Figure {
	t.Helper()
	f, ok := r.Figure(name)
	if !ok {
		t.Fatalf("no figure %s", name)
	}
	return f
}

// Wrong takes a procedure until it says that something is wrong before the lens;
// nil if it never does.
func Wrong(t testing.TB, truth stand.Truth, p calibration.Procedure) *calibration.Wrong {
	t.Helper()
	_, err := run(t, truth, p)
	var wrong *calibration.Wrong
	if err != nil && !errors.As(err, &wrong) {
		t.Fatal(err)
	}
	return wrong
}

func run(t testing.TB, truth stand.Truth, p calibration.Procedure) (*calibration.Result, error) {
	t.Helper()
	b, err := stand.New(truth)
	if err != nil {
		t.Fatal(err)
	}
	s, err := session.Open(t.TempDir(), "test", "", p, b, nobody{})
	if err != nil {
		t.Fatal(err)
	}
	return s.Run(t.Context())
}

// Take is Run outside a test: it keeps no session.
func Take(ctx context.Context, truth stand.Truth, p calibration.Procedure) (*calibration.Result, error) {
	b, err := stand.New(truth)
	if err != nil {
		return nil, err
	}
	return Walk(ctx, b, p)
}

// Walk is Take on any bench.
func Walk(ctx context.Context, b bench.Bench, p calibration.Procedure) (*calibration.Result, error) {
	for {
		step, _, missing := p.Next()
		if !missing {
			return p.Result()
		}
		if _, err := b.Set(ctx, step.Set); err != nil {
			return nil, err
		}
		if err := p.Do(ctx, b, step, func(calibration.Reading) {}); err != nil {
			return nil, err
		}
	}
}

// nobody is a session without a person: what is wrong ends it.
type nobody struct{}

func (nobody) Ask(context.Context, calibration.Step, []string) error { return nil }
func (nobody) Begin(calibration.Step, int, int)                      {}
func (nobody) Tell(calibration.Reading)                              {}
func (nobody) Wait(time.Duration)                                    {}
func (nobody) Wrong(_ context.Context, _ calibration.Step, why *calibration.Wrong) error {
	return why
}

// Coverage is a calibration of the uncertainty itself: of many stations, that
// differ in what is random, at least 95 in 100 must have the true value of each
// figure within the uncertainty that the procedure states.
type Coverage struct {
	Seeds int
	// Dear stations take seconds each: fewer are taken.
	Dear bool
	// Make gives the station of a seed and a fresh procedure for it.
	Make func(seed uint64) (stand.Truth, calibration.Procedure, error)
	// Want gives the true value of a figure on a station.
	Want map[string]func(stand.Truth) float64
}

// Cover runs the stations and fails for each figure that covers too few, with
// the rate, the largest error in stated uncertainties, and the mean uncertainty.
// The numbers are logged for the manual's table. A fifth of the seeds are taken
// unless KENSA_CAMPAIGN is set (of dear ones a twentieth), a fifth of those with -short,
// and two misses forgiven then.
func Cover(t *testing.T, c Coverage) {
	t.Helper()
	seeds := c.Seeds
	few := os.Getenv("KENSA_CAMPAIGN") == ""
	if few {
		seeds = max(4, seeds/5)
		if c.Dear {
			seeds = max(4, seeds/4)
		}
		if testing.Short() {
			seeds = max(3, seeds/5)
		}
	}
	type tally struct {
		hits              int
		worst, mean, bias float64
	}
	tallies := map[string]*tally{}
	for seed := range seeds {
		truth, p, err := c.Make(uint64(seed + 1))
		if err != nil {
			t.Fatal(err)
		}
		r := Run(t, truth, p)
		for name, want := range c.Want {
			f, ok := r.Figure(name)
			if !ok {
				t.Fatalf("no figure %s", name)
			}
			n := tallies[name]
			if n == nil {
				n = &tally{}
				tallies[name] = n
			}
			off := (f.Value - want(truth)) / f.Uncertainty
			if math.Abs(off) <= 1 {
				n.hits++
			}
			n.worst = max(n.worst, math.Abs(off))
			n.mean += f.Uncertainty / float64(seeds)
			n.bias += off / float64(seeds)
		}
	}
	var names []string
	for name := range tallies {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		n := tallies[name]
		t.Logf("%-16s %d of %d covered; worst %.2f, mean offset %+.2f stated uncertainties; mean uncertainty %.3g", name, n.hits, seeds, n.worst, n.bias, n.mean)
		if missed := seeds - n.hits; missed > max(seeds/20, 2*boolToInt(few)) {
			t.Errorf("%s: the stated uncertainty covers the truth at %d of %d stations; want 95 %%", name, n.hits, seeds)
		}
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
