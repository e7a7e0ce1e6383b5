package register

import (
	"image"
	"math"

	"kensa/vision/frame"
	"kensa/vision/hotpath"
	"kensa/vision/internal/plane"
)

// Tracking: a die whose neighbour's shift is known is off from it by little.
const (
	zones       = 4 // across and down; one mark each
	trackSteps  = 4
	trackReach  = 1.0  // pixel that a die may be off from what was expected
	trackSettle = 0.06 // pixel; a smaller step is the last: what it leaves is a tenth of it
)

// chooseMarks takes the patch of most structure from each zone of the die, so
// that the marks see the light everywhere. They are as in the mean: tracking
// reads the die's pixels without smoothing them.
func chooseMarks(mean plane.Plane, patches []patch) (marks []patch, planes hotpath.Marks, err error) {
	gx, gy := gradients(mean)
	var best [zones * zones]*patch
	for _, p := range patches {
		if p.side != hotpath.MarkSide {
			continue
		}
		zone := (p.y+p.side/2)*zones/mean.Height*zones + (p.x+p.side/2)*zones/mean.Width
		if of := &best[zone]; *of == nil || min(p.sxx, p.syy) > min((*of).sxx, (*of).syy) {
			*of = &p
		}
	}
	for _, p := range best {
		if p == nil {
			continue
		}
		mark := newPatch(mean, gx, gy, p.x, p.y, p.side)
		if err := planes.Add(p.x, p.y, mark.pattern, mark.gx, mark.gy); err != nil {
			return nil, planes, err
		}
		marks = append(marks, mark)
	}
	return marks, planes, nil
}

// Track finds a die that is expected to be off from the image's rectangle r by
// (dx, dy), to within a pixel, from a few marks on it. It takes a
// hundredth of Match's time and does not look at the rest of the die. ok is
// false where that does not do, for whatever reason: then Match decides. flat,
// which may be nil, corrects the frame; the light found is that of the
// corrected pixels.
func (m *Matcher) Track(t *Template, img frame.Image, flat *hotpath.Flat, r image.Rectangle, dx, dy float64, p Params) (match Match, ok bool) {
	if len(t.marks) < minPatches || r.Dx() != t.width || r.Dy() != t.height {
		return Match{}, false
	}
	if !m.meter.See(img, flat) {
		return Match{}, false
	}
	// The dies of a frame come one after the other at the same pitch.
	hint := hotpath.Hint{Cold: true, AheadX: r.Min.X - m.tracked.X, AheadY: r.Min.Y - m.tracked.Y}
	m.tracked = r.Min
	x, y, settled := dx, dy, false
	for step := 0; step < trackSteps && !settled; step++ {
		sums, ok := m.meter.Measure(&t.planes, float64(r.Min.X)+x, float64(r.Min.Y)+y, hint)
		hint = hotpath.Hint{}
		if !ok {
			return Match{}, false
		}
		m.take(t.marks, sums)
		sx, sy, ok := m.solve(t.marks)
		x, y = x+sx, y+sy
		if !ok || !(math.Hypot(x-dx, y-dy) <= trackReach) {
			return Match{}, false
		}
		settled = math.Hypot(sx, sy) < trackSettle
	}
	match = Match{DX: x, DY: y, Confidence: m.confidence()}
	if !settled || accept(match, p) != nil {
		return Match{}, false
	}
	match.Turn = m.turn(t, t.marks)
	var err error
	match.Light, err = m.light(t, t.marks)
	return match, err == nil
}

// take turns the marks' sums into fits.
func (m *Matcher) take(marks []patch, sums []hotpath.Sums) {
	m.fits = m.fits[:0]
	for n, s := range sums {
		m.fits = append(m.fits, marks[n].explain(fit{sum: s.Sum, square: s.Square, cross: s.Pattern, qx: s.GX, qy: s.GY}))
	}
	m.weigh()
}
