package light

import (
	"errors"
	"fmt"
	"math"

	"kensa/calibration"
)

// Result works out the figures.
func (p *Procedure) Result() (*calibration.Result, error) {
	o, s, k := p.options, &p.state, calibration.K
	if len(s.Levels) < 4 || len(s.Times) < 10 || len(s.Even) < 2 {
		return nil, errors.New("light: not all steps were taken")
	}
	warm := warmUp(s.Times, s.Warming)
	follows, ok := p.bend()
	form, formed := s.Patches.shape(p.dark(p.exposure(o.Working)))
	if !ok || !formed {
		return nil, errors.New("light: the levels do not determine how the light follows its current")
	}
	uneven, unevenError := form.uneven()
	even, _ := calibration.Moments(s.Even)
	odd, _ := calibration.Moments(s.Odd)
	flickers, flickerError := flicker(s.Even, s.Odd, (even+odd)/2-p.dark(p.exposure(o.Working)))
	levels := calibration.Expand(float64(len(s.Levels) - 2))
	r := &calibration.Result{
		Figures: []calibration.Figure{
			{Name: "warm-up", Title: "cold against warm", Value: 100 * warm.w, Uncertainty: 100 * warm.wOff, Unit: "%", Limits: calibration.Between(-o.MaxWarmUp, o.MaxWarmUp)},
			{Name: "bend", Title: "steeper than a line below full current by", Value: 100 * follows.c, Uncertainty: levels * 100 * follows.errorC, Unit: "%"},
			{Name: "linearity", Title: "largest deviation from a line, of full light", Value: 100 * follows.deviation, Uncertainty: levels * 100 * follows.errorDeviation, Unit: "%", Limits: calibration.AtMost(o.MaxBend)},
			{Name: "uneven", Title: "least light in the view below the most", Value: 100 * uneven, Uncertainty: k * 100 * unevenError, Unit: "%", Limits: calibration.AtMost(o.MaxUneven)},
			{Name: "flicker", Title: "flicker, one standard deviation", Value: 100 * flickers, Uncertainty: k * 100 * flickerError, Unit: "%", Limits: calibration.AtMost(o.MaxFlicker)},
		},
		Parameters: map[string]float64{"strength_dn_per_s": s.Levels[0].Strength, "bend": follows.c, "warm_up": warm.w},
		Maps:       []calibration.Map{p.evenness()},
		Curves:     []calibration.Curve{p.warmingCurve(warm), p.levelCurve(follows.c)},
	}
	if err := p.unevenness(r); err != nil {
		return nil, err
	}
	p.settle(r, warm)
	return r, nil
}

// unevenness follows the light's fall over the view against its current: LEDs of one
// row need not share it alike.
func (p *Procedure) unevenness(r *calibration.Result) error {
	c := calibration.Curve{Name: "unevenness", Title: "least light in the view below the most, against current", XTitle: "current / % of full", YTitle: "below the most / %"}
	var parts, errs []float64
	for _, l := range p.state.Levels {
		form, ok := l.Patches.shape(p.dark(p.exposure(l.Light)))
		if !ok {
			return errors.New("light: the view does not determine how even the light is")
		}
		part, off := form.uneven()
		c.X, c.Y = append(c.X, 100*l.Light), append(c.Y, 100*part)
		parts, errs = append(parts, part), append(errs, off)
	}
	last := len(parts) - 1
	r.Curves = append(r.Curves, c)
	r.Figures = append(r.Figures, calibration.Figure{Name: "uneven-change", Title: "unevenness, at the lowest current less at full", Value: 100 * (parts[last] - parts[0]),
		Uncertainty: calibration.K * 100 * math.Hypot(errs[last], errs[0]), Unit: "%"})
	return nil
}

