// Package binary inspects binarised images of a pattern, such as scans of
// circuit boards, against a template of the same pattern.
//
// Scans wander: edges lie a few pixels from where the template has them,
// differently from place to place, and so look like spurs and mousebites. The
// inspection judges by evidence in two looks. First the template is moved onto
// the image, as a whole and then tile by tile, and pixels count that differ by
// more than the tolerance. Then each blob of them is looked at again with the
// template moved to fit just there: where a piece of the pattern lies elsewhere
// nothing remains, while no shift explains a defect.
//
// Noise of single pixels, and lines that are thicker or thinner all over, are the
// scanner's; where either is plain it is made even first.
//
// What remains is classed by how many pieces of the pattern it joins. Extra
// material that touches none is an island (copper), one a spur, two a short;
// and with the ground between the lines in the material's place, missing
// material is a pin-hole, a mousebite or an open.
//
// Images are packed to a bit a pixel, and all work on pixels is done on words of
// 64. A pixel below 128 is dark. All lengths are pixels.
package binary

import (
	"fmt"
	"image"

	"kensa/vision/defect"
	"kensa/vision/frame"
)

// Inspector compares pairs of images. It keeps its memory from pair to pair and
// is used from one goroutine.
type Inspector struct {
	params           Params
	packed           bitmap // the template as it was given
	template, test   bitmap // the template moved onto the image, and the image
	groundT, groundI bitmap // their complements
	spare            bitmap
	aligner          aligner
	evidence         evidence
	closer           closer
	found            []defect.Defect
	pixels           []image.Rectangle // of each, before its box was grown
}

// New makes an inspector, or names the first parameter out of range.
func New(p Params) (*Inspector, error) {
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("binary: %w", err)
	}
	return &Inspector{params: p}, nil
}

// Inspect returns the defects of test, in its pixels. A defect's box is that of
// its pixels, grown by the recipe's margin; its contrast is 0, as there are no
// grey values. Its confidence puts findings in order, surest first; it is no
// probability. The slice is valid until the next call.
//
// The error names images that are not valid, not of 8 bits or not of one size,
// or is a defect.ErrTooMany.
func (i *Inspector) Inspect(template, test frame.Image) ([]defect.Defect, error) {
	if err := check(template, test); err != nil {
		return nil, fmt.Errorf("binary: %w", err)
	}
	bright := i.params.Material == defect.BrightMaterial
	i.packed.pack(template, bright)
	i.test.pack(test, bright)
	i.quieten()
	i.aligner.align(&i.template, &i.packed, &i.test, i.params.Alignment)
	i.thicken()
	i.groundT.complement(&i.template)
	i.groundI.complement(&i.test)
	i.found, i.pixels = i.found[:0], i.pixels[:0]
	if err := i.look(&i.test, &i.template, extra); err != nil {
		return nil, err
	}
	if err := i.look(&i.groundI, &i.groundT, missing); err != nil {
		return nil, err
	}
	return i.found, nil
}

