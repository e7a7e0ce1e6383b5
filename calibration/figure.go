package calibration

import (
	"fmt"
	"math"
	"strconv"
)

// K is the coverage factor: an expanded uncertainty is K standard errors. 2 would
// do if the standard error itself were known; it is estimated from few steps.
const K = 2.5

// Expand is the coverage factor for a standard error whose scatter was itself estimated
// with so many degrees of freedom: the quantile of Student's distribution that is
// as likely to be exceeded as K is of the normal one (expansion of Fisher and Cornish:
// Abramowitz and Stegun, 26.7.5). It is 2.7 for 20 degrees and 3.2 for 8.
func Expand(free float64) float64 {
	const z, z3, z5, z7 = K, K * K * K, K * K * K * K * K, K * K * K * K * K * K * K
	v := math.Max(free, 2)
	return z + (z3+z)/(4*v) + (5*z5+16*z3+3*z)/(96*v*v) + (3*z7+19*z5+17*z3-15*z)/(384*v*v*v)
}

// Figure is one measured quantity with its uncertainty and its limits.
type Figure struct {
	// Name identifies the figure within its procedure: "prnu".
	Name string `toml:"name" json:"name"`
	// Title is what a person reads: "photo-response non-uniformity".
	Title string  `toml:"title" json:"title"`
	Value float64 `toml:"value" json:"value"`
	// Uncertainty is expanded by the coverage factor K: the true value lies within
	// Value ± Uncertainty in at least 95 of 100 calibrations (GUM, JCGM 100:2008,
	// 6.2). 0 where the figure is a count or exact.
	Uncertainty float64 `toml:"uncertainty" json:"uncertainty"`
	// Unit of the value, its uncertainty and its limits: "%", "µm", "e⁻", "DN".
	Unit string `toml:"unit" json:"unit"`
	// Limits of the value.
	Limits Limits `toml:"limits" json:"limits"`
}

// Limits bound a figure; nil is no bound. Both nil: the figure informs only.
type Limits struct {
	Low  *float64 `toml:"low,omitempty" json:"low,omitempty"`
	High *float64 `toml:"high,omitempty" json:"high,omitempty"`
}

// AtLeast, AtMost and Between make limits.
func AtLeast(low float64) Limits       { return Limits{Low: &low} }
func AtMost(high float64) Limits       { return Limits{High: &high} }
func Between(low, high float64) Limits { return Limits{&low, &high} }

// Holds reports whether a value is within the limits. NaN never is.
func (l Limits) Holds(v float64) bool {
	return !math.IsNaN(v) && (l.Low == nil || v >= *l.Low) && (l.High == nil || v <= *l.High)
}

// None reports that there are no limits.
func (l Limits) None() bool { return l.Low == nil && l.High == nil }

// String prints the limits: "≤ 2", "≥ 5", "1 to 2", or nothing.
func (l Limits) String() string {
	switch {
	case l.None():
		return ""
	case l.Low == nil:
		return "≤ " + digits(*l.High, 0)
	case l.High == nil:
		return "≥ " + digits(*l.Low, 0)
	default:
		return digits(*l.Low, 0) + " to " + digits(*l.High, 0)
	}
}

// Verdict on a figure or on a result.
type Verdict string

// Verdicts.
const (
	Pass Verdict = "pass"
	Fail Verdict = "fail"
	// Informs is a figure without limits.
	Informs Verdict = "informs"
)

// Verdict compares the value with its limits. The uncertainty does not widen
// them: a limit is the station's, and leaves room for it.
func (f Figure) Verdict() Verdict {
	switch {
	case math.IsNaN(f.Value):
		return Fail
	case f.Limits.None():
		return Informs
	case f.Limits.Holds(f.Value):
		return Pass
	default:
		return Fail
	}
}

// String prints the value with as many digits as its uncertainty leaves
// meaning, the uncertainty and the unit: "0.6512 ± 0.0003 µm".
func (f Figure) String() string {
	s := digits(f.Value, f.Uncertainty)
	if f.Uncertainty > 0 {
		s += " ± " + digits(f.Uncertainty, f.Uncertainty)
	}
	if f.Unit != "" {
		s += " " + f.Unit
	}
	return s
}

// digits prints v so that two digits of u are seen; six significant ones where
// u is 0.
func digits(v, u float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) || !(u > 0) {
		return strconv.FormatFloat(v, 'g', 6, 64)
	}
	places := 1 - int(math.Floor(math.Log10(u)))
	return strconv.FormatFloat(v, 'f', max(0, min(places, 12)), 64)
}

// check refuses figures that a file or report could not carry.
func (f Figure) check() error {
	switch {
	case f.Name == "" || f.Title == "":
		return fmt.Errorf("calibration: figure %q titled %q; want both", f.Name, f.Title)
	case math.IsNaN(f.Value) || math.IsInf(f.Value, 0):
		return fmt.Errorf("calibration: figure %s is %v; want a number", f.Name, f.Value)
	case !(f.Uncertainty >= 0) || math.IsInf(f.Uncertainty, 0):
		return fmt.Errorf("calibration: figure %s has uncertainty %v; want 0 or more", f.Name, f.Uncertainty)
	}
	return nil
}

// Moments are a sample's mean and its standard deviation, by n − 1; of a single
// value that is 0.
func Moments(v []float64) (mean, sigma float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		sigma += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(sigma / max(1, float64(len(v)-1)))
}
