package store

import (
	"math"

	"kensa/calibration"
)

// Change is one figure in two calibrations.
type Change struct {
	Procedure string              `json:"procedure"`
	Name      string              `json:"name"`
	Before    *calibration.Figure `json:"before,omitempty"` // nil where it was not measured
	After     *calibration.Figure `json:"after,omitempty"`
}

// Score is the change over the uncertainty of the difference,
// (after − before) / √(U² + U²): the E_n number of ISO 13528:2022, 9.7. Within ±1 the
// two agree. False where one is missing, where the units differ, or where neither
// has an uncertainty.
func (c Change) Score() (score float64, known bool) {
	if c.Before == nil || c.After == nil || c.Before.Unit != c.After.Unit {
		return 0, false
	}
	u := math.Hypot(c.Before.Uncertainty, c.After.Uncertainty)
	if u == 0 {
		return 0, false
	}
	return (c.After.Value - c.Before.Value) / u, true
}

// Changes compare all figures of two calibrations, by procedure, in the order of
// the later one's; those that it no longer has come last.
func Changes(before, after *Calibration) []Change {
	var all []Change
	both := &Calibration{Sections: map[string]*Section{}}
	for _, c := range []*Calibration{before, after} {
		for name, s := range c.Sections {
			both.Sections[name] = s
		}
	}
	for _, procedure := range both.procedures() {
		all = append(all, changes(procedure, before.Sections[procedure], after.Sections[procedure])...)
	}
	return all
}

func changes(procedure string, before, after *Section) []Change {
	var all []Change
	for _, f := range after.figures() {
		c := Change{Procedure: procedure, Name: f.Name, After: &f}
		if was, ok := before.figure(f.Name); ok {
			c.Before = &was
		}
		all = append(all, c)
	}
	for _, f := range before.figures() {
		if _, still := after.figure(f.Name); !still {
			all = append(all, Change{Procedure: procedure, Name: f.Name, Before: &f})
		}
	}
	return all
}

// figures of a section that may be missing.
func (s *Section) figures() []calibration.Figure {
	if s == nil {
		return nil
	}
	return s.Figures
}

func (s *Section) figure(name string) (calibration.Figure, bool) {
	if s == nil {
		return calibration.Figure{}, false
	}
	return s.Figure(name)
}
