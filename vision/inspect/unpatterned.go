package inspect

import (
	"errors"
	"fmt"

	"kensa/vision/defect"
	"kensa/vision/frame"
)

// UnpatternedResult is what was found on a bare wafer.
type UnpatternedResult struct {
	// Inspected is false where too much stands out for a count to mean anything;
	// Reason says so.
	Inspected bool
	Reason    string
	// Edge says that the frame shows the wafer's edge; nothing beyond it was
	// looked at.
	Edge bool
	// Noise is the median standard deviation of the smoothed grey values at the
	// finest scale, in 8-bit grey values.
	Noise float64
	// Threshold is how many standard deviations count as a defect.
	Threshold float64
	// Defects are in pixels of the image, by row.
	Defects []defect.Defect
}

// minBareSide is the least side of an image in which a background can be told
// from what stands on it.
const minBareSide = 128

// finestScale is the standard deviation in pixels of the finest filter.
const finestScale = 1.5

// surestBackground is the standard deviation in 8-bit grey values below which
// no background is trusted, however little noise there is: in a corner of the
// frame it is fitted from one side.
const surestBackground = 0.2

// Unpatterned finds what stands out from the smooth background of a bare wafer:
// particles, scratches, stains, and chips of the wafer's edge. The image needs
// at least 128 × 128 pixels. The error names the parameter or what makes the
// image unfit.
func Unpatterned(img frame.Image, p UnpatternedParams) (UnpatternedResult, error) {
	if err := p.Check(); err != nil {
		return UnpatternedResult{}, fmt.Errorf("unpatterned: %w", err)
	}
	if err := checkInput("image", img, minBareSide); err != nil {
		return UnpatternedResult{}, fmt.Errorf("unpatterned: %w", err)
	}
	s := &workspace{}
	defer s.Close()
	r, err := s.searchWafer(img, p)
	if err != nil {
		return UnpatternedResult{}, fmt.Errorf("unpatterned: %w", err)
	}
	return r, nil
}

// bare is a bare wafer's image.
type bare struct {
	img     frame.Image
	diff    plane // less its background; 0 where not valid
	surface plane // the background
	edge    waferEdge
	valid   []bool // what is inspected
}

// searchWafer finds the defects of an image that is fit to be searched.
func (s *workspace) searchWafer(img frame.Image, p UnpatternedParams) (UnpatternedResult, error) {
	b, err := s.bare(img, p)
	if err != nil {
		return UnpatternedResult{}, err
	}
	pixels := count(b.valid)
	r := UnpatternedResult{Edge: b.edge.found}
	if pixels == 0 {
		r.Reason = "the frame shows nothing of the wafer inside edge_margin and ignore"
		return r, nil
	}
	scales := make([]float64, p.Levels)
	for l := range scales {
		scales[l] = finestScale * float64(int(1)<<l)
	}
	e := s.evidence(img.Width, img.Height, max(p.Defects.MinContrast, falseAlarmThreshold(pixels, scales, p.FalseAlarms)))
	if r.Noise, err = s.gatherLevels(e, b, p.Levels); err != nil {
		return r, err
	}
	b.markChips(e, r.Noise)
	r.Threshold = e.threshold
	return b.findings(e, p, r)
}

func count(mask []bool) (n int) {
	for _, ok := range mask {
		if ok {
			n++
		}
	}
	return n
}

// bare loads an image, finds the wafer's edge and takes the background out.
func (s *workspace) bare(img frame.Image, p UnpatternedParams) (*bare, error) {
	b := &bare{img: img, diff: s.load(img)}
	var err error
	if b.edge, err = s.findEdge(b.diff, p.MinChip); err != nil {
		return nil, err
	}
	if b.valid, err = s.inspectable(b, p); err != nil {
		return nil, err
	}
	b.surface, err = s.subtract(b.diff, newBackground(b.diff, b.valid, p.Background))
	if err == nil && b.edge.found {
		err = s.levelEdge(b)
	}
	for i, ok := range b.valid {
		if !ok {
			b.diff.v[i] = 0
		}
	}
	return b, err
}

