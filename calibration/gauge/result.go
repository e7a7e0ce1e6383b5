package gauge

import (
	"fmt"
	"math"
	"strings"

	"kensa/calibration"
)

// Limits of AIAG's rule: %GRR under good is good, to conditional it depends on
// what is measured for; at least categories groups must be told apart.
const (
	good        = 10
	conditional = 30
	categories  = 5
)

// Verdict is AIAG's word on a gauge: "good", "conditional" or "unfit".
func (c Components) Verdict() string {
	switch p := c.Percent(); {
	case !(p <= conditional) || c.Categories() < categories:
		return "unfit"
	case p >= good:
		return "conditional"
	default:
		return "good"
	}
}

// Result is what studies of several quantities say: for each %GRR by both
// methods, with the interval of the first, the number of categories, and what the
// spread is made of. The limits are those beyond which the gauge is unfit.
func Result(names []string, studies []Study) (*calibration.Result, error) {
	r := &calibration.Result{Parameters: map[string]float64{}}
	for n, s := range studies {
		if err := quantity(r, names[n], s); err != nil {
			return nil, fmt.Errorf("%s: %w", names[n], err)
		}
	}
	if len(r.Figures) == 0 {
		return nil, fmt.Errorf("gauge: %s", strings.Join(r.Notes, "; "))
	}
	return r, nil
}

func quantity(r *calibration.Result, name string, s Study) error {
	c, err := s.ANOVA()
	if err != nil {
		return err
	}
	if c.Total() == 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s: every reading is %.6g; nothing to tell apart", name, s[0][0][0]))
		return nil
	}
	low, high, err := s.Interval(Components.Percent)
	if err != nil {
		return err
	}
	id := strings.ReplaceAll(strings.ToLower(name), " ", "-")
	percent := c.Percent()
	r.Figures = append(r.Figures,
		calibration.Figure{Name: id + "-grr", Title: name + ": %GRR (ANOVA)", Value: percent, Unit: "%",
			Uncertainty: max(percent-low, high-percent), Limits: calibration.AtMost(conditional)})
	if byRange, err := s.Ranges(); err == nil {
		r.Figures = append(r.Figures, calibration.Figure{Name: id + "-grr-range", Title: name + ": %GRR (ranges)", Value: byRange.Percent(), Unit: "%"})
	} else {
		r.Notes = append(r.Notes, name+": "+err.Error())
	}
	r.Figures = append(r.Figures, calibration.Figure{Name: id + "-ndc", Title: name + ": categories (ndc)", Value: float64(c.Categories()),
		Limits: calibration.AtLeast(categories)})
	r.Notes = append(r.Notes, fmt.Sprintf("%s: %s; %%GRR %.2f %%, with 95 %% probability %.2f to %.2f %%; of the variance, measuring adds %.2f %%",
		name, c.Verdict(), percent, low, high, 100*c.GRR()/c.Total()))
	share := func(v float64) float64 { return 100 * math.Sqrt(v/c.Total()) }
	r.Curves = append(r.Curves, calibration.Curve{Name: id + "-components", Title: "spread of " + name, YTitle: "standard deviation, % of the total's",
		Labels: []string{"repeatability", "operator", "part×operator", "gauge R&R", "part"},
		Y:      []float64{share(c.Repeatability), share(c.Operator), share(c.Interaction), percent, share(c.Part)}})
	return nil
}
