package focus

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"periph.io/x/conn/v3/physic"

	"kensa/calibration"
	"kensa/hw/bench"
)

// Options of the procedure.
type Options struct {
	Light    float64
	Exposure time.Duration
	// Range of the first sweep, ± about zero; the second is finer, about what it found.
	Range  physic.Distance
	Steps  int // heights of each sweep
	Black  float64
	MinMTF float64 // of MTF50, cycles a pixel
	// MaxTilt bounds how much the best height may differ over the view, in depths of
	// field: heights at which the blur is √2 times the least.
	MaxTilt float64
}

// ByHand is as many heights of each sweep as a person can be asked for.
const ByHand = 13

// Defaults sweep ±60 µm in 25 steps, twice.
func Defaults() Options {
	return Options{Light: 0.5, Exposure: 8 * time.Millisecond, Range: 60 * physic.MicroMetre, Steps: 25, Black: 64, MinMTF: 0.15, MaxTilt: 1}
}

// Procedure sweeps through focus over a chessboard, then looks at a slanted edge
// at the best height.
type Procedure struct {
	options Options
	state   State
}

// State is what the procedure remembers from step to step.
type State struct {
	Heights  []float64 // µm
	Energies [][Patches * Patches]float64
	Edge     []float64 // MTF50 of the edge's parts, cycles a pixel
	Curve    MTF
}

// New prepares the procedure. It refuses options that give no result.
func New(o Options) (*Procedure, error) {
	if o.Range < physic.MicroMetre || o.Steps < 9 {
		return nil, fmt.Errorf("focus: ±%s in %d steps; want at least ±1µm in 9", o.Range, o.Steps)
	}
	return &Procedure{options: o}, nil
}

// State is for a session's file.
func (p *Procedure) State() any { return &p.state }

// Next is a height of the coarse sweep, of the fine one, then the edge.
func (p *Procedure) Next() (calibration.Step, int, bool) {
	o, n := p.options, len(p.state.Heights)
	of := 2*o.Steps + 1
	set := bench.Setting{Target: bench.Chessboard, Light: o.Light, Exposure: o.Exposure}
	switch {
	case n < o.Steps:
		set.Z = around(0, o.Range, n, o.Steps)
	case n < 2*o.Steps:
		centre, width := p.coarse()
		set.Z = around(centre, min(width, o.Range), n-o.Steps, o.Steps)
	case p.state.Edge == nil:
		set.Target = bench.Edge
		set.Z = distance(p.field().centre)
		return calibration.Step{Name: "edge", Title: "slanted edge at best focus", Set: set, Frames: 4}, of, true
	default:
		return calibration.Step{}, of, false
	}
	return calibration.Step{Name: fmt.Sprintf("z-%02d", n+1), Title: fmt.Sprintf("chessboard at z %.1f µm", float64(set.Z)/float64(physic.MicroMetre)), Set: set, Frames: 2}, of, true
}

// around is height k of n, evenly from −reach to +reach about centre. Sweeps run
// upwards, so that backlash does not enter.
func around(centre, reach physic.Distance, k, n int) physic.Distance {
	return centre - reach + physic.Distance(int64(2*reach)*int64(k)/int64(n-1))
}

func distance(um float64) physic.Distance {
	return physic.Distance(um * float64(physic.MicroMetre))
}

// coarse is where the first sweep is sharpest, by its greatest energy, and how far
// from there the energy falls to a half.
func (p *Procedure) coarse() (centre, width physic.Distance) {
	s, n := &p.state, p.options.Steps
	top, at := 0.0, 0
	for k := range n {
		if e := total(s.Energies[k]); e > top {
			top, at = e, k
		}
	}
	reach := 0.0
	for k := range n {
		if total(s.Energies[k]) > top/2 {
			reach = max(reach, math.Abs(s.Heights[k]-s.Heights[at]))
		}
	}
	step := 2 * float64(p.options.Range) / float64(physic.MicroMetre) / float64(n-1)
	return distance(s.Heights[at]), distance(max(reach, step) + step)
}

func total(e [Patches * Patches]float64) float64 {
	sum := 0.0
	for _, v := range e {
		sum += v
	}
	return sum / (Patches * Patches)
}

