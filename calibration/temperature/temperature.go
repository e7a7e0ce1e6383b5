// Package temperature measures how scale and focus drift with the temperature at the
// optics, as a correction that the appliance may apply.
//
// The plate stays where it is while the temperature changes: by hours of a warming
// hall, or by a heater. Every so often a short sweep finds the best height, and the
// plate's points the size of a pixel there. Straight lines against temperature,
//
//	pixel = p₀·(1 + α·(T − T₀)),  z = z₀ + β·(T − T₀),
//
// give α in ppm/K and β in µm/K by least squares, T₀ being the mean of the
// temperatures met.
package temperature

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"periph.io/x/conn/v3/physic"

	"kensa/calibration"
	"kensa/calibration/focus"
	"kensa/calibration/geometry"
	"kensa/calibration/leastsquares"
	"kensa/hw/bench"
)

// Options of the procedure.
type Options struct {
	Board    geometry.Board
	Light    float64
	Exposure time.Duration
	// Every is how long to wait between measures; Points is how many there are at
	// least, Longest at most.
	Every           time.Duration
	Points, Longest int
	// Span of temperature that is needed, K.
	Span float64
	// Range of heights about the best, ±, and how many.
	Range   physic.Distance
	Heights int
	// First is where focus is sought first: the result of calibrate focus.
	First physic.Distance
	// Frames of the plate at the best height.
	Frames int
	// Black is the grey value without light.
	Black float64
	// Enabled says whether the appliance is to apply the correction.
	Enabled bool

	MaxScale float64 // ppm/K
	MaxFocus float64 // µm/K
}

// Defaults wait ten minutes between measures.
func Defaults(b geometry.Board) Options {
	return Options{Board: b, Light: 0.5, Exposure: 8 * time.Millisecond, Every: 10 * time.Minute, Points: 12, Longest: 150, Span: 3,
		Range: 8 * physic.MicroMetre, Heights: 7, Frames: 4, Black: 64, MaxScale: 50, MaxFocus: 2}
}

func (o Options) check() error {
	if err := o.Board.Check(); err != nil {
		return fmt.Errorf("temperature: %w", err)
	}
	switch {
	case o.Points < 5 || o.Longest < o.Points:
		return fmt.Errorf("temperature: %d to %d measures; want at least 5", o.Points, o.Longest)
	case !(o.Span >= 0.5):
		return fmt.Errorf("temperature: a span of %v K; want at least 0.5", o.Span)
	case o.Heights < 5 || o.Range < physic.MicroMetre:
		return fmt.Errorf("temperature: %d heights within ±%s; want at least 5 within ±1µm", o.Heights, o.Range)
	case o.Frames < 1 || o.Every < 0:
		return fmt.Errorf("temperature: %d frames every %v; want at least one, and no time below 0", o.Frames, o.Every)
	}
	return nil
}

// Procedure measures drift with temperature.
type Procedure struct {
	options Options
	state   State
}

// State is what the procedure remembers from step to step.
type State struct{ Points []Point }

// Point is one measure.
type Point struct {
	Celsius float64
	Pixel   float64 // µm, the geometric mean of x and y
	Best    float64 // height, µm
}

// New prepares the procedure. It refuses options that give no result.
func New(o Options) (*Procedure, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return &Procedure{options: o}, nil
}

// State is for a session's file.
func (p *Procedure) State() any { return &p.state }

// bounds are the coldest and the warmest temperature met, °C.
func (p *Procedure) bounds() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, m := range p.state.Points {
		low, high = math.Min(low, m.Celsius), math.Max(high, m.Celsius)
	}
	return low, high
}

// span of the temperatures met, K.
func (p *Procedure) span() float64 {
	low, high := p.bounds()
	return math.Max(high-low, 0)
}

// Next is a further measure, until there are enough over a sufficient span.
func (p *Procedure) Next() (calibration.Step, int, bool) {
	n, o := len(p.state.Points), p.options
	step := calibration.Step{Name: fmt.Sprintf("point-%03d", n+1), Title: fmt.Sprintf("%.1f K of %g K so far", p.span(), o.Span), Frames: 2*o.Heights + o.Frames,
		Set: bench.Setting{Target: o.Board.Target, Light: o.Light, Exposure: o.Exposure, Z: distance(p.around())}}
	return step, max(o.Points, n+1), n < o.Points || p.span() < o.Span
}

// around is where focus is sought: where it was.
func (p *Procedure) around() float64 {
	if n := len(p.state.Points); n > 0 {
		return p.state.Points[n-1].Best
	}
	return float64(p.options.First) / float64(physic.MicroMetre)
}

