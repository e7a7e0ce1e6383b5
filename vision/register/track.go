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
	zones       = 4  // of a large die across and down; one mark each
	allPatches  = 36 // so few are all marks: small dies have few edges, each of which wanders
	firstZones  = 2  // across and down, for the first step
	trackSteps  = 4
	trackReach  = 1.0 // pixel that a die may be off from what was expected
	trackSettle = 0.1 // pixel; a smaller step of all marks is the last: what it leaves is a tenth of it
)

// tracks are a template's marks for tracking.
type tracks struct {
	marks  []patch
	planes hotpath.Marks // the same
}

// add adds the mean's mark at a patch.
func (t *tracks) add(mean, gx, gy plane.Plane, at patch) error {
	mark := newPatch(mean, gx, gy, at.x, at.y, at.side)
	t.marks = append(t.marks, mark)
	return t.planes.Add(mark.x, mark.y, mark.pattern, mark.gx, mark.gy)
}

// chooseMarks takes marks from all over the die, so that they see the light
// everywhere, and of them a few for the first step, which need not be exact.
// They are as in the mean: tracking reads the die's pixels without smoothing
// them.
func chooseMarks(mean plane.Plane, patches []patch) (all, first tracks, err error) {
	gx, gy := gradients(mean)
	side := zones
	if len(patches) <= allPatches {
		side = len(patches) // finer than the patches lie
	}
	for _, p := range richest(mean, patches, side) {
		if err := all.add(mean, gx, gy, p); err != nil {
			return all, first, err
		}
	}
	for _, p := range richest(mean, all.marks, firstZones) {
		if err := first.add(mean, gx, gy, p); err != nil {
			return all, first, err
		}
	}
	return all, first, nil
}

// richest is the patch of most structure from each zone of the die.
func richest(mean plane.Plane, patches []patch, zones int) (out []patch) {
	best := make([]*patch, zones*zones)
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
		if p != nil {
			out = append(out, *p)
		}
	}
	return out
}

// Track finds a die that is expected to be off from the image's rectangle r by
// (dx, dy), to within a pixel, from a few marks on it. It takes a
// hundredth of Match's time and does not look at the rest of the die. ok is
// false where that does not do, for whatever reason: then Match decides. flat,
// which may be nil, corrects the frame; the light found is that of the
// corrected pixels.
func (m *Matcher) Track(t *Template, img frame.Image, flat *hotpath.Flat, r image.Rectangle, dx, dy float64, p Params) (match Match, ok bool) {
	if len(t.all.marks) < minPatches || r.Dx() != t.width || r.Dy() != t.height {
		return Match{}, false
	}
	if !m.meter.See(img, flat) {
		return Match{}, false
	}
	// The dies of a frame come one after the other at the same pitch.
	ahead := r.Min.Sub(m.tracked)
	m.tracked = r.Min
	x, y, settled := dx, dy, false
	for step := 0; step < trackSteps && !settled; step++ {
		with := &t.all
		if step == 0 && len(t.first.marks) >= minPatches {
			with = &t.first
		}
		sums, ok := m.meter.Measure(&with.planes, float64(r.Min.X)+x, float64(r.Min.Y)+y, ahead)
		if !ok {
			return Match{}, false
		}
		m.take(with.marks, sums)
		sx, sy, ok := m.solve(with.marks)
		x, y = x+sx, y+sy
		if !ok || !(math.Hypot(x-dx, y-dy) <= trackReach) {
			return Match{}, false
		}
		if with == &t.all {
			settled, ahead = math.Hypot(sx, sy) < trackSettle, image.Point{}
		}
	}
	match = Match{DX: x, DY: y, Confidence: m.confidence(), Support: m.support()}
	if !settled || accept(match, p) != nil {
		return Match{}, false
	}
	match.Turn = m.turn(t, t.all.marks)
	var err error
	match.Light, err = m.light(t, t.all.marks)
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
