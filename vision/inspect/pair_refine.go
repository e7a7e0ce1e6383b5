package inspect

import "math"

// A deformation is what bends a reference onto an image, about the point c of
// the image: a shift, and four ways to deform, each as the pixels that it moves
// a point at distance reach from c.
type deformation struct {
	cx, cy, reach float64
	q             [deformations]float64
}

// The parameters of a deformation. Stretch and skew are what a scan's drift
// does beyond rotation and scale.
const (
	shiftX = iota
	shiftY
	scaling
	turning
	stretch
	skew
	deformations
)

func newDeformation(dx, dy float64, w, h int) deformation {
	d := deformation{cx: float64(w-1) / 2, cy: float64(h-1) / 2, reach: math.Hypot(float64(w), float64(h)) / 2}
	d.q[shiftX], d.q[shiftY] = -dx, -dy
	return d
}

func (d deformation) relation() relation {
	s, t, e, k := d.q[scaling]/d.reach, d.q[turning]/d.reach, d.q[stretch]/d.reach, d.q[skew]/d.reach
	r := relation{axx: 1 + s + e, axy: k - t, ayx: k + t, ayy: 1 + s - e}
	r.tx = d.q[shiftX] + d.cx - r.axx*d.cx - r.axy*d.cy
	r.ty = d.q[shiftY] + d.cy - r.ayx*d.cx - r.ayy*d.cy
	return r
}

// finer is the deformation of images twice as large.
func (d deformation) finer(w, h int) deformation {
	n := newDeformation(0, 0, w, h)
	r := d.relation().finer(2)
	x, y := r.apply(n.cx, n.cy)
	n.q = d.q
	for i := range n.q {
		n.q[i] *= n.reach / d.reach
	}
	n.q[shiftX], n.q[shiftY] = x-n.cx, y-n.cy
	return n
}

// sample is a pixel of the inspected image that can tell a displacement.
type sample struct {
	x, y         float64
	v, gx, gy    float32
	ref, residue float32 // at the current relation
	weight       float64 // 0 where the reference has no pixel
}

// samples picks the pixels on edges, every so many that at most about limit
// are picked.
func samples(p, gx, gy plane, limit int) []sample {
	floor, share := steepness(gx, gy)
	every := max(1, int(share*float64(len(p.v)))/limit)
	var out []sample
	steep := 0
	for y := 1; y < p.h-1; y++ {
		v, dx, dy := p.row(y), gx.row(y), gy.row(y)
		for x := 1; x < p.w-1; x++ {
			if dx[x]*dx[x]+dy[x]*dy[x] <= floor {
				continue
			}
			if steep++; steep%every == 0 {
				out = append(out, sample{x: float64(x), y: float64(y), v: v[x], gx: dx[x], gy: dy[x]})
			}
		}
	}
	return out
}

// steepness is the squared gradient above which a pixel lies on an edge, and
// the share of pixels that do. The flattest tenth of the image tells the noise:
// the squared length of a gradient of noise is exponentially distributed, its
// first decile 0.105 of its mean, and one in a thousand exceeds 6.9 of it.
// Where there is nothing flat, the steepest quarter counts as edges.
func steepness(gx, gy plane) (floor float32, share float64) {
	step := max(1, len(gx.v)/quantileSample)
	squares := make([]float32, 0, len(gx.v)/step+1)
	for i := 0; i < len(gx.v); i += step {
		squares = append(squares, gx.v[i]*gx.v[i]+gy.v[i]*gy.v[i])
	}
	floor = min(quantile(squares, 0.1)*6.9/0.105, quantile(squares, 0.75))
	steep := 0
	for _, v := range squares {
		if v > floor {
			steep++
		}
	}
	return floor, float64(steep) / float64(len(squares))
}

// aligner refines a deformation by weighted least squares on samples
// (Gauss–Newton), brightness included, after Lucas and Kanade.
type aligner struct {
	ref          plane
	samples      []sample
	bounds       [deformations]float64 // prior standard deviations, in pixels
	gain, offset float64               // image = gain·reference + offset
	sigma        float64               // robust, of the residues
	matched      int                   // samples with a reference pixel
}

// refine improves d until it moves nothing by more than a hundredth of a pixel.
func (a *aligner) refine(d deformation) deformation {
	const steps = 25
	origin := d
	for range steps {
		a.observe(d.relation())
		if a.matched < minSamples {
			return d
		}
		dq := a.step(d, origin)
		moved := 0.0
		for i := range dq {
			d.q[i] += dq[i]
			moved = max(moved, math.Abs(dq[i]))
		}
		if moved < 0.01 {
			break
		}
	}
	a.observe(d.relation())
	return d
}