// Do takes the step's exposures.
func (p *Procedure) Do(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	var frames [][]float32
	var width, height int
	for n := range step.Frames {
		e, err := b.Expose(ctx)
		if err != nil {
			return err
		}
		frames, width, height = append(frames, e.Greys()), e.Width, e.Height
		e.Release()
		r := calibration.Reading{Done: n + 1, Name: "mean", Value: mean(frames[n]), Unit: "DN"}
		if n == 1 && step.Name != "edge" {
			r.Name, r.Unit, r.Value = "sharpness", "", 1e3*total(energies(frames[0], frames[1], width, height, p.options.Black))
		}
		tell(r)
	}
	if step.Name == "edge" {
		return p.edge(frames, width, height)
	}
	e := energies(frames[0], frames[1], width, height, p.options.Black)
	if !(total(e) > 1e-7) {
		return &calibration.Wrong{What: "nothing to focus on: no edge stands out of the noise",
			Remedy: "put the chessboard under the lens, lit, within the sweep of focus"}
	}
	if err := p.flat(e); err != nil {
		return err
	}
	p.state.Heights = append(p.state.Heights, float64(step.Set.Z)/float64(physic.MicroMetre))
	p.state.Energies = append(p.state.Energies, e)
	return nil
}

// flat says, with the first sweep's last height, that nothing came into focus: pixels
// that differ look a little like edges at every height.
func (p *Procedure) flat(last [Patches * Patches]float64) error {
	if len(p.state.Heights) != p.options.Steps-1 {
		return nil
	}
	all := []float64{total(last)}
	for _, e := range p.state.Energies {
		all = append(all, total(e))
	}
	const least = 2 // times; through focus it is ten and more
	if slices.Max(all) > least*slices.Min(all) {
		return nil
	}
	reach := float64(p.options.Range) / float64(physic.MicroMetre)
	return &calibration.Wrong{What: fmt.Sprintf("nothing to focus on: from z %.4g to %.4g µm the sharpness hardly changes", -reach, reach),
		Remedy: "put the chessboard under the lens, lit, and begin anew with --restart; if focus is further away, with a wider --range"}
}

func mean(pix []float32) float64 {
	sum := 0.0
	for _, v := range pix {
		sum += float64(v)
	}
	return sum / float64(len(pix))
}

// edge measures the middle of the view in strips, so that their scatter gives the
// uncertainty.
func (p *Procedure) edge(frames [][]float32, width, height int) error {
	const strips = 4
	half, tall := min(width/4, 64), min(height/2, 320)
	x0, y0 := width/2-half, height/2-tall/2
	var results []float64
	var mean MTF
	for _, f := range frames {
		for k := range strips {
			part := cut(f, width, x0, y0+k*tall/strips, 2*half, tall/strips)
			m, err := SlantedEdge(part, 2*half, tall/strips)
			if err != nil {
				return &calibration.Wrong{What: "slanted edge: " + err.Error(), Remedy: "put the straight edge through the middle of the view, about 5° off the columns"}
			}
			results = append(results, m.At50())
			mean = m.addTo(mean)
		}
	}
	for i := range mean.Contrast {
		mean.Contrast[i] /= float64(len(results))
	}
	p.state.Edge, p.state.Curve = results, mean
	return nil
}

// addTo sums curves of equal frequencies.
func (m MTF) addTo(sum MTF) MTF {
	if sum.Contrast == nil {
		sum = MTF{Frequency: m.Frequency, Contrast: make([]float64, len(m.Contrast))}
	}
	for i, c := range m.Contrast {
		sum.Contrast[i] += c
	}
	return sum
}

func cut(pix []float32, width, x0, y0, w, h int) []float32 {
	out := make([]float32, 0, w*h)
	for y := range h {
		out = append(out, pix[(y0+y)*width+x0:(y0+y)*width+x0+w]...)
	}
	return out
}

// field fits both sweeps, patch by patch; a patch that cannot be fitted, such as
// one without an edge, takes the whole view's height.
func (p *Procedure) field() field {
	whole, err := p.fitPatch(func(e [Patches * Patches]float64) float64 { return total(e) })
	if err != nil {
		centre, _ := p.coarse()
		whole.best = float64(centre) / float64(physic.MicroMetre)
	}
	var best [Patches * Patches]float64
	for i := range best {
		fitted, err := p.fitPatch(func(e [Patches * Patches]float64) float64 { return e[i] })
		best[i] = fitted.best
		if err != nil {
			best[i] = whole.best
		}
	}
	return fitField(best)
}

func (p *Procedure) fitPatch(of func([Patches * Patches]float64) float64) (parabola, error) {
	var energy []float64
	for _, e := range p.state.Energies {
		energy = append(energy, max(of(e), 0))
	}
	return fit(p.state.Heights, energy)
}

