package inspect

import (
	"image"
	"math"

	"kensa/vision/defect"
)

// A classifier names the defects of one pair. It claims only what a single
// grey pair can show: what is brighter or darker than anything in the pattern,
// or lies where the pattern is even, lies on it, and is a particle. What alters
// the pattern stays unclassified: which side of an edge is material, and so
// whether a gap is an open or a pin-hole, the images do not tell.
type classifier struct {
	smooth, expected plane // image and reference, smoothed by one pixel
	low, high        float32
}

func (c *comparison) classifier(s *workspace) (*classifier, error) {
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
	return &classifier{smooth, expected, expected.quantile(0.002), expected.quantile(0.998)}, nil
}

// class is the blob's class, and how sure it is, 0 to 1.
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
