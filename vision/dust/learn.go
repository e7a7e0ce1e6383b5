package dust

import (
	"cmp"
	"fmt"
	"slices"

	"kensa/vision/defect"
)

// MinFrames is the least number of frames that dust is learnt from.
const MinFrames = 3

// chanceSpots is how many spots of a learnt map, on average, may be scattered
// defects that agree by chance.
const chanceSpots = 0.01

// Map is the dust of one camera, for frames of its size in pixels.
type Map struct {
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Spots  []Spot `json:"spots"` // by row
}

// Covers reports whether a finding is one of the map's spots; see Spot.Covers.
func (m Map) Covers(d defect.Defect) bool {
	return slices.ContainsFunc(m.Spots, func(s Spot) bool { return s.Covers(d) })
}

// Split parts a frame's findings into defects and dust, in their order.
func (m Map) Split(found []defect.Defect) (defects, dust []defect.Defect) {
	for _, d := range found {
		if m.Covers(d) {
			dust = append(dust, d)
		} else {
			defects = append(defects, d)
		}
	}
	return defects, dust
}

// Learn finds the spots that stay at their place in frames of width × height
// pixels, given each frame's findings. A spot must be in at least half of the
// frames, and three: some frames may not show it, where it lies beyond the
// wafer's edge. The frames must show different places of a wafer, or different
// wafers. The error says that the frames are too few, or too full of findings,
// for chance to be ruled out.
func Learn(width, height int, frames [][]defect.Defect) (Map, error) {
	m := Map{Width: width, Height: height}
	if width < 1 || height < 1 {
		return m, fmt.Errorf("dust: frames of %d×%d pixels; want at least 1×1", width, height)
	}
	if len(frames) < MinFrames {
		return m, fmt.Errorf("dust: %d frames; want at least %d", len(frames), MinFrames)
	}
	all := slices.Concat(frames...)
	least := max(MinFrames, (len(frames)+1)/2)
	needed := votes(least, len(frames), len(all), density(all, len(frames), float64(width)*float64(height)), chanceSpots)
	if needed > len(frames) {
		return m, fmt.Errorf("dust: %d frames with %d findings: defects would agree by chance; take more frames, or cleaner wafers", len(frames), len(all))
	}
	rest := newFindings(frames)
	for f := range rest[:len(frames)-needed+1] {
		for _, d := range slices.Clone(rest[f]) {
			if found := rest.at(d); len(found) >= needed {
				m.Spots = append(m.Spots, spot(found))
				rest.remove(found)
			}
		}
	}
	slices.SortFunc(m.Spots, func(a, b Spot) int { return cmp.Or(cmp.Compare(a.CY, b.CY), cmp.Compare(a.CX, b.CX)) })
	return m, nil
}

// findings are those of each frame, from left to right.
type findings [][]defect.Defect

func newFindings(frames [][]defect.Defect) findings {
	f := make(findings, len(frames))
	for n, found := range frames {
		f[n] = slices.SortedFunc(slices.Values(found), func(a, b defect.Defect) int { return cmp.Compare(a.CX, b.CX) })
	}
	return f
}

// at is the finding of each frame that is nearest to a place, where there is one.
func (f findings) at(place defect.Defect) []defect.Defect {
	var found []defect.Defect
	for _, frame := range f {
		if n := nearest(frame, place); n >= 0 {
			found = append(found, frame[n])
		}
	}
	return found
}

// nearest is the finding at a place, given findings from left to right; -1 where
// there is none.
func nearest(frame []defect.Defect, place defect.Defect) int {
	reach := tolerance(place)
	from, _ := slices.BinarySearchFunc(frame, place.CX-reach, func(d defect.Defect, x float64) int { return cmp.Compare(d.CX, x) })
	best, least := -1, 0.0
	for n := from; n < len(frame) && frame[n].CX <= place.CX+reach; n++ {
		if apart, same := distance(frame[n], place); same && (best < 0 || apart < least) {
			best, least = n, apart
		}
	}
	return best
}

// remove takes findings out, each wherever it is.
func (f findings) remove(found []defect.Defect) {
	for n := range f {
		f[n] = slices.DeleteFunc(f[n], func(d defect.Defect) bool { return slices.Contains(found, d) })
	}
}
