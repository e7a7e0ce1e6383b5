package defect

import (
	"image"
	"math"
)

// Sizes around a blob, pixels.
const (
	blurReach   = 2 // of the optic: how far a change may show beyond the blob
	windowReach = 4 // what is seen of the pattern around a blob
)

// window is the pattern around one blob, by rows. It keeps its memory.
type window struct {
	box      image.Rectangle // in the die
	material []bool          // in the golden
	toward   []float64       // deviation from the golden towards the other side, grey levels
	foreign  []bool          // darker or brighter than anything in the golden
	blob     []bool
	changed  []bool // from material to ground or back
	label    []bool // visited by a flood
	stack    []int
}

// Window is the part of the die that Classify looks at for a blob.
func (p *Pattern) Window(b Blob) image.Rectangle {
	return b.Box.Inset(-windowReach).Intersect(image.Rect(0, 0, p.width, p.height))
}

// open sets the window up around a blob.
func (w *window) open(p *Pattern, b Blob, die []uint8) {
	w.box = p.Window(b)
	n := w.box.Dx() * w.box.Dy()
	w.material, w.blob = fresh(w.material, n), fresh(w.blob, n)
	w.changed, w.label = fresh(w.changed, n), fresh(w.label, n)
	w.toward, w.foreign = w.toward[:0], fresh(w.foreign, n)
	for n := range w.material {
		at := (w.box.Min.Y+n/w.box.Dx())*p.width + w.box.Min.X + n%w.box.Dx()
		w.material[n] = p.isMaterial(at)
		grey := float64(die[at])
		w.foreign[n] = grey < p.low || grey > p.high
		brighter := grey - float64(p.mean[at])
		if w.material[n] == p.bright {
			brighter = -brighter
		}
		w.toward = append(w.toward, brighter)
	}
	for _, r := range b.Runs {
		for x := r.X0; x < r.X1; x++ {
			w.blob[w.index(x, r.Y)] = true
		}
	}
}

func fresh(v []bool, n int) []bool {
	if cap(v) < n {
		return make([]bool, n)
	}
	v = v[:n]
	clear(v)
	return v
}

func (w *window) index(x, y int) int { return (y-w.box.Min.Y)*w.box.Dx() + x - w.box.Min.X }

// near calls visit for every pixel of the window within reach of pixel n, which
// it includes.
func (w *window) near(n, reach int, visit func(int)) {
	width, height := w.box.Dx(), w.box.Dy()
	x, y := n%width, n/width
	for v := max(0, y-reach); v <= min(height-1, y+reach); v++ {
		for u := max(0, x-reach); u <= min(width-1, x+reach); u++ {
			visit(v*width + u)
		}
	}
}

// deviation is the share of the blob's pixels that are foreign or deviate away
// from the other side, and the greatest deviation towards the other side, or of
// all if there is none, in grey levels. Pixels on the slope of an edge count
// only where they deviate towards: a bite takes the slope's foot with it.
func (w *window) deviation() (share, peak float64) {
	var towards, away, strongest, apart float64
	for n, on := range w.blob {
		switch {
		case !on:
		case w.foreign[n]:
			away++
			apart = max(apart, math.Abs(w.toward[n]))
		case w.toward[n] > 0:
			towards++
			strongest = max(strongest, w.toward[n])
		case !w.slope(n):
			away++
			apart = max(apart, -w.toward[n])
		}
	}
	if strongest == 0 {
		strongest = apart
	}
	return away / max(1, away+towards), strongest
}

// slope reports whether the other side is near enough to show in the optic's
// blur.
func (w *window) slope(n int) bool {
	other := false
	w.near(n, blurReach, func(m int) { other = other || w.material[m] != w.material[n] })
	return other
}

// change marks what has moved towards the other side by at least level grey
// levels, at the blob and around it as far as it is connected. Where some
// material was added and some removed, the lesser is forgotten.
func (w *window) change(level float64) (added bool) {
	zone := w.label
	for n, on := range w.blob {
		if on {
			w.near(n, blurReach, func(m int) { zone[m] = true })
		}
	}
	for n, on := range w.blob {
		if on && !w.changed[n] && w.toward[n] >= level {
			w.flood(n, w.changed, func(m int) bool { return zone[m] && w.toward[m] >= level })
		}
	}
	clear(zone)
	balance := 0
	for n, on := range w.changed {
		switch {
		case on && w.material[n]:
			balance--
		case on:
			balance++
		}
	}
	for n := range w.changed {
		w.changed[n] = w.changed[n] && w.material[n] != (balance >= 0)
	}
	return balance >= 0
}

// flood marks the pixels that are 8-connected to n and belong, and counts them.
func (w *window) flood(n int, mark []bool, belongs func(int) bool) int {
	mark[n] = true
	count := 0
	for w.stack = append(w.stack[:0], n); len(w.stack) > 0; count++ {
		at := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		w.near(at, 1, func(m int) {
			if !mark[m] && belongs(m) {
				mark[m] = true
				w.stack = append(w.stack, m)
			}
		})
	}
	return count
}

// minPiece is the least number of pixels of a piece: fewer are what a blurred
// edge leaves of one.
const minPiece = 4

// pieces counts the pieces that the change touches, of those pixels for which
// belongs holds.
func (w *window) pieces(belongs func(int) bool) int {
	count := 0
	clear(w.label)
	for n, on := range w.changed {
		if !on {
			continue
		}
		w.near(n, 1, func(m int) {
			if belongs(m) && !w.label[m] && w.flood(m, w.label, belongs) >= minPiece {
				count++
			}
		})
	}
	return count
}

func (w *window) extra() Class {
	switch w.pieces(func(n int) bool { return w.material[n] }) {
	case 0:
		return Copper
	case 1:
		return Spur
	}
	return Short
}

func (w *window) missing() Class {
	if w.pieces(func(n int) bool { return !w.material[n] }) == 0 {
		return PinHole
	}
	if w.pieces(func(n int) bool { return w.material[n] && !w.changed[n] }) == 1 {
		return MouseBite
	}
	return Open
}
