package defect

import (
	"image"
	"math"
	"slices"
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
	crossed  []bool          // looks like the other side
	blob     []bool
	changed  []bool // from material to ground or back
	label    []bool // visited by a flood
	stack    []int
	values   []uint8
	short    int // see FallShort
}

// Window is the part of the die that Classify looks at for a blob.
func (p *Pattern) Window(b Blob) image.Rectangle {
	return b.Box.Inset(-windowReach - p.short).Intersect(image.Rect(0, 0, p.width, p.height))
}

// open sets the window up around a blob.
func (w *window) open(p *Pattern, b Blob, die []uint8) {
	w.box, w.short = p.Window(b), p.short
	n := w.box.Dx() * w.box.Dy()
	w.material, w.blob = fresh(w.material, n), fresh(w.blob, n)
	w.changed, w.label = fresh(w.changed, n), fresh(w.label, n)
	w.toward, w.crossed = w.toward[:0], fresh(w.crossed, n)
	for n := range w.material {
		at := (w.box.Min.Y+n/w.box.Dx())*p.width + w.box.Min.X + n%w.box.Dx()
		w.material[n] = p.isMaterial(at)
		w.crossed[n] = ((die[at] > p.threshold) == p.bright) != w.material[n]
		brighter := float64(die[at]) - float64(p.mean[at])
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

// peak is the greatest deviation of the blob towards the other side, grey levels.
func (w *window) peak() (peak float64) {
	for n, on := range w.blob {
		if on {
			peak = max(peak, w.toward[n])
		}
	}
	return peak
}

// strongest is what the strongest pixels of a blob have in common.
type strongest struct {
	toward   float64 // their mean deviation towards the other side, grey levels
	expected float64 // grey value
	other    float64 // the other side's grey value near by
	brighter bool    // than expected
}

// strongest looks at the pixels that deviate nearly as much as the strongest.
func (w *window) strongest(p *Pattern) (s strongest) {
	var top, n, material float64
	for i, on := range w.blob {
		if on {
			top = max(top, math.Abs(w.toward[i]))
		}
	}
	for i, on := range w.blob {
		if !on || math.Abs(w.toward[i]) < strong*top {
			continue
		}
		n++
		s.toward += w.toward[i]
		s.expected += float64(p.mean[w.at(p, i)])
		if w.material[i] {
			material++
		}
	}
	s.toward, s.expected = s.toward/n, s.expected/n
	onMaterial := material > n/2
	s.brighter = (s.toward > 0) == (onMaterial != p.bright)
	s.other = w.side(p, !onMaterial)
	return s
}

// side is the grey value of ground, or of material near by, away from the slopes
// between them; what is usual on the die where there is hardly any.
func (w *window) side(p *Pattern, material bool) float64 {
	w.values = w.values[:0]
	for n, m := range w.material {
		if m == material {
			w.values = append(w.values, p.mean[w.at(p, n)])
		}
	}
	switch slices.Sort(w.values); {
	case !material: // what is bared where material is missing may be any of the ground
		return p.ground
	case len(w.values) <= minPiece:
		return p.metal
	case material == p.bright:
		return float64(w.values[len(w.values)*4/5])
	}
	return float64(w.values[len(w.values)/5])
}

// at is where pixel n of the window lies in the golden.
func (w *window) at(p *Pattern, n int) int {
	return (w.box.Min.Y+n/w.box.Dx())*p.width + w.box.Min.X + n%w.box.Dx()
}

// otherCuts are the shares of the way to the other side from which a pixel counts
// as changed for a defect seen a fraction of a pixel elsewhere; half is usual.
var otherCuts = [2]float64{0.4, 0.6}

// sureCuts is how sure a class of topology is, of 1, that one or both of the other
// cuts contradict: on simulated dies, how often other views have the same class.
var sureCuts = [3]float64{1, 0.8, 0.6}

// topology is the class of a change of the pattern, and how sure that is.
func (w *window) topology() (Class, float64) {
	peak, contradicted := w.peak(), 0
	class := w.changeClass(peak / 2)
	for _, cut := range otherCuts {
		if w.changeClass(cut*peak) != class {
			contradicted++
		}
	}
	return class, sureCuts[contradicted]
}

func (w *window) changeClass(level float64) Class {
	clear(w.changed)
	clear(w.label)
	if w.change(level) {
		return w.extra()
	}
	return w.missing()
}

// change marks what has moved towards the other side by at least level grey
// levels, at the blob and around it as far as it is connected. Where some
// material was added and some removed, the lesser is forgotten.
func (w *window) change(level float64) (added bool) {
	zone := w.label
	// On the slope of an edge half of a change is enough to cross to the other side.
	moved := func(n int) bool { return w.toward[n] >= level || w.crossed[n] && w.toward[n] >= level/2 }
	for n, on := range w.blob {
		if on {
			w.near(n, blurReach+w.short, func(m int) { zone[m] = true })
		}
	}
	for n, on := range w.blob {
		if on && !w.changed[n] && moved(n) {
			w.flood(n, w.changed, func(m int) bool { return zone[m] && moved(m) })
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
	// A cut takes the slopes of the line's edges with it: they change by less than
	// the line, but what is left of them no longer looks like material.
	if w.pieces(func(n int) bool { return w.material[n] && !w.changed[n] && !w.crossed[n] }) == 1 {
		return MouseBite
	}
	return Open
}
