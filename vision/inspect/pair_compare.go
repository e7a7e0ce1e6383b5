package inspect

import (
	"image"
	"math"
	"slices"
)

// comparison is a registered pair, in the inspected image's pixels.
type comparison struct {
	s        *workspace
	expected plane  // the reference, moved and matched in brightness
	diff     plane  // image − expected; 0 where the reference has no pixel
	valid    []bool // where it has
	pixels   int    // of them
	missing  integral
}

// superpose moves the reference onto the image.
func (s *workspace) superpose(ref, img plane, g registration) *comparison {
	c := &comparison{s: s, expected: s.plane(img.w, img.h), diff: s.zeros(img.w, img.h), valid: make([]bool, len(img.v))}
	for y := range img.h {
		for x := range img.w {
			i := y*img.w + x
			v, ok := ref.at(g.relation.apply(float64(x), float64(y)))
			c.valid[i] = ok
			c.expected.v[i] = img.v[i]
			if ok {
				c.expected.v[i] = float32(g.gain)*v + float32(g.offset)
				c.diff.v[i] = img.v[i] - c.expected.v[i]
				c.pixels++
			}
		}
	}
	c.missing = integralOf(img.w, img.h, func(i int) float64 {
		if c.valid[i] {
			return 0
		}
		return 1
	})
	return c
}