// settle says how long the light takes to be steady, unless it hardly warms: the
// time constant is known only as far as there is something to see.
func (p *Procedure) settle(r *calibration.Result, warm warming) {
	steady := p.options.Steady / 100
	if math.Abs(warm.w) < 1.6*warm.wOff || !(warm.tOff < warm.tau) {
		r.Notes = append(r.Notes, "the light hardly changes while it warms up; no time constant can be told")
		r.Parameters["warm_up_s"] = 0
		return
	}
	wait := math.Max(0, warm.tau*math.Log(math.Abs(warm.w)/steady))
	r.Figures = append(r.Figures, calibration.Figure{Name: "settle", Title: "time constant of warming up", Value: warm.tau / 60, Uncertainty: warm.tOff / 60, Unit: "min"})
	r.Parameters["warm_up_s"], r.Parameters["settle_s"] = wait, warm.tau
	r.Notes = append(r.Notes, fmt.Sprintf("steady within %g %% from %.0f min after it was switched on", p.options.Steady, math.Ceil(wait/60)))
	if span := p.state.Times[len(p.state.Times)-1]; span < 1.5*warm.tau {
		r.Notes = append(r.Notes, fmt.Sprintf("it was watched for %.0f min only, less than one and a half time constants: begin anew with a longer --warm-up", span/60))
	}
}

// bend is strength = b·l·(1 + c·(1−l)). deviation is the largest distance of a level
// from the straight line from nothing to full light, as a part of full.
type bend struct{ c, errorC, deviation, errorDeviation float64 }

// bend fits it; false where the levels do not determine it.
func (p *Procedure) bend() (bend, bool) {
	var basis [][]float64
	var y []float64
	for _, l := range p.state.Levels {
		// Divided by l, each level counts alike, as flicker is a part of the light.
		basis, y = append(basis, []float64{1, 1 - l.Light}), append(y, l.Strength/l.Light)
	}
	f, ok := solve(basis, y)
	if !ok {
		return bend{}, false
	}
	c := f.x[1] / f.x[0]
	out := bend{c: c, errorC: math.Sqrt(f.covar.At(1, 1)+c*c*f.covar.At(0, 0)-2*c*f.covar.At(0, 1)) / f.x[0]}
	for _, l := range p.state.Levels {
		if d := math.Abs(l.Strength/f.x[0] - l.Light); d >= out.deviation {
			// The level's own scatter, and the full light's.
			out.deviation, out.errorDeviation = d, l.Light*math.Hypot(f.rms, math.Sqrt(f.covar.At(0, 0)))/f.x[0]
		}
	}
	return out, true
}

func (p *Procedure) warmingCurve(f warming) calibration.Curve {
	c := calibration.Curve{Name: "warm-up", Title: "light after switching on", XTitle: "time / min", YTitle: "of the warm light / %"}
	for i, t := range p.state.Times {
		c.X, c.Y = append(c.X, t/60), append(c.Y, 100*p.state.Warming[i]/f.b)
		c.Fit = append(c.Fit, 100*f.at(t)/f.b)
	}
	return c
}

func (p *Procedure) levelCurve(bend float64) calibration.Curve {
	c := calibration.Curve{Name: "current", Title: "light against current", XTitle: "current / % of full", YTitle: "light / % of full"}
	full := p.state.Levels[0].Strength
	for _, l := range p.state.Levels {
		c.X, c.Y = append(c.X, 100*l.Light), append(c.Y, 100*l.Strength/full)
		c.Fit = append(c.Fit, 100*l.Light*(1+bend*(1-l.Light)))
	}
	return c
}

// evenness is each patch against the brightest.
func (p *Procedure) evenness() calibration.Map {
	m := calibration.Map{Name: "evenness", Title: "light over the view, of the brightest patch", Unit: "%", Width: Columns, Height: Rows}
	dark, most := p.dark(p.exposure(p.options.Working)), 0.0
	for i, sum := range p.state.Patches.Sum {
		most = math.Max(most, sum/p.state.Patches.Count[i]-dark)
	}
	for i, sum := range p.state.Patches.Sum {
		m.Values = append(m.Values, float32(100*(sum/p.state.Patches.Count[i]-dark)/most))
	}
	return m
}
