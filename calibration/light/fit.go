package light

import (
	"math"

	"kensa/calibration"
	"kensa/calibration/leastsquares"
	"kensa/hw/bench"
)

// linear is a least-squares fit of y = Σ xᵢ·basisᵢ.
type linear struct {
	x     []float64
	covar leastsquares.Matrix // of x, by the residuals' scatter
	rms   float64             // of the residuals, for the degrees of freedom
}

// solve fits rows of the basis; false where they do not determine x.
func solve(basis [][]float64, y []float64) (linear, bool) {
	n, k := len(basis), len(basis[0])
	system := leastsquares.New(k)
	for i, row := range basis {
		system.Add(row, y[i])
	}
	x, inverse, ok := system.Solve()
	if !ok {
		return linear{}, false
	}
	chi := 0.0
	for i, row := range basis {
		d := y[i] - dot(x, row)
		chi += d * d
	}
	variance := chi / math.Max(1, float64(n-k))
	inverse.Scale(variance)
	return linear{x, inverse, math.Sqrt(variance)}, true
}

// warming is b·(1 + w·exp(−t/τ)), with w's and τ's expanded uncertainties.
type warming struct {
	b, w, tau  float64 // DN/s, part, s
	wOff, tOff float64
}

func (f warming) at(t float64) float64 { return f.b * (1 + f.w*math.Exp(-t/f.tau)) }

// warmUp fits: for each τ the rest is linear; τ is sought over a logarithmic grid,
// then by golden section.
func warmUp(t, y []float64) warming {
	low, high := math.Log(t[1]/2), math.Log(2*t[len(t)-1])
	rest := func(logTau float64) float64 {
		f, ok := decay(t, y, math.Exp(logTau))
		if !ok {
			return math.Inf(1)
		}
		return f.rms
	}
	const grid = 40
	best := 0
	for k := 1; k <= grid; k++ {
		if rest(low+(high-low)*float64(k)/grid) < rest(low+(high-low)*float64(best)/grid) {
			best = k
		}
	}
	a, b := low+(high-low)*float64(best-1)/grid, low+(high-low)*float64(best+1)/grid
	const golden = 0.6180339887
	for range 40 {
		c, d := b-golden*(b-a), a+golden*(b-a)
		if rest(c) < rest(d) {
			b = d
		} else {
			a = c
		}
	}
	tau := math.Exp((a + b) / 2)
	f, ok := decay(t, y, tau)
	if !ok {
		return warming{b: y[len(y)-1], tau: tau, wOff: math.Inf(1), tOff: math.Inf(1)}
	}
	out := warming{b: f.x[0], w: f.x[1] / f.x[0], tau: tau}
	out.wOff, out.tOff = out.reach(t, y, f.rms, low, high)
	return out
}

func decay(t, y []float64, tau float64) (linear, bool) {
	basis := make([][]float64, len(t))
	for i := range t {
		basis[i] = []float64{1, math.Exp(-t[i] / tau)}
	}
	return solve(basis, y)
}

// reach is how far w and τ may be from the best fit: as far as the squares of the
// residuals grow by no more than Expand² of their variance (profile likelihood; Bates
// and Watts, Nonlinear Regression Analysis, 1988, 6.1). A linearised model would be
// too sure where the warm-up hardly stands out of the flicker. The wider of the two
// sides counts; τ's is infinite where it has no end between low and high, its logarithms.
func (f warming) reach(t, y []float64, rms, low, high float64) (w, tau float64) {
	free := float64(len(t) - 3)
	least := rms * rms * (free + 1) // of two linear unknowns
	allowed := math.Pow(calibration.Expand(free), 2) * least / free
	middle := math.Log(f.tau)
	const step = 0.01
	for _, side := range [2]float64{-step, step} {
		for at := middle; ; at += side {
			if at < low || at > high {
				tau = math.Inf(1)
				break
			}
			g, ok := decay(t, y, math.Exp(at))
			if !ok {
				tau = math.Inf(1)
				break
			}
			left := allowed - (g.rms*g.rms*(free+1) - least)
			if left < 0 {
				break
			}
			tau = math.Max(tau, math.Abs(math.Exp(at+side)-f.tau))
			// What the linear part may be off beside, w being a ratio of its unknowns.
			v := g.x[1] / g.x[0]
			unit := (g.covar.At(1, 1) - 2*v*g.covar.At(0, 1) + v*v*g.covar.At(0, 0)) / (g.x[0] * g.x[0] * g.rms * g.rms)
			w = math.Max(w, math.Abs(v-f.w)+math.Sqrt(left*unit))
		}
	}
	return w, tau
}

