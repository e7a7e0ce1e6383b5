package appliance

import (
	"context"
	"fmt"
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
	"kensa/vision/defect"
	"kensa/vision/evaluate"
	"kensa/vision/wafer"
)

// TestTwoLotsAgainstTruth runs the whole appliance on two lots of a simulated
// tool and compares every wafer with what the tool put on it.
func TestTwoLotsAgainstTruth(t *testing.T) {
	long(t)
	const lots, wafers = 2, 3
	c := testConfig(t)
	c.Simulator.Lots, c.Simulator.Wafers = lots, wafers
	score := newScore()
	box := runAppliance(t, Options{Config: c}, func(a *Appliance, w *record.Wafer) {
		truth, ok := a.tool.(*simulator.Tool).Truth(w.Material.Substrate)
		if !ok {
			t.Errorf("no truth about %s", w.Material.Substrate)
			return
		}
		score.add(t, w, truth)
	})
	t.Log(score.String())
	if score.Wafers != lots*wafers {
		t.Fatalf("%d wafers; want %d", score.Wafers, lots*wafers)
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
func testConfig(t testing.TB) config.Config {
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

// sizeEnds divide the sizes of defects in the table, µm.
var sizeEnds = []float64{80, 160, 240, 320, 400, 480}

// score compares wafers with their truth.
type score struct {
	*evaluate.Detection
	dies, diesWrong int
	worstYield      float64 // greatest difference from the true yield
}

func newScore() score {
	return score{Detection: evaluate.NewDetection(sizeEnds, []float64{0, 255}, MatchReach)}
}

func (s *score) falseAlarms() (count int) {
	for _, n := range s.False {
		count += n
	}
	return count
}

func (s *score) add(t *testing.T, w *record.Wafer, truth simulator.Truth) {
	s.dies += len(w.Dies)
	if w.Summary.Verdict == wafer.Incomplete {
		t.Errorf("%s: incomplete: %d of %d dies", w.Material.Substrate, w.Summary.Inspected, w.Summary.Dies)
	}
	s.Add(Injected(truth), Found(w))
	s.compareDies(w, truth)
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
	if rate, _, _ := s.All.Capture(); rate < 0.97 || s.All.Injected < 50 {
		t.Errorf("capture rate %.3f of %d; want at least 0.97 of at least 50", rate, s.All.Injected)
	}
	if s.FalsePerWafer() > 0.5 {
		t.Errorf("%.2f false defects a wafer; want at most 0.5", s.FalsePerWafer())
	}
	if s.worstYield > 0.015 {
		t.Errorf("yield off by up to %.3f; want at most 0.015", s.worstYield)
	}
}

// String prints the comparison as a table.
func (s *score) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d wafers, %d dies: %.2f false defects a wafer, %d dies judged wrongly, yield off by up to %.4f\n",
		s.Wafers, s.dies, s.FalsePerWafer(), s.diesWrong, s.worstYield)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "class or size\tinjected\tfound\tclass right\t")
	line := func(name string, r evaluate.Rate) {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t\n", name, r.Injected, r.Found, r.Classed)
	}
	for _, class := range slices.SortedFunc(maps.Keys(s.Classes), func(a, b defect.Class) int { return a.Number() - b.Number() }) {
		line(string(class), s.Classes[class])
	}
	for _, bin := range s.Sizes {
		line(fmt.Sprintf("%.0f to %.0f µm", bin.From, bin.To), bin.Rate)
	}
	line("all", s.All)
	table.Flush()
	return b.String()
}
