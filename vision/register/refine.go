package register

import (
	"math"
	"slices"

	"kensa/vision/internal/plane"
)

// Gauss–Newton.
const (
	slack    = 2         // pixels that the fit may move from the coarse shift
	reach    = slack + 4 // pixels around a patch that the fit reads: smoothing 2, interpolation and rounding 1 each
	maxSteps = 10
	settled  = 0.002 // pixel; a smaller step is the last
)

// fit is what one patch sees of the die at the present shift.
type fit struct {
	sum, square  float64 // of the die's grey values
	cross        float64 // with the pattern
	qx, qy       float64 // with the derivatives
	gain         float64 // die over golden
	residual     float64 // mean square that the pattern does not explain
	correlation  float64 // −1 to 1
	weight       float64
	pixels       float64
	patchAverage float64
}

// refine fits all patches together, from a shift good to a pixel.
func (m *Matcher) refine(t *Template, dx, dy float64) (Match, error) {
	bx, by := int(math.Round(dx)), int(math.Round(dy))
	m.cut(t, bx, by)
	x, y := dx-float64(bx), dy-float64(by)
	for step := 0; step < maxSteps; step++ {
		m.fit(t, x, y)
		sx, sy, ok := m.solve(t.patches)
		x, y = x+sx, y+sy
		if !ok || math.Abs(x) >= slack || math.Abs(y) >= slack {
			return Match{}, mismatch("the shift does not settle (another pattern, turned, or out of focus)")
		}
		if math.Hypot(sx, sy) < settled {
			break
		}
	}
	x, y = x+float64(bx), y+float64(by)
	m.last(t, x, y)
	sx, sy, _ := m.solve(t.patches)
	return Match{DX: x + sx, DY: y + sy, Confidence: m.confidence(), Support: m.support()}, nil
}

// cut smooths the die around each patch as the patches are.
func (m *Matcher) cut(t *Template, bx, by int) {
	m.windows = slices.Grow(m.windows[:0], len(t.patches))[:len(t.patches)]
	for n, p := range t.patches {
		m.copyDie(p.x+bx-slack-3, p.y+by-slack-3, p.side+2*(slack+3))
		m.windows[n].Smooth(m.crop, &m.scratch)
	}
}

// last fits once more, at the shift (dx, dy) without the blur of bilinear
// interpolation, which would pass for a loss of contrast.
func (m *Matcher) last(t *Template, dx, dy float64) {
	m.fits = m.fits[:0]
	bx, by := math.Floor(dx), math.Floor(dy)
	for n, p := range t.patches {
		m.copyDie(p.x+int(bx)-3, p.y+int(by)-3, p.side+8)
		m.windows[n].SmoothAt(m.crop, dx-bx, dy-by, &m.scratch)
		m.fits = append(m.fits, p.compare(m.windows[n], 0, 0, 0, 0))
	}
	m.weigh()
}

// copyDie sets crop to a square of the die with its corner at (x, y), moved
// inside what was loaded.
func (m *Matcher) copyDie(x, y, side int) {
	die := m.levels[0]
	x = max(0, min(m.margin+x, die.Width-side))
	y = max(0, min(m.margin+y, die.Height-side))
	m.crop.Reuse(side, side)
	for row := range side {
		copy(m.crop.Row(row), die.Row(y + row)[x:x+side])
	}
}

// fit compares every patch with the die at the shift (x, y) from the windows'
// middle.
func (m *Matcher) fit(t *Template, x, y float64) {
	m.fits = m.fits[:0]
	fx, fy := math.Floor(x), math.Floor(y)
	at := [2]int{int(fx) + slack + 1, int(fy) + slack + 1}
	u, v := float32(x-fx), float32(y-fy)
	for n, p := range t.patches {
		f := p.compare(m.windows[n], at[0], at[1], u, v)
		m.fits = append(m.fits, f)
	}
	m.weigh()
}

// compare sums products with the window's part at (x+u, y+v), interpolated
// bilinearly; the window is smooth enough for that.
func (p *patch) compare(window plane.Plane, x, y int, u, v float32) fit {
	w00, w10, w01, w11 := (1-u)*(1-v), u*(1-v), (1-u)*v, u*v
	var f fit
	for row := range p.side {
		a, b := window.Row(y + row)[x:x+p.side+1], window.Row(y + row + 1)[x:x+p.side+1]
		k := row * p.side
		pattern, gx, gy := p.pattern[k:k+p.side], p.gx[k:k+p.side], p.gy[k:k+p.side]
		var s, q, c, dx, dy float32
		for n := range pattern {
			grey := w00*a[n] + w10*a[n+1] + w01*b[n] + w11*b[n+1]
			s += grey
			q += grey * grey
			c += grey * pattern[n]
			dx += grey * gx[n]
			dy += grey * gy[n]
		}
		f.sum, f.square, f.cross = f.sum+float64(s), f.square+float64(q), f.cross+float64(c)
		f.qx, f.qy = f.qx+float64(dx), f.qy+float64(dy)
	}
	return p.explain(f)
}

// explain works out of a fit's sums how well the pattern explains them.
func (p *patch) explain(f fit) fit {
	f.pixels = float64(p.side * p.side)
	f.patchAverage = p.average
	f.gain = f.cross / p.energy
	variance := max(f.square/f.pixels-f.sum*f.sum/(f.pixels*f.pixels), 1e-9)
	f.residual = max(variance-f.gain*f.cross/f.pixels, 0)
	f.correlation = math.Copysign(math.Sqrt(max(0, 1-f.residual/variance)), f.gain)
	return f
}

// weigh gives little weight to patches that fit much worse than most
// (Geman and McClure's function of the residual).
func (m *Matcher) weigh() {
	usual := m.median(func(f fit) float64 { return f.residual }) + 1e-6
	for n := range m.fits {
		ratio := m.fits[n].residual / (3 * usual)
		m.fits[n].weight = 1 / ((1 + ratio*ratio) * (1 + ratio*ratio))
	}
}

// solve is one step of the shift common to all patches.
func (m *Matcher) solve(patches []patch) (dx, dy float64, ok bool) {
	var xx, xy, yy, qx, qy float64
	for n, f := range m.fits {
		p, w := &patches[n], f.weight*f.gain
		xx, xy, yy = xx+w*f.gain*p.sxx, xy+w*f.gain*p.sxy, yy+w*f.gain*p.syy
		qx, qy = qx+w*f.qx, qy+w*f.qy
	}
	det := xx*yy - xy*xy
	if !(det > 1e-6*xx*yy) {
		return 0, 0, false
	}
	return -(yy*qx - xy*qy) / det, -(xx*qy - xy*qx) / det, true
}

func (m *Matcher) confidence() float64 { return max(0, m.median(correlationOf)) }

func (m *Matcher) support() float64 {
	m.sort(correlationOf)
	return max(0, m.sorted[len(m.sorted)/4])
}

func correlationOf(f fit) float64 { return f.correlation }

// median is the middle of a value over all fits.
func (m *Matcher) median(value func(fit) float64) float64 {
	m.sort(value)
	return m.sorted[len(m.sorted)/2]
}

// sort puts a value of all fits into sorted.
func (m *Matcher) sort(value func(fit) float64) {
	m.sorted = m.sorted[:0]
	for _, f := range m.fits {
		m.sorted = append(m.sorted, value(f))
	}
	slices.Sort(m.sorted)
}
