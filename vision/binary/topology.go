package binary

import (
	"image"

	"kensa/vision/defect"
)

// How a blob's contacts are counted.
const (
	ringReach = 6 // how far around a blob pieces are seen
	coreReach = 1 // what of that is counted to the blob: its blurred edge
	minPiece  = 3 // pixels of a piece; fewer are an edge's noise
)

// topology counts what a blob touches. It keeps its memory.
type topology struct {
	box   image.Rectangle
	width int
	state []uint8 // by row: the states below
	stack []int
}

// States of a pixel of the window.
const (
	inBlob  uint8 = 1 << iota
	inCore        // within coreReach of the blob
	inRing        // within ringReach
	inHave        // set in the image that has the blob
	inWant        // set in the other
	joined        // reached from the blob through have
	counted       // found to be of a piece
)

// contacts is the number of pieces of want that the blob is joined to through
// have: 0 for an island, 1 for a bump on an edge, 2 for a bridge.
func (t *topology) contacts(b defect.Blob, have, want *bitmap) (pieces int) {
	t.open(b, have, want)
	for n, s := range t.state {
		if s&(inBlob|joined) == inBlob {
			t.flood(n, joined, inHave|inRing, 0)
		}
	}
	for n, s := range t.state {
		if s&(joined|inWant) == joined|inWant && s&(inCore|counted) == 0 {
			if t.flood(n, counted, joined|inWant, inCore) >= minPiece {
				pieces++
			}
		}
	}
	return pieces
}

// open sets the window up.
func (t *topology) open(b defect.Blob, have, want *bitmap) {
	t.box = b.Box.Inset(-ringReach).Intersect(have.bounds())
	t.width = t.box.Dx()
	t.state = append(t.state[:0], make([]uint8, t.width*t.box.Dy())...)
	for _, r := range b.Runs {
		t.mark(r, ringReach, inRing)
		t.mark(r, coreReach, inCore)
		t.mark(r, 0, inBlob)
	}
	for n := range t.state {
		x, y := t.box.Min.X+n%t.width, t.box.Min.Y+n/t.width
		if have.at(x, y) {
			t.state[n] |= inHave
		}
		if want.at(x, y) {
			t.state[n] |= inWant
		}
	}
}

// mark gives the pixels within reach of a run a state.
func (t *topology) mark(r defect.Run, reach int, s uint8) {
	part := image.Rect(r.X0-reach, r.Y-reach, r.X1+reach, r.Y+1+reach).Intersect(t.box).Sub(t.box.Min)
	for y := part.Min.Y; y < part.Max.Y; y++ {
		row := t.state[y*t.width+part.Min.X : y*t.width+part.Max.X]
		for n := range row {
			row[n] |= s
		}
	}
}

// flood gives state s to the pixels 8-connected to n that have all of the states
// with and none of without, and counts them.
func (t *topology) flood(n int, s, with, without uint8) (count int) {
	height := len(t.state) / t.width
	t.state[n] |= s
	for t.stack = append(t.stack[:0], n); len(t.stack) > 0; count++ {
		at := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		x, y := at%t.width, at/t.width
		for v := max(0, y-1); v <= min(height-1, y+1); v++ {
			for u := max(0, x-1); u <= min(t.width-1, x+1); u++ {
				if m := v*t.width + u; t.state[m]&(with|without|s) == with {
					t.state[m] |= s
					t.stack = append(t.stack, m)
				}
			}
		}
	}
	return count
}
