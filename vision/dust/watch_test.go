package dust_test

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"kensa/vision/defect"
	"kensa/vision/dust"
)

// A stage shows fields of 3 × 3 dies, each wafer and each field a little off.
type stage struct {
	r        *rand.Rand
	moves    float64 // standard deviation of a wafer's place, pixels
	bare     bool    // no golden to register with
	wafer    [2]float64
	n        int
	perField int // scattered defects
}

const (
	dieSide  = 200
	perWafer = 29
)

// next gives a field with what marks puts on each die's place.
func (s *stage) next(marks func(die int, rect image.Rectangle, dx, dy float64) []defect.Defect) []dust.Look {
	if s.n%perWafer == 0 {
		s.wafer = [2]float64{s.moves * s.r.NormFloat64(), s.moves * s.r.NormFloat64()}
	}
	s.n++
	dx, dy := s.wafer[0]+0.4*s.moves*s.r.NormFloat64(), s.wafer[1]+0.4*s.moves*s.r.NormFloat64()
	var looks []dust.Look
	for die := range 9 {
		corner := image.Pt(die%3*(dieSide+20), die/3*(dieSide+20))
		l := dust.Look{Rect: image.Rectangle{corner, corner.Add(image.Pt(dieSide, dieSide))}}
		if !s.bare {
			l.Patterned, l.DX, l.DY = true, dx, dy
		}
		for range s.perField {
			if s.r.IntN(9) == 0 {
				l.Defects = append(l.Defects, scatter(s.r, 1, dieSide, dieSide)[0].Translate(corner.X, corner.Y))
			}
		}
		l.Defects = append(l.Defects, marks(die, l.Rect, dx, dy)...)
		looks = append(looks, l)
	}
	return looks
}

// run shows fields until the watch knows a spot, at most n, and returns how many.
func (s *stage) run(w *dust.Watch, n int, marks func(int, image.Rectangle, float64, float64) []defect.Defect) int {
	for f := range n {
		if w.See(s.next(marks)); len(w.Spots()) > 0 {
			return f + 1
		}
	}
	return n
}

func (s *stage) shaken(x, y float64) defect.Defect { return shaken(s.r, finding(x, y, 8, 30)) }

func none(int, image.Rectangle, float64, float64) []defect.Defect { return nil }

// speck is dust over the field's middle die.
func (s *stage) speck(die int, rect image.Rectangle, _, _ float64) []defect.Defect {
	if die != 4 {
		return nil
	}
	return []defect.Defect{s.shaken(300, 310)}
}

// printed is a mark on every die, or on one only of a reticle as large as the field.
func (s *stage) printed(only int) func(int, image.Rectangle, float64, float64) []defect.Defect {
	return func(die int, rect image.Rectangle, dx, dy float64) []defect.Defect {
		if only >= 0 && die != only {
			return nil
		}
		return []defect.Defect{s.shaken(float64(rect.Min.X)+80+dx, float64(rect.Min.Y)+90+dy)}
	}
}

func newStage(seed uint64) *stage {
	return &stage{r: rand.New(rand.NewPCG(seed, 9)), moves: 0.7, perField: 1}
}

func TestWatchRecognisesDust(t *testing.T) {
	for seed := range uint64(10) {
		s, w := newStage(seed), &dust.Watch{}
		n := s.run(w, 6*perWafer, s.speck)
		spots := w.Spots()
		if len(spots) != 1 || math.Hypot(spots[0].CX-300, spots[0].CY-310) > 1 {
			t.Fatalf("after %d fields: %+v; want a spot at (300, 310)", n, spots)
		}
		if n < 5 {
			t.Errorf("recognised after %d fields; chance is not ruled out", n)
		}
		if d := s.shaken(300, 310); !w.Covers(d) {
			t.Errorf("%+v is not covered by %+v", d, spots[0])
		}
		if d := finding(300, 310, 30, 40); w.Covers(d) {
			t.Error("a large defect on the dust is left out")
		}
		if d := finding(80, 90, 8, 30); w.Covers(d) {
			t.Error("a defect elsewhere is left out")
		}
	}
}

