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
type Watch struct {
	seen  [][]Look // the last fields, oldest first; without what is known as dust
	spots []known
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

// Covers reports whether a finding is known dust; see Spot.Covers.
func (w *Watch) Covers(d defect.Defect) bool {
	return slices.ContainsFunc(w.spots, func(k known) bool { return k.Covers(d) })
}

// See takes the dies of a field, each field once and without dies that could
// not be inspected. It reports whether the spots have changed. The spots are
// right for this field already.
func (w *Watch) See(field []Look) (changed bool) {
	changed = w.age(field)
	rest, total := make([]Look, len(field)), 0
	for n, look := range field {
		rest[n] = look
		rest[n].Defects = slices.DeleteFunc(slices.Clone(look.Defects), w.Covers)
		slices.SortFunc(rest[n].Defects, func(a, b defect.Defect) int { return cmp.Compare(a.CX, b.CX) })
		total += len(rest[n].Defects)
	}
	if total > manyFindings {
		return changed
	}
	if len(w.seen) == window {
		w.seen = slices.Delete(w.seen, 0, 1)
	}
	w.seen = append(w.seen, rest)
	return w.recognise(rest) || changed
}

// recognise looks for dust among the findings of the latest field.
func (w *Watch) recognise(latest []Look) (found bool) {
	needed := sync.OnceValue(w.votes) // seldom asked for
	for _, look := range latest {
		for _, d := range slices.Clone(look.Defects) {
			if len(w.spots) == maxSpots {
				return found
			}
			if w.Covers(d) {
				continue
			}
			if t := w.trace(look.Rect, d); t.isDust(needed) {
				w.learn(spot(t.found))
				found = true
			}
		}
	}
	return found
}

// age counts how long each spot was not seen, and drops those that are gone.
func (w *Watch) age(field []Look) (dropped bool) {
	before := len(w.spots)
	for n := range w.spots {
		k := &w.spots[n]
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
	w.spots = slices.DeleteFunc(w.spots, func(k known) bool { return k.missed >= forget })
	return len(w.spots) < before
}

// learn adds a spot and forgets its sightings: were they kept, a later defect on
// top of it would be taken for the same.
func (w *Watch) learn(s Spot) {
	w.spots = append(w.spots, known{Spot: s})
	for _, field := range w.seen {
		for n := range field {
			field[n].Defects = slices.DeleteFunc(field[n].Defects, s.Covers)
		}
	}
}
