package inspect

import "math"

// registration is where an image lies on its reference.
type registration struct {
	relation     relation
	gain, offset float64
	confidence   float64
	reason       string // why it failed; empty when it did not
}

// Sides of the images at which the search starts and at which the last
// refinement ends; beyond that, more pixels add time and no accuracy.
const (
	coarseSide = 256
	maxSamples = 200_000
)

// register finds the relation from coarse to fine: whole-pixel shifts by
// correlation of strongly reduced images, the best few refined, the best of
// these carried up the levels.
func (s *workspace) register(ref, img plane, p PairParams) (registration, error) {
	refs, imgs := s.levels(ref, img)
	top := len(refs) - 1
	trendless := func(q plane) (plane, error) { return s.trendless(q, 16) }
	rc, err := trendless(refs[top])
	if err != nil {
		return registration{}, err
	}
	ic, err := trendless(imgs[top])
	if err != nil {
		return registration{}, err
	}
	candidates, err := s.coarse(rc, ic, p.MinOverlap, 5)
	if err != nil {
		return registration{}, err
	}
	var best deformation
	score := -2.0
	for _, c := range candidates {
		a, err := s.aligner(refs[top], imgs[top], p)
		if err != nil {
			return registration{}, err
		}
		d := a.refine(newDeformation(float64(c.dx), float64(c.dy), ic.w, ic.h))
		if q := a.correlation(); q > score {
			best, score = d, q
		}
	}
	var a *aligner
	for l := top; l >= 0; l-- {
		if l < top {
			best = best.finer(imgs[l].w, imgs[l].h)
		}
		if a, err = s.aligner(refs[l], imgs[l], p); err != nil {
			return registration{}, err
		}
		best = a.refine(best)
	}
	return registration{relation: best.relation(), gain: a.gain, offset: a.offset, confidence: a.correlation()}, nil
}

// levels halves both images until the larger fits coarseSide.
func (s *workspace) levels(ref, img plane) (refs, imgs []plane) {
	refs, imgs = []plane{ref}, []plane{img}
	for max(img.w, img.h) > coarseSide && min(ref.w, ref.h, img.w, img.h) >= 64 {
		ref, img = s.halve(ref), s.halve(img)
		refs, imgs = append(refs, ref), append(imgs, img)
	}
	return refs, imgs
}

// trendless is the plane less its slow part.
func (s *workspace) trendless(p plane, sigma float64) (plane, error) {
	slow, err := s.blur(p, sigma)
	if err != nil {
		return p, err
	}
	out := s.plane(p.w, p.h)
	for i, v := range p.v {
		out.v[i] = v - slow.v[i]
	}
	return out, nil
}

// aligner prepares one level's refinement.
func (s *workspace) aligner(ref, img plane, p PairParams) (*aligner, error) {
	const smoothing = 1.5 // pixels; enough that the noise of an SEM leaves edges their slope
	r, err := s.blur(ref, smoothing)
	if err != nil {
		return nil, err
	}
	i, err := s.blur(img, smoothing)
	if err != nil {
		return nil, err
	}
	gx, gy := s.gradient(i)
	a := &aligner{ref: r, samples: samples(i, gx, gy, maxSamples)}
	reach := math.Hypot(float64(img.w), float64(img.h)) / 2
	turn := p.MaxRotation * math.Pi / 180 * reach / 2
	drift := 0.002 * reach
	a.bounds = [deformations]float64{4, 4, p.MaxScale * reach / 2, turn, drift, drift}
	return a, nil
}