func TestWatchLeavesRepeatersAndDefects(t *testing.T) {
	for name, c := range map[string]struct {
		marks func(s *stage) func(int, image.Rectangle, float64, float64) []defect.Defect
		set   func(s *stage)
	}{
		"on every die":                      {func(s *stage) func(int, image.Rectangle, float64, float64) []defect.Defect { return s.printed(-1) }, func(*stage) {}},
		"on every die, a still stage":       {func(s *stage) func(int, image.Rectangle, float64, float64) []defect.Defect { return s.printed(-1) }, func(s *stage) { s.moves = 0 }},
		"on one die of the reticle":         {func(s *stage) func(int, image.Rectangle, float64, float64) []defect.Defect { return s.printed(4) }, func(*stage) {}},
		"on one, a still stage":             {func(s *stage) func(int, image.Rectangle, float64, float64) []defect.Defect { return s.printed(4) }, func(s *stage) { s.moves = 0 }},
		"on one, a stage that hardly moves": {func(s *stage) func(int, image.Rectangle, float64, float64) []defect.Defect { return s.printed(4) }, func(s *stage) { s.moves = 0.1 }},
		"scattered":                         {func(*stage) func(int, image.Rectangle, float64, float64) []defect.Defect { return none }, func(s *stage) { s.perField = 30 }},
		"scattered on bare wafers":          {func(*stage) func(int, image.Rectangle, float64, float64) []defect.Defect { return none }, func(s *stage) { s.perField, s.bare = 60, true }},
		"a repeater on bare wafers":         {func(s *stage) func(int, image.Rectangle, float64, float64) []defect.Defect { return s.printed(-1) }, func(s *stage) { s.bare = true }},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(2) {
				s, w := newStage(seed), &dust.Watch{}
				c.set(s)
				if n := s.run(w, 7*perWafer, c.marks(s)); len(w.Spots()) > 0 {
					t.Errorf("after %d fields: %+v; want no dust", n, w.Spots())
				}
			}
		})
	}
}

// TestWatchRecognisesDustOnBareWafers: without dies, place alone decides.
func TestWatchRecognisesDustOnBareWafers(t *testing.T) {
	s, w := newStage(1), &dust.Watch{}
	s.bare = true
	if n := s.run(w, perWafer, s.speck); n != 5 {
		t.Errorf("%d spots after %d fields; want one after 5", len(w.Spots()), n)
	}
}

func TestWatchForgetsWhatWasCleaned(t *testing.T) {
	s, w := newStage(3), &dust.Watch{}
	s.run(w, 6*perWafer, s.speck)
	if len(w.Spots()) != 1 {
		t.Fatalf("%d spots; want 1", len(w.Spots()))
	}
	for range 200 {
		w.See(s.next(s.speck))
	}
	if len(w.Spots()) != 1 {
		t.Errorf("%d spots while the dust is there; want 1", len(w.Spots()))
	}
	changes := 0
	for range 60 {
		if w.See(s.next(none)) {
			changes++
		}
	}
	if len(w.Spots()) != 0 || changes != 1 {
		t.Errorf("%d spots, %d changes after cleaning; want 0, 1", len(w.Spots()), changes)
	}
}

// TestWatchTellsWhatItCannotDecide has a stage that places every field alike: a
// speck and a defect that the reticle prints on one die look the same. Neither
// may be taken for dust, both are told; when the stage moves, both are decided.
func TestWatchTellsWhatItCannotDecide(t *testing.T) {
	for name, c := range map[string]struct {
		marks func(s *stage) func(int, image.Rectangle, float64, float64) []defect.Defect
		spots int
	}{
		"a speck":    {func(s *stage) func(int, image.Rectangle, float64, float64) []defect.Defect { return s.speck }, 1},
		"a repeater": {func(s *stage) func(int, image.Rectangle, float64, float64) []defect.Defect { return s.printed(4) }, 0},
	} {
		for seed := range uint64(3) {
			s, w := newStage(seed), &dust.Watch{}
			s.moves = 0.02
			for range 2 * perWafer {
				w.See(s.next(c.marks(s)))
			}
			if len(w.Spots()) != 0 || len(w.Suspects()) != 1 {
				t.Errorf("%s, still stage: spots %+v, suspects %+v; want one suspect", name, w.Spots(), w.Suspects())
			}
			s.moves = 0.7
			for range 4 * perWafer {
				w.See(s.next(c.marks(s)))
			}
			if len(w.Spots()) != c.spots || len(w.Suspects()) != 0 {
				t.Errorf("%s, moving stage: spots %+v, suspects %+v; want %d and none", name, w.Spots(), w.Suspects(), c.spots)
			}
		}
	}
}

func TestWatchRestoresAndForgets(t *testing.T) {
	s, w := newStage(1), &dust.Watch{}
	s.run(w, 6*perWafer, s.speck)
	again := &dust.Watch{}
	again.Restore(w.Spots())
	if !again.Covers(s.shaken(300, 310)) {
		t.Errorf("restored %+v", again.Spots())
	}
	again.Forget()
	if len(again.Spots()) > 0 || again.Covers(s.shaken(300, 310)) {
		t.Errorf("after cleaning %+v", again.Spots())
	}
	if n := s.run(again, 6*perWafer, s.speck); len(again.Spots()) != 1 {
		t.Errorf("what was not cleaned is not recognised within %d fields", n)
	}
}
