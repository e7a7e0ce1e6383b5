package training

import (
	"fmt"
	"math"
	"slices"

	"kensa/calibration"
	"kensa/vision/golden"
)

// Result says how well the golden is known and which dies were left out.
func (p *Procedure) Result() (*calibration.Result, error) {
	if len(p.state.Dies) == 0 {
		return nil, errNotLearnt
	}
	if p.last == nil { // the session was interrupted since
		k, err := p.know(p.state.Dies)
		if err != nil {
			return nil, err
		}
		p.last = &k
	}
	k := *p.last
	p.golden = k.golden
	o, taken := p.options, len(p.state.Dies)
	needed := k.needed(o.MaxError)
	r := &calibration.Result{
		Figures: []calibration.Figure{
			{Name: "sigma-error", Title: "σ's standard error, measured", Value: 100 * k.error, Uncertainty: 100 * calibration.Expand(k.free) * k.off, Unit: "%", Limits: calibration.AtMost(100 * o.MaxError)},
			{Name: "sigma-error-count", Title: "σ's standard error, by the number of dies", Value: 100 * errorByCount(k.dies), Unit: "%", Limits: calibration.AtMost(100 * o.MaxError)},
			{Name: "needed", Title: "good dies still needed", Value: float64(needed), Limits: calibration.AtMost(0)},
			{Name: "dies", Title: "good dies learnt from", Value: float64(k.dies), Limits: calibration.AtLeast(golden.MinDies)},
			{Name: "wafers", Title: "wafers that they are of", Value: float64(p.wafers()), Limits: calibration.AtLeast(2)},
			{Name: "left-out", Title: "dies left out", Value: 100 * float64(len(k.rejected)) / float64(taken), Unit: "%", Limits: calibration.AtMost(100 * o.MaxLeftOut)},
			{Name: "sigma", Title: "σ of good dies, median over pixels", Value: k.sigma, Unit: "grey levels of 256"},
		},
		Parameters: map[string]float64{"dies": float64(k.dies)},
		Of:         map[string]string{"recipe": p.product.Recipe, "recipe version": p.product.Version, "golden": k.golden.Hash()},
		Maps: []calibration.Map{
			{Name: "sigma", Title: "σ of good dies", Unit: "grey levels", Width: k.golden.Width, Height: k.golden.Height, Values: k.golden.Sigma()},
			{Name: "error", Title: "σ's relative standard error, by leaving dies out", Unit: "1", Width: k.golden.Width, Height: k.golden.Height, Values: k.errors},
		},
		Curves: []calibration.Curve{p.curve(k)},
	}
	if k.wander > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("other wafers would give a σ that differs by about %.0f %%, by what leaving out each of the %d says; more wafers make that less", 100*k.wander, p.wafers()))
	} else {
		r.Notes = append(r.Notes, "all dies are of one wafer: how wafers differ was not learnt")
	}
	p.say(r, k, needed)
	return r, nil
}

// wafers is how many the dies are of.
func (p *Procedure) wafers() int {
	seen := map[int]bool{}
	for _, d := range p.state.Dies {
		seen[d.From.Wafer] = true
	}
	return len(seen)
}

// say adds the notes.
func (p *Procedure) say(r *calibration.Result, k known, needed int) {
	note := func(format string, args ...any) { r.Notes = append(r.Notes, fmt.Sprintf(format, args...)) }
	switch {
	case needed == 0:
		note("%d dies are enough for σ to %.3g %%", k.dies, 100*p.options.MaxError)
	case len(p.state.Dies)+needed > p.options.MaxDies:
		note("%d dies more are needed for σ to %.3g %%: better from more wafers (--wafers); --max-dies allows for them", needed, 100*p.options.MaxError)
	default:
		note("%d dies more are needed for σ to %.3g %%, which these wafers do not have: take more wafers (--wafers)", needed, 100*p.options.MaxError)
	}
	for n, out := range k.rejected {
		if n == 8 {
			note("… and %d more were left out", len(k.rejected)-n)
			break
		}
		note("left out: %s: %s", out.Name, out.Reason)
	}
}

// curve is how σ's error falls with the number of dies: from what was measured, and
// by the number alone.
func (p *Procedure) curve(k known) calibration.Curve {
	c := calibration.Curve{Name: "sigma-error", Title: fmt.Sprintf("σ's standard error: from that of %d dies (points), and by their number alone (line)", k.dies), XTitle: "dies", YTitle: "standard error / %"}
	for n := 1; n <= 8; n++ {
		dies := max(golden.MinDies, k.dies*n/4)
		c.X, c.Y = append(c.X, float64(dies)), append(c.Y, 100*k.error*fall(dies)/fall(k.dies))
		c.Fit = append(c.Fit, 100*errorByCount(dies))
	}
	return c
}

// median of a plane; it is not changed.
func median(plane []float32) float64 {
	sorted := slices.Clone(plane)
	slices.Sort(sorted)
	if len(sorted) == 0 {
		return math.NaN()
	}
	return float64(sorted[len(sorted)/2])
}