func distance(um float64) physic.Distance {
	return physic.Distance(math.Round(um * float64(physic.MicroMetre)))
}

// Do waits, then takes one measure. When the temperature has not changed enough in
// the longest time, and still does not change, it says how much is missing.
func (p *Procedure) Do(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	m := &measure{Procedure: p, bench: b, step: step, tell: tell}
	if len(p.state.Points) > 0 {
		if err := b.Sleep(ctx, p.options.Every); err != nil {
			return err
		}
	}
	if len(p.state.Points) >= p.options.Longest {
		if err := m.moved(ctx); err != nil {
			return err
		}
	}
	point, err := m.take(ctx)
	if err != nil {
		return err
	}
	p.state.Points = append(p.state.Points, point)
	return nil
}

// measure is one point under way.
type measure struct {
	*Procedure
	bench bench.Bench
	step  calibration.Step
	tell  func(calibration.Reading)
	done  int
	sum   float64 // of temperatures, °C
}

// moved says how much of the span is missing, unless the temperature is now beyond
// what was met by a tenth of the span.
func (m *measure) moved(ctx context.Context) error {
	e, err := m.expose(ctx)
	if err != nil {
		return err
	}
	e.Release()
	now := m.sum
	m.done, m.sum = 0, 0
	low, high := m.bounds()
	if beyond := math.Max(low-now, now-high); beyond >= m.options.Span/10 {
		return nil
	}
	return &calibration.Wrong{What: fmt.Sprintf("the temperature changed by %.2f K in %d measures; %.2f K are missing", high-low, len(m.state.Points), m.options.Span-(high-low)),
		Remedy: "warm or cool the station by as much, slowly, then go on; or be content with less by --span"}
}

// take finds the best height, then looks at the plate there.
func (m *measure) take(ctx context.Context) (Point, error) {
	centre := m.around()
	best, unsharp := 0.0, error(nil)
	for range sweeps {
		heights, sharpness, err := m.sweep(ctx, centre)
		if err != nil {
			return Point{}, err
		}
		if best, _, unsharp = focus.Best(heights, sharpness); unsharp == nil {
			break
		}
		centre = sharpest(heights, sharpness)
	}
	if unsharp != nil {
		return Point{}, &calibration.Wrong{What: fmt.Sprintf("%v, up to %.4g ± %.4g µm", unsharp, centre, m.reach()),
			Remedy: "see that the plate is under the lens; give --first what kensa calibrate focus finds, or a wider --range"}
	}
	pixel, err := m.pixel(ctx, best)
	if err != nil {
		return Point{}, err
	}
	return Point{Celsius: m.sum / float64(m.done), Pixel: pixel, Best: best}, nil
}

// sweeps is how often the sweep follows a focus that lies at its end.
const sweeps = 3

func (m *measure) reach() float64 { return float64(m.options.Range) / float64(physic.MicroMetre) }

// sweep runs upwards through focus, so that backlash does not enter.
func (m *measure) sweep(ctx context.Context, centre float64) (heights, sharpness []float64, err error) {
	for k := range m.options.Heights {
		z := centre - m.reach() + 2*m.reach()*float64(k)/float64(m.options.Heights-1)
		s, err := m.sharpness(ctx, z)
		if err != nil {
			return nil, nil, err
		}
		heights, sharpness = append(heights, z), append(sharpness, s)
	}
	return heights, sharpness, nil
}

// sharpest is the height of the greatest sharpness.
func sharpest(heights, sharpness []float64) float64 {
	best := 0
	for k, s := range sharpness {
		if s > sharpness[best] {
			best = k
		}
	}
	return heights[best]
}

func (m *measure) sharpness(ctx context.Context, z float64) (float64, error) {
	set := m.step.Set
	set.Z = distance(z)
	if _, err := m.bench.Set(ctx, set); err != nil {
		return 0, err
	}
	a, err := m.expose(ctx)
	if err != nil {
		return 0, err
	}
	defer a.Release()
	b, err := m.expose(ctx)
	if err != nil {
		return 0, err
	}
	defer b.Release()
	return math.Max(focus.Sharpness(a, b, m.options.Black), 0), nil
}

// errCold means that there is no temperature to hold anything against.
var errCold = &calibration.Wrong{What: "no thermometer at the optics", Remedy: "connect one: [environment] in kensa.toml"}

func (m *measure) expose(ctx context.Context) (*bench.Exposure, error) {
	e, err := m.bench.Expose(ctx)
	if err != nil {
		return nil, err
	}
	if e.Temperature == 0 {
		e.Release()
		return nil, errCold
	}
	celsius := float64(e.Temperature-physic.ZeroCelsius) / float64(physic.Celsius)
	m.done++
	m.sum += celsius
	m.tell(calibration.Reading{Done: m.done, Name: "at", Value: celsius, Unit: "°C"})
	return e, nil
}

