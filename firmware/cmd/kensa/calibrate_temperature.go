package main

import (
	"time"

	"periph.io/x/conn/v3/physic"

	"kensa/calibration/temperature"
)

type temperatureCommand struct {
	calibrating
	plate
	lighting
	Every    time.Duration `default:"10m" help:"Time between measures."`
	Points   int           `default:"12" help:"Measures that are taken at least."`
	Longest  int           `default:"150" help:"Measures after which a temperature that does not change is given up."`
	Span     float64       `default:"3" help:"By how much the temperature must change, K."`
	First    string        `default:"0µm" help:"Height about which focus is sought first: the result of kensa calibrate focus."`
	Range    string        `default:"8µm" help:"Heights of each sweep, ± about the best one before."`
	Heights  int           `default:"7" help:"Heights of each sweep."`
	Enable   bool          `help:"Let the appliance apply the correction."`
	MaxScale float64       `default:"50" help:"Limit of the scale's drift, ppm/K."`
	MaxFocus float64       `default:"2" help:"Limit of the focus's drift, µm/K."`
}

// Run measures drift of scale and focus while the temperature changes.
func (t *temperatureCommand) Run(c console) error {
	options := temperature.Defaults(t.board())
	options.Light, options.Exposure = t.Light, t.Exposure
	options.Every, options.Points, options.Longest, options.Span = t.Every, t.Points, t.Longest, t.Span
	options.Heights, options.Enabled, options.MaxScale, options.MaxFocus = t.Heights, t.Enable, t.MaxScale, t.MaxFocus
	var first, reach physic.Distance
	for text, to := range map[string]*physic.Distance{t.First: &first, t.Range: &reach} {
		if err := to.Set(text); err != nil {
			return fail(exitUsage, err, "give a length with its unit, such as 8µm")
		}
	}
	options.First, options.Range = first, reach
	var err error
	if options.Black, err = t.black(); err != nil {
		return err
	}
	p, err := temperature.New(options)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	return t.measure(c, "temperature", options, p)
}