// level takes the smooth part out of the difference, twice, so that the second
// time the limits know the noise that the first one found.
func (c *comparison) level(pitch float64) error {
	for range 2 {
		if err := c.levelOnce(pitch); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) levelOnce(pitch float64) error {
	tmp := &workspace{}
	defer tmp.Close()
	l, err := c.look(tmp, 1)
	if err != nil {
		return err
	}
	t := newTransfer(c.diff, l.grey, c.even(l), greyGrid(pitch))
	for y := range c.diff.h {
		for x := range c.diff.w {
			if i := y*c.diff.w + x; c.valid[i] {
				b := t.at(x, y, l.grey.v[i])
				c.diff.v[i] -= b
				c.expected.v[i] += b
			}
		}
	}
	return nil
}

// even tells the pixels whose difference speaks of brightness: those without a
// defect, and not on edges whose wander exceeds the noise.
func (c *comparison) even(l look) []bool {
	const beyond = 6 // standard deviations
	out := make([]bool, len(c.valid))
	for i, ok := range c.valid {
		sigma := l.noise.grey(float64(l.grey.v[i]))
		out[i] = ok && l.noise.wander*float64(l.edge.v[i]) < 2*sigma && float64(abs(l.diff.v[i])) < beyond*sigma
	}
	return out
}

// look is the pair seen at one scale.
type look struct {
	diff     plane // image − expected, smoothed
	expected plane // likewise
	grey     plane // the grey value expected round about
	edge     plane // change of the expected within one pixel
	noise    noiseModel
}

// look smooths the pair and models its noise at that scale.
func (c *comparison) look(s *workspace, scale float64) (look, error) {
	// Zeros beyond the border: mirrored noise would count twice there.
	diff, err := s.fade(c.diff, scale)
	if err != nil {
		return look{}, err
	}
	expected, err := s.blur(c.expected, scale)
	if err != nil {
		return look{}, err
	}
	// Smoothed further, so that the reference's own noise, which the difference
	// has in it too, hardly moves a pixel to another grey value.
	grey, err := s.blur(expected, 2)
	if err != nil {
		return look{}, err
	}
	l := look{diff: diff, expected: expected, grey: grey, edge: s.edges(expected)}
	l.noise = fitNoise(c.observe(l), 0.5/scale, 0.3)
	return l, nil
}

// deviation is by how many standard deviations pixel i differs, edges taken as
// straight slopes.
func (l look) deviation(i int) float32 {
	return abs(l.diff.v[i]) / float32(math.Sqrt(l.noise.variance(l.grey.v[i], l.edge.v[i])))
}

// displaced is a better answer than deviation's z for a pixel that seems bad:
// the least of (rest/σ)² + (r/wander)² over displacements r of the pattern,
// where rest is what differs beyond the range of expected values within r. Edges
// there have the shape that they have. For r up to one pixel that is what
// deviation computes.
func (l look) displaced(i int, z float32, threshold float64) float32 {
	const furthest = 8 // pixels
	x, y := i%l.diff.w, i/l.diff.w
	size, sigma := float64(abs(l.diff.v[i])), math.Sqrt(l.noise.variance(l.grey.v[i], 0))
	least := square(float64(z))
	inner := float64(l.edge.v[i])
	for r := 1; r < furthest && square(float64(r)/l.noise.wander) < least && float64(r) < threshold*l.noise.wander; r++ {
		outer := max(l.expected.reach(x, y, r+1), inner)
		least = min(least, leastOver(size-inner, outer-inner, float64(r), sigma, l.noise.wander))
		inner = outer
	}
	return float32(math.Sqrt(least))
}

// leastOver is the least of (max(rest−t·gain, 0)/σ)² + ((r+t)/wander)² for t
// from 0 to 1.
func leastOver(rest, gain, r, sigma, wander float64) float64 {
	rest = max(rest, 0)
	a, b := square(1/sigma), square(1/wander)
	t := (a*rest*gain - b*r) / (a*gain*gain + b)
	if gain > 0 {
		t = min(t, rest/gain)
	}
	t = min(max(t, 0), 1)
	return a*square(max(rest-t*gain, 0)) + b*square(r+t)
}

// observe picks pixels evenly for statistics.
func (c *comparison) observe(l look) []observation {
	step := max(1, c.pixels/quantileSample)
	seen := make([]observation, 0, c.pixels/step+1)
	n := 0
	for i, ok := range c.valid {
		if !ok {
			continue
		}
		if n++; n%step == 0 {
			seen = append(seen, observation{l.diff.v[i], l.grey.v[i], l.edge.v[i]})
		}
	}
	return seen
}

// edges is how much the plane changes within one pixel of each.
func (s *workspace) edges(p plane) plane {
	e := s.plane(p.w, p.h)
	for y := range p.h {
		above, here, below := p.row(max(y-1, 0)), p.row(y), p.row(min(y+1, p.h-1))
		out := e.row(y)
		for x, v := range here {
			left, right := here[max(x-1, 0)], here[min(x+1, p.w-1)]
			out[x] = max(abs(left-v), abs(right-v), abs(above[x]-v), abs(below[x]-v))
		}
	}
	return e
}

// inside tells, of each pixel, whether it is border pixels or more away from
// the next without a reference, and from the image's border.
func (c *comparison) inside(border int) []bool {
	w, h := c.diff.w, c.diff.h
	inner := image.Rect(border, border, w-border, h-border)
	out := make([]bool, w*h)
	for y := inner.Min.Y; y < inner.Max.Y; y++ {
		for x := inner.Min.X; x < inner.Max.X; x++ {
			near := image.Rect(x-border, y-border, x+border+1, y+border+1)
			out[y*w+x] = c.missing.sum(near) == 0
		}
	}
	return out
}

// gather adds what one scale shows to the evidence. A filter that reaches over
// the border knows less of the edges there, so that the rim grows with it.
func (c *comparison) gather(e *evidence, scale float64, p PairParams) (noiseModel, error) {
	tmp := &workspace{}
	defer tmp.Close()
	l, err := c.look(tmp, scale)
	if err != nil {
		return noiseModel{}, err
	}
	l.noise.wander *= p.EdgeTolerance
	z := tmp.zeros(l.diff.w, l.diff.h)
	for i, ok := range c.inside(p.Border + int(scale)) {
		if !ok {
			l.diff.v[i] = 0
			continue
		}
		if z.v[i] = l.deviation(i); float64(z.v[i]) > e.threshold {
			z.v[i] = l.displaced(i, z.v[i], e.threshold)
		}
	}
	return l.noise, e.add(1, scale, l.diff, z)
}

// box is the bounding box of the pixels at least border pixels inside.
func (c *comparison) box(border int) image.Rectangle {
	inside := c.inside(border)
	var r image.Rectangle
	for y := range c.diff.h {
		row := inside[y*c.diff.w : (y+1)*c.diff.w]
		if x0, x1 := slices.Index(row, true), lastIndex(row, true); x0 >= 0 {
			r = r.Union(image.Rect(x0, y, x1+1, y+1))
		}
	}
	return r
}

func lastIndex(row []bool, v bool) int {
	for x := len(row) - 1; x >= 0; x-- {
		if row[x] == v {
			return x
		}
	}
	return -1
}

// middle is the median expected grey value.
func (c *comparison) middle() float64 { return float64(c.expected.quantile(0.5)) }

// reach is the greatest change of the plane from (x, y) to a pixel at most r
// away.
func (p plane) reach(x, y, r int) float64 {
	v := p.v[y*p.w+x]
	var most float32
	for dy := -r; dy <= r; dy++ {
		row := p.row(min(max(y+dy, 0), p.h-1))
		half := int(math.Sqrt(float64(r*r - dy*dy)))
		for _, o := range row[max(x-half, 0):min(x+half+1, p.w)] {
			most = max(most, abs(o-v))
		}
	}
	return float64(most)
}