// pixel is the size of a pixel at a height, µm, by all frames' points together.
func (m *measure) pixel(ctx context.Context, z float64) (float64, error) {
	set := m.step.Set
	set.Z = distance(z)
	if _, err := m.bench.Set(ctx, set); err != nil {
		return 0, err
	}
	var poses [][]geometry.Match
	var width, height int
	for range m.options.Frames {
		e, err := m.expose(ctx)
		if err != nil {
			return 0, err
		}
		matches, err := m.options.Board.Part(e)
		width, height = e.Width, e.Height
		e.Release()
		if err != nil {
			return 0, err
		}
		poses = append(poses, matches)
	}
	fit, err := geometry.Solve(poses, width, height, len(poses[0]) >= geometry.Bends)
	if err != nil {
		return 0, err
	}
	return math.Sqrt(fit.PixelX * fit.PixelY), nil
}

// Result fits the lines.
func (p *Procedure) Result() (*calibration.Result, error) {
	if len(p.state.Points) < 5 || p.span() < p.options.Span {
		return nil, errors.New("temperature: too few measures, or over too small a span")
	}
	o := p.options
	var celsius, pixels, heights []float64
	for _, m := range p.state.Points {
		celsius, pixels, heights = append(celsius, m.Celsius), append(pixels, m.Pixel), append(heights, m.Best)
	}
	scale, z := fitLine(celsius, pixels), fitLine(celsius, heights)
	relative := func(v float64) float64 { return 1e6 * v / scale.value }
	r := &calibration.Result{
		Figures: []calibration.Figure{
			{Name: "scale", Title: "pixel size against temperature", Value: relative(scale.slope), Uncertainty: relative(scale.slopeOff), Unit: "ppm/K",
				Limits: calibration.Between(-o.MaxScale, o.MaxScale)},
			{Name: "focus", Title: "best focus against temperature", Value: z.slope, Uncertainty: z.slopeOff, Unit: "µm/K", Limits: calibration.Between(-o.MaxFocus, o.MaxFocus)},
			{Name: "scale-rest", Title: "pixel size off its line, rms", Value: relative(scale.rms), Unit: "ppm"},
			{Name: "focus-rest", Title: "best focus off its line, rms", Value: z.rms, Unit: "µm"},
			{Name: "span", Title: "temperatures met, from coldest to warmest", Value: p.span(), Unit: "K", Limits: calibration.AtLeast(o.Span)},
		},
		Parameters: map[string]float64{"enabled": 0, "reference_celsius": scale.middle, "pixel_um": scale.value, "best_z_um": z.value,
			"scale_ppm_per_k": relative(scale.slope), "focus_um_per_k": z.slope},
		Curves: []calibration.Curve{
			scale.curve("scale", "pixel size against temperature", "pixel / µm", celsius, pixels),
			z.curve("focus", "best focus against temperature", "z / µm", celsius, heights),
		},
	}
	if o.Enabled {
		r.Parameters["enabled"] = 1
		r.Notes = append(r.Notes, "the appliance corrects sizes by it, with [environment] and calibration.temperature in kensa.toml; the focus it cannot move")
	} else {
		r.Notes = append(r.Notes, "the correction is not applied; --enable switches it on")
	}
	if math.Abs(scale.slope) < scale.slopeOff && math.Abs(z.slope) < z.slopeOff {
		r.Notes = append(r.Notes, "no drift stands out of the scatter")
	}
	return r, nil
}

// line is y = value + slope·(x − middle) by least squares, middle being the mean of x;
// slopeOff is the slope's expanded uncertainty.
type line struct{ middle, value, slope, slopeOff, rms float64 }

func fitLine(x, y []float64) line {
	middle, _ := calibration.Moments(x)
	from := make([]float64, len(x))
	for i := range x {
		from[i] = x[i] - middle
	}
	f := leastsquares.FitLine(from, y, nil)
	return line{middle: middle, value: f.A, slope: f.B, slopeOff: calibration.Expand(f.Free) * f.Unit * f.Scatter(), rms: f.Scatter()}
}

func (l line) at(x float64) float64 { return l.value + l.slope*(x-l.middle) }

func (l line) curve(name, title, y string, at, values []float64) calibration.Curve {
	c := calibration.Curve{Name: name, Title: title, XTitle: "temperature / °C", YTitle: y, X: at, Y: values}
	for _, x := range at {
		c.Fit = append(c.Fit, l.at(x))
	}
	return c
}
