package inspect

import (
	"fmt"
	"math"
)

// registration is where an image lies on its reference, and how the brightness
// of both compares: image = gain·reference + offset.
type registration struct {
	relation     relation
	gain, offset float64
	agreement    float64 // share of the image's blocks that fit, 0 to 1
}

// coarseSide is the side in pixels to which images are reduced for the search:
// there, a rotation of a degree moves the corners by little more than a pixel,
// and a correlation over all shifts takes milliseconds.
const coarseSide = 256

// Bounds of the work of a refinement, in samples: of a place that is only tried,
// and of the one that was found. More add time and no accuracy that counts.
const (
	trySamples = 10_000
	maxSamples = 100_000
)

// register finds the relation from coarse to fine: whole-pixel shifts by
// correlation of strongly reduced images, the best few refined, the best of
// these carried up the levels.
func (s *workspace) register(ref, img plane, p PairParams) (registration, error) {
	refs, imgs := s.levels(ref, img)
	top := len(refs) - 1
	d, a, err := s.search(refs[top], imgs[top], p)
	for l := top - 1; l >= 0 && err == nil; l-- {
		d, a, err = s.refine(refs[l], imgs[l], d.finer(imgs[l].w, imgs[l].h), p, maxSamples)
	}
	if err != nil {
		return registration{}, err
	}
	return registration{d.relation(), a.gain, a.offset, a.agreement(img.w, img.h)}, nil
}

// reason says why a registration cannot be trusted; empty when it can.
func (g registration) reason(p PairParams) string {
	turn, scale := g.relation.rotation(), g.relation.scale()
	switch {
	case g.agreement < p.MinAgreement:
		return fmt.Sprintf("the pattern fits the reference in %.0f %% of the image at the best place; want %.0f %%", 100*g.agreement, 100*p.MinAgreement)
	case !(g.gain > 0.1 && g.gain < 10):
		return fmt.Sprintf("the image has %.2g times the reference's contrast; want 0.1 to 10", g.gain)
	case math.Abs(turn) > p.MaxRotation:
		return fmt.Sprintf("rotated by %.2f°; max_rotation is %v°", turn, p.MaxRotation)
	case math.Abs(scale-1) > p.MaxScale:
		return fmt.Sprintf("scaled by %.4f; max_scale is %v", scale, p.MaxScale)
	}
	return ""
}

// levels halves both images until the larger fits coarseSide or the smaller
// could show no pattern.
func (s *workspace) levels(ref, img plane) (refs, imgs []plane) {
	refs, imgs = []plane{ref}, []plane{img}
	for max(ref.w, ref.h, img.w, img.h) > coarseSide && min(ref.w, ref.h, img.w, img.h) >= minPairSide {
		ref, img = s.halve(ref), s.halve(img)
		refs, imgs = append(refs, ref), append(imgs, img)
	}
	return refs, imgs
}

// search tries the places of highest correlation and returns the best of them,
// refined.
func (s *workspace) search(ref, img plane, p PairParams) (deformation, *aligner, error) {
	starts, err := s.starts(ref, img, p)
	if err != nil {
		return deformation{}, nil, err
	}
	best := starts[0]
	score := math.Inf(-1)
	for _, start := range starts {
		d, a, err := s.refine(ref, img, start, p, trySamples)
		if err != nil {
			return best, nil, err
		}
		if q := a.correlation(); q > score {
			best, score = d, q
		}
	}
	return s.refine(ref, img, best, p, maxSamples)
}

// turns are the rotations, as tangents, from which the search starts: from none,
// refinement finds one of a degree and a half.
func (p PairParams) turns() []float64 {
	const alone = 1.5 // degrees
	if p.MaxRotation <= alone {
		return []float64{0}
	}
	far := math.Tan(2. / 3 * p.MaxRotation * math.Pi / 180)
	return []float64{0, far, -far}
}

// starts lists places to try: of each turn the shifts that correlate best, and
// the unmoved image where nothing does.
func (s *workspace) starts(ref, img plane, p PairParams) ([]deformation, error) {
	const trend, tries = 16, 5 // pixels, slower than any pattern that tells a place; shifts of each turn
	tmp := &workspace{}
	defer tmp.Close()
	r, err := tmp.trendless(ref, trend)
	if err != nil {
		return nil, err
	}
	i, err := tmp.trendless(img, trend)
	if err != nil {
		return nil, err
	}
	var starts []deformation
	for _, turn := range p.turns() {
		found, err := tmp.coarse(tmp.turned(r, turn), i, p.MinOverlap, tries)
		if err != nil {
			return nil, err
		}
		for _, c := range found {
			starts = append(starts, turnedStart(ref, img, c, turn))
		}
	}
	if len(starts) == 0 {
		starts = append(starts, newDeformation(0, 0, img.w, img.h))
	}
	return starts, nil
}

// turned shows the plane turned about its centre by a small angle, given as its
// tangent; places without a pixel are 0.
func (s *workspace) turned(p plane, turn float64) plane {
	if turn == 0 {
		return p
	}
	out, cx, cy := s.zeros(p.w, p.h), float64(p.w-1)/2, float64(p.h-1)/2
	for y := range out.h {
		for x := range out.w {
			dx, dy := float64(x)-cx, float64(y)-cy
			out.v[y*out.w+x], _ = p.at(cx+dx-turn*dy, cy+dy+turn*dx)
		}
	}
	return out
}

// turnedStart is the deformation that a shift of the turned reference means.
func turnedStart(ref, img plane, c candidate, turn float64) deformation {
	d := newDeformation(0, 0, img.w, img.h)
	d.q[turning] = turn * d.reach
	// The image's centre, from the centre of the shifted reference.
	x, y := d.cx-float64(c.dx)-float64(ref.w-1)/2, d.cy-float64(c.dy)-float64(ref.h-1)/2
	d.q[shiftX], d.q[shiftY] = -float64(c.dx)-turn*y, -float64(c.dy)+turn*x
	return d
}

// trendless is the plane less its slow part.
func (s *workspace) trendless(p plane, sigma float64) (plane, error) {
	slow, err := s.blur(p, sigma)
	if err != nil {
		return p, err
	}
	for i, v := range p.v {
		slow.v[i] = v - slow.v[i]
	}
	return slow, nil
}

// refine improves d at one level, and returns the aligner for its figures.
func (s *workspace) refine(ref, img plane, d deformation, p PairParams, limit int) (deformation, *aligner, error) {
	const smoothing = 1.5 // pixels; the noise of an SEM then leaves edges their slope
	tmp := &workspace{}
	defer tmp.Close()
	r, err := tmp.blur(ref, smoothing)
	if err != nil {
		return d, nil, err
	}
	i, err := tmp.blur(img, smoothing)
	if err != nil {
		return d, nil, err
	}
	gx, gy := tmp.gradient(i)
	a := &aligner{ref: r, samples: samples(i, gx, gy, limit), bounds: p.prior(d.reach)}
	d = a.refine(d)
	a.ref = plane{} // freed with tmp
	return d, a, nil
}

// prior is how far, as a standard deviation in pixels, each parameter may be
// expected to lie from none (the shifts, from the search's).
func (p PairParams) prior(reach float64) [deformations]float64 {
	const shift, drift = 4, 0.002 // pixels; share of the image
	return [deformations]float64{
		shiftX: shift, shiftY: shift,
		scaling: p.MaxScale * reach / 2, turning: p.MaxRotation * math.Pi / 180 * reach / 2,
		stretch: drift * reach, skew: drift * reach,
	}
}