// Result gives the best height, its differences over the view, the depth of
// field, and the edge's transfer.
func (p *Procedure) Result() (*calibration.Result, error) {
	whole, err := p.fitPatch(func(e [Patches * Patches]float64) float64 { return e[Patches*Patches/2] })
	if err != nil {
		return nil, fmt.Errorf("focus: the middle of the view: %w; a wider --range", err)
	}
	f := p.field()
	depth := math.Sqrt(whole.floor / whole.bend) // where σ² is twice the least
	mtf, scatter := calibration.Moments(p.state.Edge)
	k := calibration.K
	// That blur and edges' places within a patch are not what the parabola takes them
	// for is worth a hundredth of the depth of field.
	model := depth / 100
	f.spread = math.Hypot(f.spread, model*math.Sqrt2)
	// Over a grid of five, Σu² is 25·0.32; a coefficient of u/2 has twice the error of u's.
	tilt := math.Hypot(2*f.spread/math.Sqrt(Patches*Patches*0.32), model)
	bow := math.Hypot(f.spread/math.Sqrt(curvatureSum()), model)
	tilts := math.Hypot(f.tiltX, f.tiltY) + math.Abs(f.curvature)
	r := &calibration.Result{
		Figures: []calibration.Figure{
			{Name: "best", Title: "best focus in the middle", Value: f.centre, Unit: "µm", Uncertainty: k * math.Hypot(model, centreError()*f.spread)},
			{Name: "depth", Title: "depth of field, ± to √2 times the blur", Value: depth, Unit: "µm"},
			{Name: "tilt-x", Title: "best focus, right less left", Value: f.tiltX, Unit: "µm", Uncertainty: k * tilt},
			{Name: "tilt-y", Title: "best focus, bottom less top", Value: f.tiltY, Unit: "µm", Uncertainty: k * tilt},
			{Name: "curvature", Title: "best focus, corner less middle", Value: f.curvature, Unit: "µm", Uncertainty: k * bow},
			{Name: "flatness", Title: "tilt and curvature, in depths of field", Value: tilts / depth, Unit: "", Limits: calibration.AtMost(p.options.MaxTilt)},
			{Name: "mtf50", Title: "MTF50 across the edge", Value: mtf, Unit: "cycles/pixel", Uncertainty: calibration.Expand(float64(len(p.state.Edge)-1)) * math.Hypot(scatter/math.Sqrt(float64(len(p.state.Edge))), mtf/100),
				Limits: calibration.AtLeast(p.options.MinMTF)},
		},
		Parameters: map[string]float64{"best_z_um": f.centre, "depth_um": depth},
		Curves:     []calibration.Curve{p.sweep(whole), p.transfer()},
		Notes:      []string{fmt.Sprintf("bring the stage to z %.1f µm before what follows: that is best focus in the middle", f.centre)},
	}
	return r, nil
}

// centreError is the standard error of the field's middle for patches of unit
// error, curvatureSum the sum of squares that its curvature rests on.
func centreError() float64 {
	const n = Patches * Patches
	mean := 0.0
	for i := range n {
		u, v := place(i)
		mean += (u*u + v*v) / 2 / n
	}
	return math.Sqrt(1./n + mean*mean/curvatureSum())
}

func curvatureSum() float64 {
	const n = Patches * Patches
	mean, sum := 0.0, 0.0
	for i := range n {
		u, v := place(i)
		mean += (u*u + v*v) / 2 / n
	}
	for i := range n {
		u, v := place(i)
		sum += sq((u*u+v*v)/2 - mean)
	}
	return sum
}

func (p *Procedure) sweep(whole parabola) calibration.Curve {
	c := calibration.Curve{Name: "through-focus", Title: "through focus, middle of the view", XTitle: "z / µm", YTitle: "inverse square of sharpness / least"}
	const middle = Patches * Patches / 2
	top := 0.0
	for _, e := range p.state.Energies {
		top = max(top, e[middle])
	}
	upwards := make([]int, len(p.state.Heights)) // both sweeps in one
	for i := range upwards {
		upwards[i] = i
	}
	slices.SortFunc(upwards, func(a, b int) int { return cmp.Compare(p.state.Heights[a], p.state.Heights[b]) })
	for _, i := range upwards {
		if e := p.state.Energies[i][middle]; e > 0.3*top {
			z := p.state.Heights[i]
			c.X, c.Y = append(c.X, z), append(c.Y, sq(top/e))
			c.Fit = append(c.Fit, whole.floor+whole.bend*sq(z-whole.best))
		}
	}
	return c
}

func (p *Procedure) transfer() calibration.Curve {
	return calibration.Curve{Name: "mtf", Title: "modulation transfer across a slanted edge (ISO 12233)", XTitle: "frequency / cycles per pixel", YTitle: "contrast",
		X: p.state.Curve.Frequency, Y: p.state.Curve.Contrast}
}
