package appliance

import (
	"context"
	"fmt"
	"image"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/hw/simulator"
	"kensa/vision/wafer"
)

// TestTwoLotsAgainstTruth runs the whole appliance on two lots of a simulated
// tool and compares every wafer with what the tool put on it.
func TestTwoLotsAgainstTruth(t *testing.T) {
	long(t)
	const lots, wafers = 2, 3
	c := testConfig(t)
	c.Simulator.Lots, c.Simulator.Wafers = lots, wafers
	score := score{classes: map[string]*tally{}, sizes: map[int]*tally{}}
	box := runAppliance(t, Options{Config: c}, func(a *Appliance, w *record.Wafer) {
		truth, ok := a.tool.(*simulator.Tool).Truth(w.Material.Substrate)
		if !ok {
			t.Errorf("no truth about %s", w.Material.Substrate)
			return
		}
		score.add(t, w, truth)
	})
	t.Log(score.String())
	if score.wafers != lots*wafers {
		t.Fatalf("%d wafers; want %d", score.wafers, lots*wafers)
	}
	stored, err := box.store.Wafers(context.Background(), record.Filter{})
	if err != nil || len(stored) != lots*wafers {
		t.Errorf("%d wafers stored (%v); want %d", len(stored), err, lots*wafers)
	}
	score.check(t)
}

// long marks tests that inspect many wafers. Under the race detector, which slows
// loops over pixels more than tenfold, TestResultsWaitForTheService stands for
// them: it starts every goroutine that they do.
func long(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: many wafers are inspected in the full run")
	}
}

// testConfig is the demo's configuration on free ports in a folder of the test.
func testConfig(t *testing.T) config.Config {
	c := config.Default()
	c.Storage.State = t.TempDir()
	c.Simulator.Pace = "max"
	c.Display.Listen = "127.0.0.1:0"
	c.MQTT.Embedded = false
	c.MQTT.Brokers = nil
	return c
}

// runAppliance runs an appliance until its tool has no more wafers.
func runAppliance(t *testing.T, o Options, closed func(*Appliance, *record.Wafer)) *Appliance {
	t.Helper()
	var box *Appliance
	o.Log = slog.New(slog.NewTextHandler(testWriter{t}, nil))
	o.WaferClosed = func(w *record.Wafer) { closed(box, w) }
	box, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := box.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return box
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// tally counts injected defects, those found, and those found as their class.
type tally struct{ injected, found, classed int }

// score compares wafers with their truth.
type score struct {
	wafers, dies, falseDefects, diesWrong int
	classes                               map[string]*tally
	sizes                                 map[int]*tally // by size in µm, in steps of sizeStep
	worstYield                            float64        // greatest difference from the true yield
}

// Sizes are counted in steps of two pixels, all from sizeTop on together; µm.
const (
	sizeStep = 80
	sizeTop  = 400
)

func (s *score) add(t *testing.T, w *record.Wafer, truth simulator.Truth) {
	s.wafers++
	s.dies += len(w.Dies)
	if w.Summary.Verdict == wafer.Incomplete {
		t.Errorf("%s: incomplete: %d of %d dies", w.Material.Substrate, w.Summary.Inspected, w.Summary.Dies)
	}
	used := make([]bool, len(w.Defects))
	for _, injected := range truth.Defects {
		s.count(injected, match(w.Defects, injected, used))
	}
	for n := range used {
		if !used[n] && !belongs(w.Defects[n], truth) {
			s.falseDefects++
		}
	}
	s.compareDies(w, truth)
}

func (s *score) count(injected simulator.Defect, found *record.Defect) {
	step := min(int(injected.Size)/sizeStep*sizeStep, sizeTop)
	for _, c := range []*tally{get(s.classes, string(injected.Class)), get(s.sizes, step)} {
		c.injected++
		if found != nil {
			c.found++
		}
		if found != nil && string(found.Class) == string(injected.Class) {
			c.classed++
		}
	}
}

func get[K comparable](all map[K]*tally, key K) *tally {
	if all[key] == nil {
		all[key] = &tally{}
	}
	return all[key]
}

// reach is how far, in pixels, a finding may lie outside the box of what it found.
const reach = 3

func grown(b simulator.Box) image.Rectangle {
	return image.Rect(b.X-reach, b.Y-reach, b.X+b.Width+reach, b.Y+b.Height+reach)
}

// match finds the finding for an injected defect and marks all that touch it.
func match(found []record.Defect, injected simulator.Defect, used []bool) (best *record.Defect) {
	for n := range found {
		if found[n].Field == injected.Field && found[n].Box.Overlaps(grown(injected.Box)) {
			used[n] = true
			if best == nil || found[n].Area > best.Area {
				best = &found[n]
			}
		}
	}
	return best
}

// belongs reports whether a finding overlaps any injected defect.
func belongs(d record.Defect, truth simulator.Truth) bool {
	return slices.ContainsFunc(truth.Defects, func(i simulator.Defect) bool { return i.Field == d.Field && d.Box.Overlaps(grown(i.Box)) })
}

// compareDies counts dies that are called good and are not, or the reverse.
func (s *score) compareDies(w *record.Wafer, truth simulator.Truth) {
	bad := map[wafer.DieIndex]bool{}
	for _, d := range truth.Defects {
		bad[wafer.DieIndex{Column: d.Die.Column, Row: d.Die.Row}] = true
	}
	for _, d := range w.Dies {
		if d.Bin != wafer.NotInspected && (d.Bin == wafer.Good) == bad[d.Index] {
			s.diesWrong++
		}
	}
	trueYield := float64(truth.Good) / float64(truth.Dies)
	s.worstYield = max(s.worstYield, math.Abs(trueYield-float64(w.Summary.Yield())))
}

// check holds the run to what the documentation promises.
func (s *score) check(t *testing.T) {
	all := s.total()
	if rate := float64(all.found) / float64(all.injected); rate < 0.97 || all.injected < 50 {
		t.Errorf("capture rate %.3f of %d; want at least 0.97 of at least 50", rate, all.injected)
	}
	if perWafer := float64(s.falseDefects) / float64(s.wafers); perWafer > 0.5 {
		t.Errorf("%.2f false defects a wafer; want at most 0.5", perWafer)
	}
	if s.worstYield > 0.015 {
		t.Errorf("yield off by up to %.3f; want at most 0.015", s.worstYield)
	}
}

func (s *score) total() (all tally) {
	for _, c := range s.classes {
		all.injected += c.injected
		all.found += c.found
		all.classed += c.classed
	}
	return all
}

// String prints the comparison as a table.
func (s *score) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d wafers, %d dies: %d false defects, %d dies judged wrongly, yield off by up to %.4f\n",
		s.wafers, s.dies, s.falseDefects, s.diesWrong, s.worstYield)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "class or size\tinjected\tfound\tclass right\t")
	for _, class := range slices.Sorted(maps.Keys(s.classes)) {
		c := s.classes[class]
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t\n", class, c.injected, c.found, c.classed)
	}
	for _, size := range slices.Sorted(maps.Keys(s.sizes)) {
		c := s.sizes[size]
		name := fmt.Sprintf("%d to %d µm", size, size+sizeStep)
		if size == sizeTop {
			name = fmt.Sprintf("from %d µm", size)
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t\n", name, c.injected, c.found, c.classed)
	}
	all := s.total()
	fmt.Fprintf(table, "all\t%d\t%d\t%d\t\n", all.injected, all.found, all.classed)
	table.Flush()
	return b.String()
}
