package display

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kensa/vision/defect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// plan is a 300 mm wafer of 11 × 9 mm dies, six to a field.
func plan(t testing.TB) *wafer.Plan {
	t.Helper()
	const mm = length.Millimetre
	p, err := wafer.NewPlan(wafer.Layout{
		Kind: wafer.DieGrid, Diameter: 300 * mm, EdgeExclusion: 3 * mm, PitchX: 11 * mm, PitchY: 9 * mm,
		DieWidth: 10.8 * mm, DieHeight: 8.8 * mm, OffsetX: 5.5 * mm, Notch: wafer.Down, FieldColumns: 3, FieldRows: 2,
		Path: wafer.Serpentine, PixelSize: 10,
	}, 3400, 1900)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var legend = []BinCount{
	{Bin: 1, Name: "good"}, {Bin: 0, Name: "not inspected"}, {Bin: 2, Name: "short"}, {Bin: 3, Name: "open"},
	{Bin: 4, Name: "large defect"}, {Bin: 5, Name: "contamination"}, {Bin: 6, Name: "chip"},
}

// badBins says which class puts a die in which of the legend's bins.
var badBins = []struct {
	class defect.Class
	bin   wafer.Bin
}{{defect.Short, 2}, {defect.Open, 3}, {defect.Scratch, 4}, {defect.Particle, 5}, {defect.Chip, 6}, {defect.PinHole, 1}}

// story inspects wafers on a Board as a station would, from a seed.
type story struct {
	t     testing.TB
	plan  *wafer.Plan
	board *Board
	r     *rand.Rand
	bins  []wafer.Bin
	found []Defect
	slot  int
}

func newStory(t testing.TB, board *Board) *story {
	return &story{t: t, plan: plan(t), board: board, r: rand.New(rand.NewPCG(1, 2))}
}

func (s *story) apply(c Change) {
	s.t.Helper()
	if err := s.board.Apply(c); err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) startWafer() {
	s.slot++
	s.bins, s.found = slices.Repeat([]wafer.Bin{Pending}, len(s.plan.Dies)), nil
	s.apply(WaferStarted{Run{
		Lot: "A2617-04", Slot: s.slot, Substrate: fmt.Sprintf("A2617-04.%02d", s.slot), Started: start,
		Fields: len(s.plan.Fields), DieMap: DieMap{Geometry: GeometryOf(s.plan), Legend: legend},
	}})
}

// field inspects one field; lost ones have a reason.
func (s *story) field(n int, lost bool) {
	f := s.plan.Fields[n]
	c := FieldDone{Field: n, Inspected: !lost, Duration: 12 * time.Millisecond}
	for _, d := range f.Dies {
		if lost {
			c.Dies = append(c.Dies, DieResult{d.Die, wafer.NotInspected, "no frame for the pulse"})
			continue
		}
		bin := s.die(n, d.Die, &c)
		c.Dies = append(c.Dies, DieResult{d.Die, bin, ""})
	}
	for _, d := range c.Dies {
		s.bins[d.Die] = d.Bin
	}
	s.found = append(s.found, c.Defects...)
	s.apply(c)
}

// die gives bad dies mostly near the edge and along a scratch.
func (s *story) die(field, die int, c *FieldDone) wafer.Bin {
	at := s.plan.Dies[die]
	radius := (at.Center.X*at.Center.X + at.Center.Y*at.Center.Y) / (147000 * 147000)
	kind := s.r.IntN(len(badBins))
	chance := 0.02 + 0.25*float64(radius*radius*radius)
	if at.Index.Column == at.Index.Row+3 && at.Index.Row > -3 && at.Index.Row < 6 {
		kind, chance = 2, 0.9
	}
	if s.r.Float64() > chance {
		return wafer.Good
	}
	number := len(s.found) + len(c.Defects) + 1
	c.Defects = append(c.Defects, Defect{
		Number: number, Class: string(badBins[kind].class), Column: at.Index.Column, Row: at.Index.Row, Field: field,
		X: s.r.Float64() * 10800, Y: s.r.Float64() * 8800, Width: float64(12 + s.r.IntN(80)),
		Height: float64(10 + s.r.IntN(40)), Contrast: Number(7 + s.r.IntN(30)), Confidence: 0.9, Polarity: "dark",
		PNG: crop(badBins[kind].class, uint64(number)),
	})
	return badBins[kind].bin
}

// finish closes the wafer and returns what an archive would hold of it.
func (s *story) finish(id int64) Wafer {
	sum := wafer.Summarize(s.bins, len(s.found), s.plan.Layout.DieArea(), 0.8)
	w := Wafer{Summary: WaferSummary{
		ID: id, Lot: "A2617-04", Slot: s.slot, Substrate: fmt.Sprintf("A2617-04.%02d", s.slot), Recipe: "LOGIC-28", RecipeVersion: "7",
		Started: start.Add(time.Duration(id) * time.Minute), Finished: start.Add(time.Duration(id)*time.Minute + 48*time.Second),
		Dies: sum.Dies, Inspected: sum.Inspected, Good: sum.Good, Yield: Number(sum.Yield()), Coverage: Number(sum.Coverage()),
		Defects: sum.Defects, Density: Number(sum.Density()), Verdict: sum.Verdict,
	}}
	w.DieMap = DieMap{Geometry: GeometryOf(s.plan), Bins: slices.Clone(s.bins), Legend: slices.Clone(legend), Defects: slices.Clone(s.found), DefectsTotal: len(s.found)}
	for n := range w.Legend {
		for _, b := range s.bins {
			if b == w.Legend[n].Bin {
				w.Legend[n].Count++
			}
		}
	}
	s.apply(WaferFinished{w.Summary})
	return w
}

// wafer runs a whole wafer.
func (s *story) wafer(id int64, lost ...int) Wafer {
	s.startWafer()
	for n := range s.plan.Fields {
		s.field(n, slices.Contains(lost, n))
	}
	return s.finish(id)
}