// inspectable tells the pixels that are neither beyond the edge, nor in its
// margin, nor ignored.
func (s *workspace) inspectable(b *bare, p UnpatternedParams) ([]bool, error) {
	tmp := &workspace{}
	defer tmp.Close()
	mask := tmp.zeros(b.edge.w, b.edge.h)
	for i := range mask.v {
		if b.edge.beyond[i] || b.edge.notch[i] {
			mask.v[i] = 1
		}
	}
	rim, err := tmp.highest(mask, (p.EdgeMargin+edgeFactor-1)/edgeFactor)
	if err != nil {
		return nil, err
	}
	valid := make([]bool, len(b.diff.v))
	for y := range b.diff.h {
		row := rim.row(min(y/edgeFactor, rim.h-1))
		for x := range b.diff.w {
			valid[y*b.diff.w+x] = row[min(x/edgeFactor, rim.w-1)] == 0
		}
	}
	for _, r := range p.Ignore {
		area := r.rectangle().Intersect(b.diff.bounds())
		for y := area.Min.Y; y < area.Max.Y; y++ {
			clear(valid[y*b.diff.w+area.Min.X : y*b.diff.w+area.Max.X])
		}
	}
	return valid, nil
}

// gatherLevels looks at the difference at growing sizes: each level halves the
// image and smooths it alike. It returns the median noise of the first.
func (s *workspace) gatherLevels(e *evidence, b *bare, levels int) (noise float64, err error) {
	tmp := &workspace{}
	defer tmp.Close()
	diff, valid := b.diff, b.valid
	for l := range levels {
		sigma, err := s.gatherLevel(e, diff, valid, 1<<l)
		if err != nil {
			return 0, err
		}
		if l == 0 {
			noise = sigma
		}
		if min(diff.w, diff.h) < minBareSide/2 {
			break
		}
		valid = halveMask(valid, diff.w, diff.h)
		diff = tmp.halve(diff)
	}
	return noise, nil
}

func (s *workspace) gatherLevel(e *evidence, diff plane, valid []bool, factor int) (float64, error) {
	tmp := &workspace{}
	defer tmp.Close()
	smooth, err := tmp.fade(diff, finestScale)
	if err != nil {
		return 0, err
	}
	tiles := newTiles(smooth, valid, max(tileSide/factor, 32), max(0.5/float64(factor), surestBackground))
	sigma, err := tmp.spreadOut(tiles, diff.w, diff.h)
	if err != nil {
		return 0, err
	}
	for i, ok := range valid {
		if ok {
			sigma.v[i] = abs(smooth.v[i]) / sigma.v[i]
		} else {
			sigma.v[i], smooth.v[i] = 0, 0
		}
	}
	calm(sigma, valid)
	return tiles.median(), e.add(factor, finestScale, smooth, sigma)
}

// halveMask keeps what is set in all of each 2 × 2 pixels.
func halveMask(m []bool, w, h int) []bool {
	out := make([]bool, (w/2)*(h/2))
	for y := range h / 2 {
		for x := range w / 2 {
			i := 2*y*w + 2*x
			out[y*(w/2)+x] = m[i] && m[i+1] && m[i+w] && m[i+w+1]
		}
	}
	return out
}

// markChips adds the notches of the wafer's edge to the evidence.
func (b *bare) markChips(e *evidence, noise float64) {
	for y := range e.found.h {
		row := e.found.row(y)
		for x := range row {
			if b.edge.notched(x, y) {
				row[x] = -float32(max(b.edge.bright/noise, e.threshold+1))
			}
		}
	}
}

// notched reports whether the pixel lies in a notch.
func (e *waferEdge) notched(x, y int) bool {
	bx, by := x/edgeFactor, y/edgeFactor
	return bx < e.w && by < e.h && e.notch[by*e.w+bx]
}

func (b *bare) findings(e *evidence, p UnpatternedParams, r UnpatternedResult) (UnpatternedResult, error) {
	var joiner defect.Joiner
	blobs, err := joiner.Join(e.runs(), p.Defects)
	if errors.Is(err, defect.ErrTooMany) {
		r.Reason = err.Error()
		return r, nil
	}
	if err != nil {
		return r, err
	}
	r.Inspected = true
	var m defect.Measurer
	for _, blob := range b.grouped(blobs) {
		class, sure := b.class(blob)
		if class != defect.Chip && b.contrast(blob) < p.MinRelative {
			continue
		}
		d := blob.Defect()
		if class == defect.Chip {
			d.Measures = chipMeasures(b.img, &b.edge, blob)
		} else {
			d.Measures = m.Measure(blob, surroundings(blob, b.surface, b.diff))
		}
		d.Class, d.Confidence = class, sure*certainty(blob.Peak, e.threshold)
		r.Defects = append(r.Defects, d)
	}
	return r, nil
}
