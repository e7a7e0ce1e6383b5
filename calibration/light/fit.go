package light

import (
	"math"

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

// warming is b·(1 + w·exp(−t/τ)) with standard errors.
type warming struct {
	b, w, tau    float64 // DN/s, part, s
	wError, tauE float64
}

func (f warming) at(t float64) float64 { return f.b * (1 + f.w*math.Exp(-t/f.tau)) }

// warmUp fits: for each τ the rest is linear; τ is sought over a logarithmic grid,
// then by golden section. The errors are those of the model linearised there.
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
		return warming{b: y[len(y)-1], tau: tau, wError: math.Inf(1), tauE: math.Inf(1)}
	}
	out := warming{b: f.x[0], w: f.x[1] / f.x[0], tau: tau}
	out.wError, out.tauE = out.errors(t, f.rms)
	return out
}

func decay(t, y []float64, tau float64) (linear, bool) {
	basis := make([][]float64, len(t))
	for i := range t {
		basis[i] = []float64{1, math.Exp(-t[i] / tau)}
	}
	return solve(basis, y)
}

// errors of w and τ for a scatter of the strengths.
func (f warming) errors(t []float64, rms float64) (w, tau float64) {
	system := leastsquares.New(3)
	for _, at := range t {
		e := math.Exp(-at / f.tau)
		system.Add([]float64{1 + f.w*e, f.b * e, f.b * f.w * e * at / f.tau}, 0) // by b, w and ln τ
	}
	_, inverse, ok := system.Solve()
	if !ok {
		return rms / math.Abs(f.b), math.Inf(1) // no decay: τ means nothing
	}
	return rms * math.Sqrt(inverse.At(1, 1)), rms * f.tau * math.Sqrt(inverse.At(2, 2))
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
