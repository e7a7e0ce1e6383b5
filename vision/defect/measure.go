package defect

import (
	"image"
	"math"
)

// Measures are what is measured of a defect's outline and grey values. Lengths
// are in pixels.
//
// The outline runs where a pixel has gone half the way from what is expected
// there to what the defect makes of it: its own grey value, that of its strongest
// pixels, or, where enough of a pattern lies below to tell, a line fitted over
// the expected grey values. So what covers a pattern, what dims it and what adds
// to it have the same outline on dark and on bright ground.
type Measures struct {
	// Size and Width are the longer and the shorter side of the smallest
	// rectangle, of any orientation, that holds the outline.
	Size, Width float64
	// SizeUncertainty is half of the interval, about Size, that holds the true
	// length with 95 % probability (an expanded uncertainty, k = 2, as in the
	// Guide to the Expression of Uncertainty in Measurement). It adds up, as
	// squares: the outline's place between two pixels; the noise, over the
	// steepness of the grey values there; and what the optic may add to a defect
	// not much wider than its blur. The scale's own uncertainty comes on top, see
	// wafer.Layout. It is 0 where nothing could be measured.
	SizeUncertainty float64
	// Step is by how many grey levels of 256 the defect's own grey value differs
	// from what is expected, where it differs most; positive is brighter.
	Step float64
	// Rise is over how many pixels its edges go from one grey value to the other.
	Rise float64
	// Texture is how much of the pattern shows through, 0 to 1; −1 where the
	// pattern below is even, so that nobody can tell.
	Texture float64
	// Fill is the part of the rectangle inside the outline, 0 to 1.
	Fill float64
	// Unevenness is the standard deviation inside over Step's size.
	Unevenness float64
	// Middle is how strong the middle is, over Step: below 1 where a rim is
	// stronger, as a dried drop's.
	Middle float64
	// Below is the grey value of 256 expected where it differs most.
	Below float64
}

// Sizes in the measuring of outlines, pixels.
const (
	halo       = 2   // beyond the blob, where its outline is looked for
	directions = 24  // that the rectangle is tried in, over a quarter turn
	interval   = 0.2 // standard deviation of an outline between two pixels, and of edges of good dies
)

// Grey levels and shares.
const (
	leastNoise  = 0.3  // standard deviation: rounding alone
	strong      = 0.75 // of the greatest deviation: the defect's own grey value
	leastSpread = 8    // grey levels of pattern, standard deviation, that can show through
	leastCore   = 9    // pixels well inside a blob that tell
	leastStep   = 0.3  // of the greatest, below which a pixel cannot tell
	clearStep   = 8    // standard deviations, from which no smoothing is needed
)

// Surroundings is what an image shows around a blob, and what it should.
type Surroundings struct {
	Box            image.Rectangle // in the blob's pixels; it holds the blob
	Grey, Expected []float32       // of 256 levels, by rows
}

// Around is the part of an image to measure a blob in: its box with the outline
// and enough around it to tell the noise.
func Around(b Blob, within image.Rectangle) image.Rectangle {
	return b.Box.Inset(-windowReach).Intersect(within)
}

// Measurer measures blobs. It keeps its memory; the zero value is ready. It is
// used from one goroutine.
type Measurer struct {
	in      Surroundings
	w, h    int
	near    []uint8 // 2 in the blob, 1 within halo of it
	dev     []float32
	share   []float32 // of the way to the defect's own grey value; NaN where unknown
	scratch []float32
	points  []point
	noise   float64
	own     float64 // the defect's grey value
	peak    float64 // its deviation there, signed
}

type point struct{ x, y float64 }