// Size of the grid of patches.
const (
	Columns = 16
	Rows    = 12
)

// Patches sum the grey values of parts of the view.
type Patches struct {
	Sum, Count [Columns * Rows]float64
	Frames     int
}

func (p *Patches) add(e *bench.Exposure) {
	for y := range e.Height {
		for x := range e.Width {
			i := y*Rows/e.Height*Columns + x*Columns/e.Width
			p.Sum[i] += float64(e.At(x, y))
			p.Count[i]++
		}
	}
	p.Frames++
}

// shape is the light over the view as a polynomial of the third order in u and v,
// from −1 to 1: vignetting and tilt without the dust and the pixels' own differences.
type shape struct{ linear }

func terms(u, v float64) []float64 {
	return []float64{1, u, v, u * u, u * v, v * v, u * u * u, u * u * v, u * v * v, v * v * v}
}

// shape fits the patches above the dark level.
func (p *Patches) shape(dark float64) (shape, bool) {
	var basis [][]float64
	var y []float64
	for i := range p.Sum {
		basis = append(basis, terms(middle(i)))
		y = append(y, p.Sum[i]/p.Count[i]-dark)
	}
	f, ok := solve(basis, y)
	return shape{f}, ok
}

// middle of a patch, −1 to 1.
func middle(i int) (u, v float64) {
	return (float64(i%Columns)+0.5)/Columns*2 - 1, (float64(i/Columns)+0.5)/Rows*2 - 1
}

func (s shape) at(u, v float64) float64 { return dot(s.x, terms(u, v)) }

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// uneven is (max − min)/max over the view, and its standard error.
func (s shape) uneven() (part, deviation float64) {
	const n = 40
	var low, high [2]float64
	least, most := math.Inf(1), math.Inf(-1)
	for i := range n + 1 {
		for j := range n + 1 {
			u, v := 2*float64(i)/n-1, 2*float64(j)/n-1
			l := s.at(u, v)
			if l < least {
				least, low = l, [2]float64{u, v}
			}
			if l > most {
				most, high = l, [2]float64{u, v}
			}
		}
	}
	// The part is 1 − least/most; carried through the covariance of the coefficients.
	a, b := terms(low[0], low[1]), terms(high[0], high[1])
	g := make([]float64, len(a))
	for k := range g {
		g[k] = -a[k]/most + b[k]*least/(most*most)
	}
	sum := 0.0
	for i := range g {
		for k := range g {
			sum += g[i] * s.covar.At(i, k) * g[k]
		}
	}
	return 1 - least/most, math.Sqrt(math.Max(sum, 0))
}

// flicker is the light's standard deviation from exposure to exposure, as a part of
// the signal, and its standard error. Differences of successive exposures leave slow
// drift out; the two halves' pixels share the light and nothing else, so that noise
// is not in their covariance.
func flicker(even, odd []float64, signal float64) (part, deviation float64) {
	n := float64(len(even) - 1)
	var both, a, b float64
	for i := 1; i < len(even); i++ {
		x, y := even[i]-even[i-1], odd[i]-odd[i-1]
		both, a, b = both+x*y/n, a+x*x/n, b+y*y/n
	}
	variance := math.Max(both, 0) / 2
	// Var of a covariance of Gaussian differences, of which neighbours share an exposure.
	spread := math.Sqrt(1.5*(a*b+both*both)/n) / 2
	part = math.Sqrt(variance) / signal
	if variance <= spread {
		return part, math.Sqrt(variance+spread) / signal
	}
	return part, spread / (2 * math.Sqrt(variance)) / signal
}

func sqrt(n int) float64 { return math.Sqrt(float64(n)) }
