package sensor

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"kensa/calibration"
	"kensa/calibration/leastsquares"
	"kensa/hw/bench"
)

// DarkOptions of the procedure.
type DarkOptions struct {
	// Exposures to look at, shortest first. The dark signal's slope over them is the
	// dark current; the map is of the shortest.
	Exposures []time.Duration
	// Frames of each exposure.
	Frames int
	// Limits, all in DN of the full scale's percent where the name says so.
	MaxMean float64 // of the dark level, % of full scale
	MaxDSNU float64 // % of full scale
	MaxHot  float64 // hot pixels, % of all
}

// DefaultDark takes 64 frames at four exposures from the working one to 16 times it.
func DefaultDark(working time.Duration) DarkOptions {
	return DarkOptions{Exposures: []time.Duration{working, 4 * working, 8 * working, 16 * working}, Frames: 64, MaxMean: 6, MaxDSNU: 0.25, MaxHot: 0.1}
}

// Dark measures the sensor without light: offset, temporal noise, the pixels'
// differences, dark current, hot pixels.
type Dark struct {
	options DarkOptions
	state   DarkState
}

// DarkState is what Dark remembers from step to step.
type DarkState struct{ Stacks []*stack }

// NewDark prepares the procedure. It refuses options that give no result.
func NewDark(o DarkOptions) (*Dark, error) {
	if len(o.Exposures) < 2 || !slices.IsSorted(o.Exposures) || o.Exposures[0] == o.Exposures[len(o.Exposures)-1] {
		return nil, fmt.Errorf("dark: exposures %v; want at least two, growing", o.Exposures)
	}
	if o.Frames < 2 || o.Frames > maxFrames {
		return nil, fmt.Errorf("dark: %d frames; want 2 to %d", o.Frames, maxFrames)
	}
	return &Dark{options: o}, nil
}

// State is for a session's file.
func (d *Dark) State() any { return &d.state }

// Next is one step for each exposure.
func (d *Dark) Next() (calibration.Step, int, bool) {
	n, of := len(d.state.Stacks), len(d.options.Exposures)
	if n >= of {
		return calibration.Step{}, of, false
	}
	t := d.options.Exposures[n]
	return calibration.Step{
		Name: fmt.Sprintf("dark-%d", n+1), Title: fmt.Sprintf("dark frames of %v", t),
		Set: bench.Setting{Target: bench.Cover, Exposure: t}, Frames: d.options.Frames,
	}, of, true
}

// Do takes one exposure's stack. A mean far above the first stack's says that
// light comes in.
func (d *Dark) Do(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	full := float64(int(1)<<b.Station().Format.Depth - 1)
	band := calibration.AtMost(d.options.MaxMean / 100 * full)
	s, err := take(ctx, b, step.Frames, func(done int, mean float64) {
		tell(calibration.Reading{Done: done, Name: "mean", Value: mean, Unit: "DN", Band: band})
	})
	if err != nil {
		return err
	}
	if s.mean() > 0.25*full {
		return &calibration.Wrong{What: fmt.Sprintf("the dark frame's mean is %.0f DN of %.0f: light comes in", s.mean(), full),
			Remedy: "cover the lens, switch the light off"}
	}
	if s.High == 0 {
		return &calibration.Wrong{What: "every pixel is 0 DN: the camera cuts the dark signal off, noise cannot be seen",
			Remedy: "raise the camera's black level until the dark mean is some DN"}
	}
	d.state.Stacks = append(d.state.Stacks, s)
	return nil
}