// minSamples is the least number of samples that carry six parameters.
const minSamples = 64

// observe looks the samples up in the reference, fits the brightness, and gives
// each the weight that its residue deserves.
func (a *aligner) observe(r relation) {
	a.matched = 0
	for i := range a.samples {
		s := &a.samples[i]
		x, y := r.apply(s.x, s.y)
		v, ok := a.ref.at(x, y)
		s.ref = v
		switch {
		case !ok:
			s.weight = 0
		case s.weight == 0:
			s.weight = 1
		}
		if ok {
			a.matched++
		}
	}
	a.fitBrightness()
	a.weigh()
}

// fitBrightness is a weighted line through (reference, image).
func (a *aligner) fitBrightness() {
	var m moments
	for _, s := range a.samples {
		m.add(float64(s.ref), float64(s.v), s.weight)
	}
	a.gain, a.offset = m.line()
}

// weigh computes the residues, their robust σ, and Cauchy's weights, which
// leave what is far off (a defect, a wrong edge) little say.
func (a *aligner) weigh() {
	const tuning = 2.385 // 95 % efficient for normal residues
	const enough = 5000  // residues for their spread
	step := max(1, len(a.samples)/enough)
	residues := make([]float32, 0, 2*enough)
	for i := range a.samples {
		s := &a.samples[i]
		s.residue = s.v - float32(a.gain)*s.ref - float32(a.offset)
		if s.weight > 0 && i%step == 0 {
			residues = append(residues, s.residue)
		}
	}
	a.sigma = max(float64(spread(residues)), 0.25)
	for i := range a.samples {
		if s := &a.samples[i]; s.weight > 0 {
			z := float64(s.residue) / (tuning * a.sigma)
			s.weight = 1 / (1 + z*z)
		}
	}
}

// step solves the normal equations with the prior that deformations are small,
// which also decides what the pattern leaves open (a shift along straight
// lines).
func (a *aligner) step(d, origin deformation) [deformations]float64 {
	var h [deformations][deformations]float64
	var b [deformations]float64
	for _, s := range a.samples {
		if s.weight == 0 {
			continue
		}
		ux, uy := (s.x-d.cx)/d.reach, (s.y-d.cy)/d.reach
		gx, gy := float64(s.gx), float64(s.gy)
		j := [deformations]float64{gx, gy, gx*ux + gy*uy, gy*ux - gx*uy, gx*ux - gy*uy, gx*uy + gy*ux}
		for r := range j {
			wj := s.weight * j[r]
			b[r] += wj * float64(s.residue)
			for c := range r + 1 {
				h[r][c] += wj * j[c]
			}
		}
	}
	for i := range b {
		precision := a.sigma * a.sigma / (a.bounds[i] * a.bounds[i])
		prior := 0.0
		if i <= shiftY {
			prior = origin.q[i]
		}
		h[i][i] += precision
		b[i] += precision * (prior - d.q[i])
	}
	return solve(h, b)
}

// six is the number of unknowns of a deformation, and of a quadratic of two
// variables.
const six = 6

// solve solves h·x = b for a positive definite h given by its lower triangle,
// by Cholesky's factors.
func solve(h [six][six]float64, b [six]float64) [six]float64 {
	for i := range b {
		for j := range i + 1 {
			sum := h[i][j]
			for k := range j {
				sum -= h[i][k] * h[j][k]
			}
			if i == j {
				h[i][i] = math.Sqrt(max(sum, 1e-12))
			} else {
				h[i][j] = sum / h[j][j]
			}
		}
	}
	for i := range b {
		for k := range i {
			b[i] -= h[i][k] * b[k]
		}
		b[i] /= h[i][i]
	}
	for i := len(b) - 1; i >= 0; i-- {
		for k := i + 1; k < len(b); k++ {
			b[i] -= h[k][i] * b[k]
		}
		b[i] /= h[i][i]
	}
	return b
}

// correlation is Pearson's over the samples, 1 when they agree but for
// brightness.
func (a *aligner) correlation() float64 {
	var m moments
	for _, s := range a.samples {
		if s.weight > 0 {
			m.add(float64(s.ref), float64(s.v), 1)
		}
	}
	return m.correlation()
}
