package main

import (
	"time"

	"kensa/calibration/light"
)

type illuminationCommand struct {
	calibrating
	Working    float64       `default:"0.5" help:"Part of the light's full current at which the station works, 0 to 1."`
	Lowest     float64       `default:"0.1" help:"Lowest part of the current that is looked at."`
	Levels     int           `default:"10" help:"Levels between that and full current."`
	WarmUp     time.Duration `default:"20m" help:"How long the light is left off, then watched after switching on at most; at least one and a half of its time constant."`
	Cold       bool          `help:"The light has been off for that long already: do not wait."`
	Every      time.Duration `default:"30s" help:"How often it is looked at while it warms up."`
	Steady     float64       `default:"0.2" help:"Change below which the light counts as warm, %."`
	MaxWarmUp  float64       `default:"10" help:"Limit of the warm-up, %."`
	MaxBend    float64       `default:"20" help:"Limit of the deviation from a line, % of full light."`
	MaxUneven  float64       `default:"50" help:"Limit of the light's fall over the view, %."`
	MaxFlicker float64       `default:"0.5" help:"Limit of the flicker, one standard deviation, %."`
}

// Run measures the light on a bare mirror.
func (l *illuminationCommand) Run(c console) error {
	options := light.Defaults()
	options.Working, options.Lowest, options.Levels = l.Working, l.Lowest, l.Levels
	options.WarmUp, options.Every, options.Steady = l.WarmUp, l.Every, l.Steady
	if options.Off = l.WarmUp; l.Cold {
		options.Off = 0
	}
	options.MaxWarmUp, options.MaxBend, options.MaxUneven, options.MaxFlicker = l.MaxWarmUp, l.MaxBend, l.MaxUneven, l.MaxFlicker
	p, err := light.New(options)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	return l.measure(c, "light", options, p)
}