// Measure measures one blob. The result is zero where the blob has no outline,
// as where two halves of it cancel.
func (m *Measurer) Measure(b Blob, in Surroundings) Measures {
	m.open(b, in)
	m.noise = max(m.spread(), leastNoise)
	m.level()
	if m.peak == 0 {
		return Measures{Texture: -1}
	}
	m.smooth(b)
	result := Measures{Step: m.peak, Texture: -1, Below: m.own - m.peak, Middle: m.middle(b) / m.peak}
	base, slope, known := m.through()
	if known {
		result.Texture = slope
	}
	if !m.trace(&result, base, slope) || known || !m.uneven() {
		return result
	}
	added := result // what it would be if the defect added to the pattern
	if m.trace(&added, m.peak, 1) {
		result.SizeUncertainty = math.Hypot(result.SizeUncertainty, added.Size-result.Size)
		result.Size = (result.Size + added.Size) / 2
	}
	return result
}

// trace measures the outline of a defect that makes base + slope·e of an expected
// grey value e. It reports whether there is one.
func (m *Measurer) trace(result *Measures, base, slope float64) bool {
	m.shares(base, slope)
	inside, uneven := m.inside()
	if inside == 0 {
		return false
	}
	var steep float64
	m.points, steep = m.outline(m.points[:0])
	result.Size, result.Width = rectangle(m.points)
	result.Rise, result.Unevenness = 1/steep, uneven
	result.Fill = min(1, float64(inside)/max(1, result.Size*result.Width))
	result.SizeUncertainty = m.uncertainty(*result)
	return true
}

// middle is the mean deviation of the quarter of the box about its centre.
func (m *Measurer) middle(b Blob) float64 {
	r := b.Box.Sub(m.in.Box.Min)
	r = image.Rect(r.Min.X+r.Dx()/4, r.Min.Y+r.Dy()/4, r.Max.X-r.Dx()/4, r.Max.Y-r.Dy()/4)
	var sum float64
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for _, d := range m.dev[y*m.w+r.Min.X : y*m.w+r.Max.X] {
			sum += float64(d)
		}
	}
	return sum / float64(max(1, r.Dx()*r.Dy()))
}

// uneven reports whether a pattern lies below the blob.
func (m *Measurer) uneven() bool {
	var n, sx, xx float64
	for i, near := range m.near {
		if near != 0 {
			x := float64(m.in.Expected[i])
			n, sx, xx = n+1, sx+x, xx+x*x
		}
	}
	return xx-sx*sx/n >= n*leastSpread*leastSpread
}

// open takes a blob's surroundings in.
func (m *Measurer) open(b Blob, in Surroundings) {
	m.in, m.w, m.h = in, in.Box.Dx(), in.Box.Dy()
	n := m.w * m.h
	if cap(m.near) < n {
		m.near, m.dev, m.share, m.scratch = make([]uint8, n), make([]float32, n), make([]float32, n), make([]float32, n)
	}
	m.near, m.dev, m.share, m.scratch = m.near[:n], m.dev[:n], m.share[:n], m.scratch[:n]
	clear(m.near)
	for _, r := range b.Runs {
		x0, x1, y := r.X0-in.Box.Min.X, r.X1-in.Box.Min.X, r.Y-in.Box.Min.Y
		for v := max(0, y-halo); v <= min(m.h-1, y+halo); v++ {
			row := m.near[v*m.w : (v+1)*m.w]
			for x := max(0, x0-halo); x < min(m.w, x1+halo); x++ {
				row[x] = max(row[x], 1)
			}
		}
	}
	for _, r := range b.Runs {
		at := (r.Y - in.Box.Min.Y) * m.w
		for x := r.X0 - in.Box.Min.X; x < r.X1-in.Box.Min.X; x++ {
			m.near[at+x] = 2
		}
	}
	for i := range m.dev {
		m.dev[i] = in.Grey[i] - in.Expected[i]
	}
}

