package inspect

import (
	"image"
	"slices"
	"sync"

	"kensa/vision/frame"
	"kensa/vision/golden"
)

// Of dies kept from earlier fields: perField from each, so that they come from
// several, and the latest maxKept, so that they follow a process that drifts.
const (
	perField = 2
	maxKept  = 8
)

// Kept are dies of earlier fields, which help fields that show too few to vote.
// Once a vote has succeeded only dies without defects come in; before, all do,
// for a wafer's first fields may be small ones. It is safe for concurrent use;
// the zero value is ready.
type Kept struct {
	mu      sync.Mutex
	decided bool
	samples []golden.Sample // oldest first; their images are copies
}

// latest are at most n dies of a size, the latest ones.
func (k *Kept) latest(n int, size image.Point) []golden.Sample {
	k.mu.Lock()
	defer k.mu.Unlock()
	like := slices.DeleteFunc(slices.Clone(k.samples), func(s golden.Sample) bool { return s.Rect.Size() != size })
	return like[max(0, len(like)-n):]
}

// undecided keeps dies that could not vote, if no vote has succeeded so far.
func (k *Kept) undecided(samples []golden.Sample, margin int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.decided {
		for _, s := range samples[:min(len(samples), perField)] {
			k.add(s.Image, s.Rect, margin)
		}
	}
}

// good keeps dies without defects.
func (k *Kept) good(img frame.Image, dies []Die, margin int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	added := 0
	for _, d := range dies {
		if added < perField && d.Registered && len(d.Defects) == 0 && d.Rect.In(img.Bounds()) {
			k.add(img, d.Rect, margin)
			added++
		}
	}
	k.decided = k.decided || added > 0
}

// add copies a die with the margin that registration needs.
func (k *Kept) add(img frame.Image, r image.Rectangle, margin int) {
	around := r.Inset(-margin).Intersect(img.Bounds())
	s := golden.Sample{Name: "a die of an earlier field", Image: img.Sub(around).Clone(), Rect: r.Sub(around.Min)}
	k.samples = append(k.samples, s)
	if len(k.samples) > maxKept {
		k.samples = slices.Delete(k.samples, 0, 1)
	}
}