// Result works out the figures; the maps are the dark level, DN, and the hot
// pixels, DN a second.
func (d *Dark) Result() (*calibration.Result, error) {
	first := d.state.Stacks[0]
	full := float64(int(1)<<first.Depth - 1)
	n := float64(len(first.Sum))
	mean, temporal, spatial := first.mean(), first.temporal(), max(first.spatial(), 0)
	current, spread, line := d.current()
	hot := d.hot()
	percent := 100 / full
	r := &calibration.Result{
		Figures: []calibration.Figure{
			{Name: "mean", Title: "dark level", Value: mean * percent, Unit: "% of full scale", Limits: calibration.AtMost(d.options.MaxMean),
				Uncertainty: calibration.K * percent * math.Sqrt((temporal/float64(first.Frames)+spatial)/n+1e-6)},
			{Name: "noise", Title: "temporal noise in the dark", Value: math.Sqrt(temporal), Unit: "DN",
				// Successive differences share an exposure: the variance of their mean square is
				// 3/2 of that of independent ones.
				Uncertainty: calibration.K / 2 * math.Sqrt(temporal) * math.Sqrt(3/(n*float64(first.Pairs)))},
			{Name: "dsnu", Title: "dark signal non-uniformity", Value: math.Sqrt(spatial) * percent, Unit: "% of full scale",
				Limits: calibration.AtMost(d.options.MaxDSNU), Uncertainty: calibration.K * percent * dsnuError(spatial, temporal/float64(first.Frames), n)},
			{Name: "current", Title: "dark current", Value: current, Uncertainty: calibration.K * spread, Unit: "DN/s"},
			{Name: "hot", Title: "hot pixels", Value: 100 * float64(len(hot)) / n, Unit: "% of pixels", Limits: calibration.AtMost(d.options.MaxHot)},
		},
		Parameters: map[string]float64{"dark_dn": mean, "noise_dn": math.Sqrt(temporal), "exposure_s": first.Shutter.Seconds()},
		Maps:       []calibration.Map{d.level()},
		Curves:     []calibration.Curve{line},
	}
	if temporal < 1./12 {
		r.Notes = append(r.Notes, "no noise can be seen in the dark: the camera's grey values are too coarse for it, or cut off")
	}
	if len(hot) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d hot pixels, the first at (%d, %d)", len(hot), hot[0]%first.Width, hot[0]/first.Width))
	}
	return r, nil
}

// dsnuError is the standard error of the root of a spatial variance that was
// found as the difference of a pixel means' variance and its noise part.
func dsnuError(spatial, noise, n float64) float64 {
	variance := (spatial + noise) * math.Sqrt(2/n)
	if spatial <= variance {
		return math.Sqrt(variance)
	}
	return variance / (2 * math.Sqrt(spatial))
}

// current fits a line to the dark level against the exposure: DN a second, its
// standard error, and the curve.
func (d *Dark) current() (slope, spread float64, c calibration.Curve) {
	c = calibration.Curve{Name: "dark-level", Title: "dark level against exposure", XTitle: "exposure / s", YTitle: "dark level / DN"}
	var variances []float64
	for _, s := range d.state.Stacks {
		c.X = append(c.X, s.Shutter.Seconds())
		c.Y = append(c.Y, s.mean())
		// Grey values are whole: that alone is a variance of 1/12 (EMVA 1288, 2.2).
		variances = append(variances, max(s.temporal(), 1./12)/float64(s.Frames)/float64(len(s.Sum)))
	}
	line := leastsquares.FitLine(c.X, c.Y, variances)
	for _, x := range c.X {
		c.Fit = append(c.Fit, line.At(x))
	}
	// Where the levels scatter more than their variances say, the error grows with that.
	return line.B, line.Unit * max(1, line.Scatter()), c
}

// hot lists pixels whose dark signal grows over the exposures by more than six
// of its own standard deviations and a thousandth of full scale beyond the others'.
func (d *Dark) hot() []int {
	first, last := d.state.Stacks[0], d.state.Stacks[len(d.state.Stacks)-1]
	full := float64(int(1)<<first.Depth - 1)
	typical := last.mean() - first.mean()
	sigma := math.Sqrt(first.temporal()/float64(first.Frames) + last.temporal()/float64(last.Frames))
	limit := max(6*sigma, full/1000)
	var out []int
	for i := range first.Sum {
		if last.pixel(i)-first.pixel(i)-typical > limit {
			out = append(out, i)
		}
	}
	return out
}

// level is the dark level by pixel at the shortest exposure.
func (d *Dark) level() calibration.Map {
	s := d.state.Stacks[0]
	m := calibration.Map{Name: "dark", Title: "dark level", Unit: "DN", Width: s.Width, Height: s.Height, Values: make([]float32, len(s.Sum))}
	for i := range m.Values {
		m.Values[i] = float32(s.pixel(i))
	}
	return m
}
