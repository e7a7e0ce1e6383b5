package inspect

import (
	"errors"
	"fmt"
	"image"

	"kensa/vision/defect"
	"kensa/vision/frame"
)

// PairResult is what the comparison of an image with a reference found.
type PairResult struct {
	// Registered is false where the two images do not show the same pattern;
	// then nothing was compared, and Reason says why.
	Registered bool
	Reason     string
	// Shift is where the reference's pattern lies in the image, at its centre.
	Shift Shift
	// Rotation of the image against the reference in degrees, positive when
	// clockwise on the screen.
	Rotation float64
	// Scale of the image's pattern over the reference's.
	Scale float64
	// Confidence of the registration, 0 to 1: the share of the image's patterned
	// blocks that fit the reference.
	Confidence float64
	// Noise is the standard deviation of the images' difference in 8-bit grey
	// values at the finest scale, where the pattern has its middle grey.
	Noise float64
	// Wander is by how much edges stray from the reference's, one standard
	// deviation in pixels: what registration leaves, and the process's own.
	Wander float64
	// Threshold is how many standard deviations count as a defect.
	Threshold float64
	// Compared is the box of the pixels that were.
	Compared image.Rectangle
	// Expected is the reference in the image's pixels, brightness and depth; where
	// it has no pixel, the image's own.
	Expected frame.Image
	// Defects are in pixels of the inspected image, by row.
	Defects []defect.Defect
}

// Pair compares an image with a reference image of the same pattern. The two
// need not be registered, of one size, nor equally bright or noisy; a rotation
// and a difference of scale are found and undone within p's limits. Only the
// area that both show is compared.
//
// Both images must have the same depth and at least 64 × 64 pixels. The error
// names the parameter or image that cannot be used; images that do not match
// are no error but a result that is not Registered.
func Pair(ref, img frame.Image, p PairParams) (PairResult, error) {
	if err := p.Check(); err != nil {
		return PairResult{}, fmt.Errorf("pair: %w", err)
	}
	if err := checkPair(ref, img); err != nil {
		return PairResult{}, fmt.Errorf("pair: %w", err)
	}
	s := &workspace{}
	defer s.Close()
	r, i := s.load(ref), s.load(img)
	g, err := s.register(r, i, p)
	if err != nil {
		return PairResult{}, fmt.Errorf("pair: %w", err)
	}
	result := PairResult{
		Shift:    g.relation.shift(float64(i.w-1)/2, float64(i.h-1)/2),
		Rotation: g.relation.rotation(), Scale: g.relation.scale(),
		Confidence: g.agreement, Reason: g.reason(p),
	}
	if result.Reason != "" {
		return result, nil
	}
	if err := s.compare(r, i, g, img.Depth, p, &result); err != nil {
		return PairResult{}, fmt.Errorf("pair: %w", err)
	}
	return result, nil
}

func checkPair(ref, img frame.Image) error {
	if err := checkInput("reference", ref, minPairSide); err != nil {
		return err
	}
	if err := checkInput("image", img, minPairSide); err != nil {
		return err
	}
	if ref.Depth != img.Depth {
		return fmt.Errorf("image: depth %d bits; the reference has %d", img.Depth, ref.Depth)
	}
	return nil
}

// compare fills in what a registered pair's difference says.
func (s *workspace) compare(ref, img plane, g registration, depth int, p PairParams, result *PairResult) error {
	c := s.superpose(ref, img, g)
	if err := c.level(p.BrightnessPitch); err != nil {
		return err
	}
	if result.Compared = c.box(p.Border); result.Compared.Empty() {
		result.Reason = fmt.Sprintf("the images have no pixel in common inside the border of %d pixels", p.Border)
		return nil
	}
	e := s.evidence(img.w, img.h, max(p.Defects.MinContrast, falseAlarmThreshold(c.pixels, p.Scales, p.FalseAlarms)))
	for n, scale := range p.Scales {
		noise, err := c.gather(e, scale, p)
		if err != nil {
			return err
		}
		if n == 0 {
			result.Noise, result.Wander = noise.grey(c.middle()), noise.wander
		}
	}
	if result.Wander > p.MaxWander {
		result.Reason = fmt.Sprintf("edges stray from the reference's by %.1f pixels, one standard deviation; max_wander is %v", result.Wander, p.MaxWander)
		return nil
	}
	result.Threshold = e.threshold
	result.Expected = c.expected.image(depth)
	return c.findings(e, p, result)
}

// findings turns the evidence into defects.
func (c *comparison) findings(e *evidence, p PairParams, result *PairResult) error {
	tmp := &workspace{}
	defer tmp.Close()
	classes, err := c.classifier(tmp, p.Material, result.Noise, result.Wander)
	if err != nil {
		return err
	}
	var joiner defect.Joiner
	blobs, err := joiner.Join(e.runs(), p.Defects)
	if errors.Is(err, defect.ErrTooMany) {
		result.Reason = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	result.Registered = true
	for _, b := range blobs {
		d := b.Defect()
		classes.describe(b, &d)
		d.Confidence *= certainty(b.Peak, e.threshold)
		result.Defects = append(result.Defects, d)
	}
	return nil
}

// surroundings is the part of an image around a blob, given what is expected and
// the difference from it.
func surroundings(b defect.Blob, expected, diff plane) defect.Surroundings {
	at := defect.Surroundings{Box: defect.Around(b, diff.bounds())}
	for y := at.Box.Min.Y; y < at.Box.Max.Y; y++ {
		want := expected.row(y)[at.Box.Min.X:at.Box.Max.X]
		at.Expected = append(at.Expected, want...)
		for n, d := range diff.row(y)[at.Box.Min.X:at.Box.Max.X] {
			at.Grey = append(at.Grey, want[n]+d)
		}
	}
	return at
}