// check reports images that cannot be compared.
func check(template, test frame.Image) error {
	for n, m := range []frame.Image{template, test} {
		name := []string{"template", "test image"}[n]
		if err := m.Check(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if m.Depth != 8 {
			return fmt.Errorf("%s: %d bits a pixel; want 8", name, m.Depth)
		}
	}
	if template.Bounds() != test.Bounds() {
		return fmt.Errorf("template of %d×%d pixels, test image of %d×%d; want the same size", template.Width, template.Height, test.Width, test.Height)
	}
	return nil
}

// kind is what differs: material that is extra or that is missing, which is
// ground that is extra.
type kind struct {
	missing  bool
	classes  [3]defect.Class    // by the number of pieces that it joins
	polarity [2]defect.Polarity // of dark and of bright material
}

var (
	extra   = kind{false, [3]defect.Class{defect.Copper, defect.Spur, defect.Short}, [2]defect.Polarity{defect.Dark, defect.Bright}}
	missing = kind{true, [3]defect.Class{defect.PinHole, defect.MouseBite, defect.Open}, [2]defect.Polarity{defect.Bright, defect.Dark}}
)

// look adds the defects of one kind: pixels of have that want has not.
func (i *Inspector) look(have, want *bitmap, k kind) error {
	sure := i.aligner.overlap(i.test.bounds()).Inset(i.params.Evidence.Tolerance)
	blobs, err := i.evidence.find(have, want, sure, i.params.Evidence, i.params.Evidence.MergeDistance)
	if err != nil {
		return err
	}
	for _, b := range blobs {
		if i.evidence.far.count(b) < i.params.Evidence.MinFar {
			continue
		}
		if err := i.lookCloser(b, sure, k); err != nil {
			return err
		}
	}
	return nil
}

// ownReach is how far the middle of what is left of a blob may lie outside its
// box, pixels: the template lies elsewhere at the second look.
const ownReach = 2

// lookCloser adds what is left of a blob at the second look.
func (i *Inspector) lookCloser(b defect.Blob, sure image.Rectangle, k kind) error {
	near := i.aligner.at(middle(b.Box))
	blobs, err := i.closer.look(view{&i.packed, &i.test, b.Box, sure, near, k.missing}, i.params)
	if err != nil {
		return err
	}
	for _, s := range blobs {
		if !middle(s.Box).Add(i.closer.origin).In(b.Box.Inset(-ownReach)) {
			continue // another's, which has a window of its own
		}
		if d, ok := i.judge(s, k); ok {
			i.add(d, s.Box.Add(i.closer.origin))
		}
	}
	return nil
}

// judge classes a blob of the closer look. ok is false where the evidence is
// too weak, or the template may be at fault.
func (i *Inspector) judge(b defect.Blob, k kind) (d defect.Defect, ok bool) {
	p := i.params
	far := i.closer.evidence.far.count(b)
	joins := i.closer.joins(b)
	switch {
	case far < p.Evidence.MinFar,
		joins == 0 && b.Area < p.Evidence.MinIsland,
		b.Area <= p.Evidence.MaxBlemish && i.closer.vanished(b):
		return d, false
	}
	d = b.Defect().Translate(i.closer.origin.X, i.closer.origin.Y)
	d.Class, d.Polarity = k.classes[min(joins, 2)], k.polarity[0]
	if p.Material == defect.BrightMaterial {
		d.Polarity = k.polarity[1]
	}
	length, _ := b.Axes()
	strength := float64(far)
	if ratio := p.Confidence.Length / length; joins == 1 && ratio < 1 {
		strength *= ratio * ratio
	}
	if !b.Box.In(i.closer.sure.Inset(1)) {
		strength *= p.Confidence.Edge
	}
	d.Confidence = strength / (strength + p.Confidence.Half)
	d.Box = d.Box.Inset(-p.Box.Margin).Intersect(i.test.bounds())
	return d, d.Confidence >= p.Confidence.Least
}

// sameShare: two findings of one class are one when they share more than this
// part of the smaller.
const sameShare = 0.5

// add keeps a defect, whose pixels are within a box, or the surer of two that
// are the same one: windows of neighbouring blobs overlap.
func (i *Inspector) add(d defect.Defect, pixels image.Rectangle) {
	for n, o := range i.found {
		both, least := area(pixels.Intersect(i.pixels[n])), min(area(pixels), area(i.pixels[n]))
		if o.Class != d.Class || float64(both) <= sameShare*float64(least) {
			continue
		}
		if d.Confidence > o.Confidence {
			i.found[n], i.pixels[n] = d, pixels
		}
		return
	}
	i.found, i.pixels = append(i.found, d), append(i.pixels, pixels)
}

func area(r image.Rectangle) int { return r.Dx() * r.Dy() }

func middle(r image.Rectangle) image.Point { return r.Min.Add(r.Max).Div(2) }
