// Package calibration measures what the appliance must know of its camera,
// optics, light, stage and trigger, and says how well it knows it.
//
// A Procedure is a plan that unfolds: it says which step is missing next, takes
// the exposures of that step, and works out a Result when it has enough. It
// knows no terminal and no file; package session leads a person through it, can
// be interrupted after any step and resumed, and package store keeps what was
// accepted. Each procedure is a package of its own below this one.
//
// A Result carries figures with uncertainty and limits, for people; parameters,
// for the appliance; and maps and curves, for the report.
package calibration

import (
	"context"
	"errors"
	"fmt"
	"math"

	"kensa/hw/bench"
)

// Procedure measures one property of a station. It is used from one goroutine.
type Procedure interface {
	// Next returns the step that is missing and, with it, how many steps are
	// expected in all; false when there is enough for a result. It has no effect:
	// called again it says the same.
	Next() (step Step, of int, missing bool)
	// Do takes the step that Next returned, with the bench set for it, and tells
	// live readings. After an error the procedure is as before: the step is still
	// missing. A *Wrong says what a person must change before it is tried again.
	Do(ctx context.Context, b bench.Bench, step Step, tell func(Reading)) error
	// Result works out the figures from the steps taken.
	Result() (*Result, error)
	// State points to what the procedure must remember from step to step; encoding/gob
	// writes it after each step and reads it back when a session resumes.
	State() any
}

// Step is one thing to do: set the bench, then take exposures.
type Step struct {
	// Name identifies the step within its procedure: "bright-07".
	Name string
	// Title is what a person reads while it runs: "bright frames at 45 % light".
	Title string
	// Set is what the bench must be set to.
	Set bench.Setting
	// Ask is what a person must see to beside what the bench asks for: "tilt the
	// plate to the left, about 20°".
	Ask string
	// Frames is how many exposures the step takes, for the progress bar.
	Frames int
}

// Reading is what is seen live during a step: one after each exposure.
type Reading struct {
	// Done exposures of the step's Frames.
	Done int
	// Name and Value of the quantity watched, with its unit.
	Name  string
	Value float64
	Unit  string
	// Band is where the value should lie.
	Band Limits
}

// Wrong is what stands before the lens and should not, or is missing there. It
// asks for a person, not for a report.
type Wrong struct {
	What   string // "a chessboard of 9×7 corners; want 11×8"
	Remedy string // "put the plate that the station file names under the lens"
}

func (w *Wrong) Error() string { return w.What }

// Result is what a procedure found out.
type Result struct {
	// Figures in the order in which a report shows them.
	Figures []Figure `toml:"figure" json:"figures"`
	// Parameters are what the appliance works with, by name, in the unit that the
	// name ends in: "pixel_x_um".
	Parameters map[string]float64 `toml:"parameters" json:"parameters"`
	// Of names what was measured with, where that is not the station itself: "golden",
	// "recipe".
	Of map[string]string `toml:"of,omitempty" json:"of,omitempty"`
	// Notes for the person who reads the report, a sentence each.
	Notes []string `toml:"notes,omitempty" json:"notes,omitempty"`
	// Maps and Curves; a calibration file keeps the maps beside it.
	Maps   []Map   `toml:"-" json:"-"`
	Curves []Curve `toml:"curve,omitempty" json:"curves,omitempty"`
}

// Map is a quantity over the field of view or over the wafer: Width×Height
// values by rows, from the top left corner. NaN is a place without a value.
type Map struct {
	Name   string // within the procedure: "gain"
	Title  string
	Unit   string
	Width  int
	Height int
	Values []float32
}

// Curve is a quantity over another. Fit, where there is one, gives the model's
// value at each X; Low and High, where there are, its confidence band.
type Curve struct {
	Name   string    `toml:"name" json:"name"`
	Title  string    `toml:"title" json:"title"`
	XTitle string    `toml:"x_title" json:"x_title"` // with its unit: "light / %"
	YTitle string    `toml:"y_title" json:"y_title"`
	X      []float64 `toml:"x" json:"x"`
	Y      []float64 `toml:"y" json:"y"`
	Fit    []float64 `toml:"fit,omitempty" json:"fit,omitempty"`
	Low    []float64 `toml:"low,omitempty" json:"low,omitempty"`
	High   []float64 `toml:"high,omitempty" json:"high,omitempty"`
	// Bars draws Y as bars over Labels instead of points over X.
	Labels []string `toml:"labels,omitempty" json:"labels,omitempty"`
}

// Verdict is Fail if any figure fails.
func (r *Result) Verdict() Verdict {
	for _, f := range r.Figures {
		if f.Verdict() == Fail {
			return Fail
		}
	}
	return Pass
}

// Figure finds a figure by name; false if there is none.
func (r *Result) Figure(name string) (Figure, bool) {
	for _, f := range r.Figures {
		if f.Name == name {
			return f, true
		}
	}
	return Figure{}, false
}

// Check refuses a result that a file or report could not carry: no figures,
// values that are no numbers, maps and curves whose sizes do not fit.
func (r *Result) Check() error {
	if len(r.Figures) == 0 {
		return errors.New("calibration: a result without figures")
	}
	seen := map[string]bool{}
	for _, f := range r.Figures {
		if err := f.check(); err != nil {
			return err
		}
		if seen[f.Name] {
			return fmt.Errorf("calibration: figure %s twice", f.Name)
		}
		seen[f.Name] = true
	}
	for name, v := range r.Parameters {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("calibration: parameter %s is %v; want a number", name, v)
		}
	}
	for _, m := range r.Maps {
		if err := m.Check(); err != nil {
			return err
		}
	}
	for _, c := range r.Curves {
		if err := c.check(); err != nil {
			return err
		}
	}
	return nil
}

// Check refuses a map without a name or of another size than its values.
func (m *Map) Check() error {
	if m.Name == "" || m.Width < 1 || m.Height < 1 || len(m.Values) != m.Width*m.Height {
		return fmt.Errorf("calibration: map %q of %d×%d with %d values", m.Name, m.Width, m.Height, len(m.Values))
	}
	return nil
}

func (c *Curve) check() error {
	abscissae := len(c.X)
	if c.Labels != nil {
		abscissae = len(c.Labels)
	}
	if c.Name == "" || abscissae != len(c.Y) {
		return fmt.Errorf("calibration: curve %q with %d abscissae and %d values", c.Name, abscissae, len(c.Y))
	}
	for _, of := range [][]float64{c.Fit, c.Low, c.High} {
		if of != nil && len(of) != len(c.Y) {
			return fmt.Errorf("calibration: curve %q with %d values and a fit of %d", c.Name, len(c.Y), len(of))
		}
	}
	for _, v := range c.Y {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("calibration: curve %s has the value %v; want numbers", c.Name, v)
		}
	}
	return nil
}