// spread is the standard deviation of the pixels around, by the median of their
// absolute deviations.
func (m *Measurer) spread() float64 {
	const steps = 8 // a grey level
	var count [64 * steps]int
	total := 0
	for i, near := range m.near {
		if near == 0 {
			count[min(int(steps*max(m.dev[i], -m.dev[i])), len(count)-1)]++
			total++
		}
	}
	if total == 0 {
		return 0
	}
	seen := 0
	for k, n := range count {
		if seen+n > total/2 {
			return 1.4826 * (float64(k) + float64(total/2-seen+1)/float64(n+1)) / steps
		}
		seen += n
	}
	return 0
}

// level finds the defect's own grey value: the mean of the pixels that deviate
// nearly as much as the strongest, to the side to which most of it does.
func (m *Measurer) level() {
	var balance, top float64
	for i, near := range m.near {
		if near == 2 {
			balance += float64(m.dev[i])
		}
	}
	sign := math.Copysign(1, balance)
	for i, near := range m.near {
		if near == 2 {
			top = max(top, sign*float64(m.dev[i]))
		}
	}
	var n, grey, dev float64
	for i, near := range m.near {
		if d := float64(m.dev[i]); near == 2 && top > 0 && sign*d >= strong*top {
			n, grey, dev = n+1, grey+float64(m.in.Expected[i])+d, dev+d
		}
	}
	m.own, m.peak = grey/max(n, 1), dev/max(n, 1)
}

// through fits what the defect makes of an expected grey value e, base + slope·e,
// to the pixels well inside: slope 0 covers the pattern, 1 adds to it, and what
// dims it has a base of 0. known is false where the pattern is even.
func (m *Measurer) through() (base, slope float64, known bool) {
	var n, sx, sy, xx, xy float64
	for i := range m.near {
		if m.core(i) {
			x, y := float64(m.in.Expected[i]), float64(m.dev[i])
			n, sx, sy, xx, xy = n+1, sx+x, sy+y, xx+x*x, xy+x*y
		}
	}
	if spread := xx - sx*sx/max(n, 1); n >= leastCore && spread >= n*leastSpread*leastSpread {
		slope = min(max(1+(xy-sx*sy/n)/spread, 0), 1)
		return sy/n - (slope-1)*sx/n, slope, true
	}
	return m.own, 0, false
}

// core reports whether pixel i and all its neighbours belong to the blob.
func (m *Measurer) core(i int) bool {
	x, y := i%m.w, i/m.w
	if m.near[i] != 2 || x == 0 || y == 0 || x == m.w-1 || y == m.h-1 {
		return false
	}
	for _, row := range [3][]uint8{m.near[i-m.w-1 : i-m.w+2], m.near[i-1 : i+2], m.near[i+m.w-1 : i+m.w+2]} {
		if row[0] != 2 || row[1] != 2 || row[2] != 2 {
			return false
		}
	}
	return true
}

// smooth averages the deviations of a faint defect over squares, as wide as it
// takes for the outline not to follow the noise.
func (m *Measurer) smooth(b Blob) {
	side := min(int(math.Ceil(clearStep*m.noise/math.Abs(m.peak))), min(b.Box.Dx(), b.Box.Dy())/2, 15)
	if side |= 1; side < 3 {
		return
	}
	box(m.dev, m.scratch, m.w, m.h, side, 1, m.w)
	box(m.scratch, m.dev, m.h, m.w, side, m.w, 1)
	m.noise /= float64(side)
	m.level()
}

// box averages along lines of n pixels, step apart; the lines are next apart.
func box(from, to []float32, n, lines, side, step, next int) {
	half := side / 2
	for l := range lines {
		at := l * next
		var sum float32
		for k := -half - 1; k < n-1; k++ { // k is the pixel before the one written
			if in := k + 1 + half; in < n {
				sum += from[at+in*step]
			}
			if out := k - half; out >= 0 {
				sum -= from[at+out*step]
			}
			if k+1 >= 0 {
				to[at+(k+1)*step] = sum / float32(min(n-1, k+1+half)-max(0, k+1-half)+1)
			}
		}
	}
}
