package defect

import "image"

// Sizes around a blob, pixels.
const (
	blurReach   = 2 // how far beyond the limits' blobs a change may reach
	windowReach = 8 // what is seen of the pattern around a blob
)

// window is the pattern around one blob, by rows. It keeps its memory.
type window struct {
	box      image.Rectangle // in the die
	material []bool          // in the golden
	blob     []bool
	changed  []bool // from material to ground or back
	label    []bool // visited by a flood
	stack    []int
}

// open sets the window up around a blob.
func (w *window) open(p *Pattern, b Blob) {
	w.box = b.Box.Inset(-windowReach).Intersect(image.Rect(0, 0, p.width, p.height))
	n := w.box.Dx() * w.box.Dy()
	w.material, w.blob = fresh(w.material, n), fresh(w.blob, n)
	w.changed, w.label = fresh(w.changed, n), fresh(w.label, n)
	for y := w.box.Min.Y; y < w.box.Max.Y; y++ {
		copy(w.material[w.index(w.box.Min.X, y):][:w.box.Dx()], p.material[y*p.width+w.box.Min.X:])
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

// minChange is the share of a blob's pixels that must have changed sides for the
// change to count as seen.
const minChange = 0.3

// measure marks what has changed sides on the die, at the blob and around it as
// far as it is connected. It reports whether that is enough to go by.
func (w *window) measure(p *Pattern, die []uint8, area int) bool {
	changes := func(n int) bool {
		x, y := w.box.Min.X+n%w.box.Dx(), w.box.Min.Y+n/w.box.Dx()
		return p.isMaterial(die[y*p.width+x]) != w.material[n]
	}
	zone := w.label
	for n, on := range w.blob {
		if on {
			w.near(n, blurReach, func(m int) { zone[m] = true })
		}
	}
	count := 0
	for n, on := range w.blob {
		if on && !w.changed[n] && changes(n) {
			count += w.flood(n, w.changed, func(m int) bool { return zone[m] && changes(m) })
		}
	}
	clear(zone)
	return count >= 2 && float64(count) >= minChange*float64(area)
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

// assume marks what a faint blob would change if it were stronger: ground that
// looks more like material, or material that looks more like ground. It
// reports whether there is any.
func (w *window) assume(polarity Polarity, bright bool) bool {
	if polarity == Mixed {
		return false
	}
	adds := (polarity == Bright) == bright
	any := false
	for n, on := range w.blob {
		w.changed[n] = on && w.material[n] != adds
		any = any || w.changed[n]
	}
	return any
}

// dominant reports whether more material was added than removed, and forgets
// the lesser change.
func (w *window) dominant() (added bool) {
	balance := 0
	for n, on := range w.changed {
		switch {
		case on && w.material[n]:
			balance--
		case on:
			balance++
		}
	}
	added = balance >= 0
	for n := range w.changed {
		w.changed[n] = w.changed[n] && w.material[n] != added
	}
	return added
}

// contacts counts the pieces that the change touches, across a gap of less than
// gap pixels: pieces of material where some was added, of ground where some was
// removed.
func (w *window) contacts(added bool, gap int) int {
	pieces := 0
	for n, on := range w.changed {
		if !on {
			continue
		}
		w.near(n, gap, func(m int) {
			if w.material[m] == added && !w.label[m] {
				pieces++
				w.flood(m, w.label, func(k int) bool { return w.material[k] == added })
			}
		})
	}
	return pieces
}
