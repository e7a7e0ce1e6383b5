package dust

import (
	"cmp"
	"image"
	"slices"
	"sync"

	"kensa/vision/defect"
)

// Look is what was seen of one die of a field.
type Look struct {
	Rect image.Rectangle // where the die was expected, camera pixels
	// Patterned says that the die was registered with a golden, and (DX, DY) how
	// far from Rect it was found, pixels. A bare wafer has neither.
	Patterned bool
	DX, DY    float64
	Defects   []defect.Defect // camera pixels
}

// Limits of the watch.
const (
	// window is how many fields it remembers: some wafers, whose stage positions
	// differ enough to tell dust from a repeater.
	window = 100
	// leastFields is the least number of fields that must show a spot.
	leastFields = 5
	// chanceRecognised is how often scattered defects may be taken for dust: once
	// in so many windows of fields.
	chanceRecognised = 1e-6
	// forget is after how many fields that looked at its place without seeing it
	// a spot is gone.
	forget = 50
	// maxSpots bounds what is taken for dust: optics with more are blind, or it is
	// something else.
	maxSpots = 100
	// manyFindings is beyond how many a field says nothing about dust.
	manyFindings = 500
)

// Watch recognises dust while a tool runs. The zero value is ready; it is used
// from one goroutine.
//
// A place is dust where findings recurred at the same camera pixels
//   - in at least 5 of the last 100 fields, and in more where those hold so many
//     findings that scattered defects would agree oftener than once in a million
//     windows;
//   - in at least two thirds of the fields that looked there since the first;
//   - at that one die place of the field: a finding at the same place of the
//     other dies too is a repeater, printed by the reticle, or a fault of the
//     golden;
//   - where dies are registered: still, as the dies move with the stage.
//
// Where the last cannot be told, because the stage places every field alike, the
// place is a suspect: dust, or a defect that a reticle as large as the field
// prints on one of its dies. Suspects go on to count as defects.
type Watch struct {
	seen     [][]Look // the last fields, oldest first; without what is known as dust
	spots    []known
	suspects []known
	spare    []Look // the memory of a field that was forgotten
}

type known struct {
	Spot
	missed int // fields that looked at its place and did not see it, in a row
}

// Spots lists the dust known now.
func (w *Watch) Spots() []Spot {
	spots := make([]Spot, len(w.spots))
	for n, k := range w.spots {
		spots[n] = k.Spot
	}
	return spots
}

// Suspects lists what is dust or a repeater, and cannot be told apart.
func (w *Watch) Suspects() []Spot {
	spots := make([]Spot, len(w.suspects))
	for n, k := range w.suspects {
		spots[n] = k.Spot
	}
	return spots
}

// Restore begins with spots that were known before. They are forgotten as all
// others are, if the fields to come do not show them.
func (w *Watch) Restore(spots []Spot) {
	for _, s := range spots[:min(len(spots), maxSpots)] {
		w.learn(s)
	}
}

// Forget drops all spots and what was remembered of fields: the optics have been
// cleaned. What is still there is recognised anew.
func (w *Watch) Forget() { *w = Watch{} }

// Covers reports whether a finding is known dust; see Spot.Covers.
func (w *Watch) Covers(d defect.Defect) bool {
	return slices.ContainsFunc(w.spots, func(k known) bool { return k.Covers(d) })
}

// See takes the dies of a field, each field once and without dies that could
// not be inspected. It reports whether the spots have changed. The spots are
// right for this field already.
func (w *Watch) See(field []Look) (changed bool) {
	changed = w.age(field)
	rest, total := append(w.spare[:0], field...), 0
	w.spare = nil
	for n, look := range field {
		rest[n].Defects = slices.DeleteFunc(slices.Clone(look.Defects), w.Covers)
		slices.SortFunc(rest[n].Defects, func(a, b defect.Defect) int { return cmp.Compare(a.CX, b.CX) })
		total += len(rest[n].Defects)
	}
	if total > manyFindings {
		w.spare = rest
		return changed
	}
	if len(w.seen) == window {
		w.spare = w.seen[0]
		w.seen = slices.Delete(w.seen, 0, 1)
	}
	w.seen = append(w.seen, rest)
	return w.recognise(rest) || changed
}

// recognise looks for dust among the findings of the latest field.
func (w *Watch) recognise(latest []Look) (found bool) {
	if !slices.ContainsFunc(latest, func(l Look) bool { return len(l.Defects) > 0 }) {
		return false
	}
	needed := sync.OnceValue(w.votes) // seldom asked for
	for _, look := range latest {
		for _, d := range slices.Clone(look.Defects) {
			if len(w.spots) == maxSpots {
				return found
			}
			if w.Covers(d) {
				continue
			}
			switch t := w.trace(look.Rect, d); t.judge(needed) {
			case isDust:
				w.learn(spot(t.found))
				found = true
			case unclear:
				found = w.suspect(spot(t.found)) || found
			case isOther:
				found = w.clear(d) || found
			}
		}
	}
	return found
}

// age counts how long each spot was not seen, and drops those that are gone.
func (w *Watch) age(field []Look) (dropped bool) {
	before := len(w.spots) + len(w.suspects)
	w.spots, w.suspects = aged(w.spots, field), aged(w.suspects, field)
	return len(w.spots)+len(w.suspects) < before
}

func aged(spots []known, field []Look) []known {
	for n := range spots {
		k := &spots[n]
		for _, look := range field {
			if !image.Pt(int(k.CX), int(k.CY)).In(look.Rect) {
				continue
			}
			k.missed++
			if slices.ContainsFunc(look.Defects, k.Covers) {
				k.missed = 0
			}
		}
	}
	return slices.DeleteFunc(spots, func(k known) bool { return k.missed >= forget })
}

// suspect notes a place that is unclear; it reports whether that is new.
func (w *Watch) suspect(s Spot) bool {
	for n := range w.suspects {
		if k := &w.suspects[n]; s.near(k.Spot) {
			k.Spot = s
			return false
		}
	}
	if len(w.suspects) == maxSpots {
		return false
	}
	w.suspects = append(w.suspects, known{Spot: s})
	return true
}

// clear drops the suspects at a finding that has turned out to be something else.
func (w *Watch) clear(d defect.Defect) bool {
	before := len(w.suspects)
	w.suspects = slices.DeleteFunc(w.suspects, func(k known) bool { return k.Covers(d) })
	return len(w.suspects) < before
}

// learn adds a spot and forgets its sightings: were they kept, a later defect on
// top of it would be taken for the same.
func (w *Watch) learn(s Spot) {
	w.spots = append(w.spots, known{Spot: s})
	w.suspects = slices.DeleteFunc(w.suspects, func(k known) bool { return s.near(k.Spot) })
	for _, field := range w.seen {
		for n := range field {
			field[n].Defects = slices.DeleteFunc(field[n].Defects, s.Covers)
		}
	}
}
