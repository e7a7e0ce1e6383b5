package inspect

import (
	"image"
	"math"

	"kensa/vision/defect"
)

// A classifier names the defects of one pair. Where the reference has a pattern
// of two grey levels, defects are classed by what they do to it, as on a die with
// a golden. Elsewhere it claims only what a single grey pair can show: what is
// brighter or darker than anything in the picture, or lies where it is even, lies
// on it and is a particle; the rest stays unclassified.
type classifier struct {
	smooth, expected plane // image and reference, smoothed by one pixel
	low, high        float32
	pattern          *defect.Pattern // nil where the reference has none
	image            []uint8
	measurer         defect.Measurer
	diff, sharp      plane // not smoothed
}

// twoLevels is the share of the scatter of grey values that a division into two
// explains, from which a reference has a pattern of two levels. An even spread of
// grey values has 0.75, a normal one 0.64.
const twoLevels = 0.8

func (c *comparison) classifier(s *workspace, m defect.Material, noise, wander float64) (*classifier, error) {
	expected, err := s.blur(c.expected, 1)
	if err != nil {
		return nil, err
	}
	smooth, err := s.blur(c.diff, 1)
	if err != nil {
		return nil, err
	}
	for i := range smooth.v {
		smooth.v[i] += expected.v[i]
	}
	k := &classifier{smooth: smooth, expected: expected, low: expected.quantile(0.002), high: expected.quantile(0.998),
		diff: c.diff, sharp: c.expected}
	ref, img := c.expected, c.seen(s)
	if noise > noisy*float64(k.high-k.low) {
		ref, img = expected, smooth
	}
	if p := defect.NewPattern(bytes(ref), ref.w, ref.h, m); p.Clear() >= twoLevels {
		p.FallShort(min(int(math.Ceil(stray*wander)), mostStray))
		k.pattern, k.image = p, bytes(img)
	}
	return k, nil
}

// A defect's outline leaves out what a stray edge could explain: up to about so
// many times the edges' wander, and no more than so many pixels.
const stray, mostStray = 4, 5

// noisy is the noise over the pattern's contrast from which both are smoothed
// before the pattern is divided.
const noisy = 0.08

// seen is the image in the reference's brightness.
func (c *comparison) seen(s *workspace) plane {
	out := s.plane(c.diff.w, c.diff.h)
	for i, d := range c.diff.v {
		out.v[i] = c.expected.v[i] + d
	}
	return out
}

// bytes are a plane's values in whole grey levels.
func bytes(p plane) []uint8 {
	out := make([]uint8, len(p.v))
	for i, v := range p.v {
		out[i] = uint8(min(max(v+0.5, 0), 255))
	}
	return out
}

// describe fills in a defect's class, how sure that is, 0 to 1, and its measures,
// which are taken from the image as it is, not smoothed.
func (c *classifier) describe(b defect.Blob, d *defect.Defect) {
	d.Measures = c.measurer.Measure(b, surroundings(b, c.sharp, c.diff))
	if c.pattern != nil {
		d.Class, d.Confidence, _ = c.pattern.Classify(b, c.image)
		return
	}
	d.Class, d.Confidence = c.class(b)
}

// class is the blob's class where there is no pattern of two levels.
func (c *classifier) class(b defect.Blob) (defect.Class, float64) {
	const beyond, even = 0.1, 0.25 // of the pattern's contrast
	contrast := c.high - c.low
	low, high := extremes(c.smooth, b.Box)
	elongated := max(b.Box.Dx(), b.Box.Dy()) > 5*min(b.Box.Dx(), b.Box.Dy())
	if !elongated && (high > c.high+beyond*contrast || low < c.low-beyond*contrast) {
		return defect.Particle, 0.8
	}
	low, high = extremes(c.expected, b.Box.Inset(-2))
	if !elongated && high-low < even*contrast {
		return defect.Particle, 0.6
	}
	return defect.Unclassified, 1
}

func extremes(p plane, r image.Rectangle) (low, high float32) {
	r = r.Intersect(p.bounds())
	low, high = math.MaxFloat32, -math.MaxFloat32
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for _, v := range p.row(y)[r.Min.X:r.Max.X] {
			low, high = min(low, v), max(high, v)
		}
	}
	return low, high
}

// certainty is how sure a finding z standard deviations strong is, 0 to 1,
// where threshold is what counts as one: a half at the threshold, rising with
// the square of the signal. It ranks findings; it is no probability.
func certainty(z, threshold float64) float64 { return 1 - square(threshold/max(z, threshold))/2 }
