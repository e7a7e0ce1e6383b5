package training

import (
	"slices"
	"testing"

	"kensa/calibration/product"
	"kensa/vision/golden"
	"kensa/vision/wafer"
)

// fields is a product of so many fields of nine dies.
func fields(n int) *product.Product {
	plan := &wafer.Plan{}
	for k := range n {
		plan.Fields = append(plan.Fields, wafer.Field{Number: k, Dies: make([]wafer.FieldDie, 9)})
	}
	return &product.Product{Recipe: "r", Plan: plan}
}

// TestRounds: each takes new fields only, evenly from all wafers, begins with the
// wafer that lies there, and never exceeds what was allowed.
func TestRounds(t *testing.T) {
	o := Defaults()
	p, err := New(o, fields(30), golden.Header{})
	if err != nil {
		t.Fatal(err)
	}
	first := slices.Clone(p.state.Visits)
	if len(first) != parts || first[0].Wafer != 1 || first[len(first)-1].Wafer != 4 {
		t.Fatalf("first round %v; want two fields of each of four wafers", first)
	}
	p.plan(30)
	second := p.state.Visits[len(first):]
	if len(second) != 4 || second[0].Wafer != 4 || second[len(second)-1].Wafer != 1 {
		t.Errorf("second round %v; want a field of each wafer, from the last on", second)
	}
	for range 20 {
		p.plan(100)
	}
	seen := map[Visit]bool{}
	for _, v := range p.state.Visits {
		if seen[v] {
			t.Errorf("%v twice", v)
		}
		seen[v] = true
	}
	if dies := p.planned(); dies > o.MaxDies || dies <= o.MaxDies-9 {
		t.Errorf("%d dies planned; want up to %d", dies, o.MaxDies)
	}
}

// TestEveryFieldIsInOrder once, whatever the wafer.
func TestEveryFieldIsInOrder(t *testing.T) {
	p, err := New(Defaults(), fields(30), golden.Header{})
	if err != nil {
		t.Fatal(err)
	}
	one, other := p.order(1), p.order(2)
	for _, order := range [][]int{one, other} {
		sorted := slices.Clone(order)
		slices.Sort(sorted)
		for n := range 30 {
			if sorted[n] != n {
				t.Fatalf("order %v", order)
			}
		}
	}
	if one[0] == other[0] {
		t.Error("both wafers begin with the same field")
	}
}

// TestNeeded grows as the limit falls, by the number of dies and by what was measured.
func TestNeeded(t *testing.T) {
	if n := byCount(0.1); n != 51 {
		t.Errorf("%d dies for 10 %%; want 51", n)
	}
	k := known{dies: 51, error: 0.08}
	if n := k.needed(0.1); n != 0 {
		t.Errorf("%d needed; want none", n)
	}
	if n := (known{dies: 40, error: 0.08}).needed(0.1); n != 11 {
		t.Errorf("%d needed; want 11 by the number", n)
	}
	k.error = 0.2
	if n := k.needed(0.1); n < 100 || n > 220 {
		t.Errorf("%d needed; want about three times as many in all", n)
	}
}

// TestDivide keeps the dies of a field together and fields of a wafer apart.
func TestDivide(t *testing.T) {
	var dies []Die
	for w := 1; w <= 3; w++ {
		for f := range 4 {
			for range 5 {
				dies = append(dies, Die{From: Visit{w, f}})
			}
		}
	}
	j := divide(dies, 3)
	of := map[Visit]int{}
	for n, d := range dies {
		if at, seen := of[d.From]; seen && at != j.part[n] {
			t.Errorf("field %v in parts %d and %d", d.From, at, j.part[n])
		}
		of[d.From] = j.part[n]
		if j.wafer[j.part[n]] != d.From.Wafer {
			t.Errorf("part %d of wafers %d and %d", j.part[n], j.wafer[j.part[n]], d.From.Wafer)
		}
	}
	if len(j.wafer) != 9 || len(j.strata()) != 3 {
		t.Errorf("%d parts in %d strata; want 9 in 3", len(j.wafer), len(j.strata()))
	}
}
