package main

import (
	"cmp"
	"time"

	"periph.io/x/conn/v3/physic"

	"kensa/calibration/focus"
)

type focusCommand struct {
	calibrating
	Light    float64       `default:"0.5" help:"Part of the light's full current, 0 to 1."`
	Exposure time.Duration `default:"8ms" help:"Exposure of each frame; the brightest squares must not saturate."`
	Range    string        `default:"60µm" help:"Heights of the first sweep, ± about the stage's zero."`
	Steps    int           `help:"Heights of each of the two sweeps; 25 unless given, and 13 at a real camera, where a person sets each."`
}

// Run finds the best focus over a chessboard, and the sharpness at an edge.
func (f *focusCommand) Run(c console) error {
	options := focus.Defaults()
	options.Light, options.Exposure = f.Light, f.Exposure
	real, err := f.handMoved()
	if err != nil {
		return err
	}
	if real {
		options.Steps = focus.ByHand
	}
	options.Steps = cmp.Or(f.Steps, options.Steps)
	var reach physic.Distance
	if err := reach.Set(f.Range); err != nil {
		return fail(exitUsage, err, "give a length with its unit, such as 60µm")
	}
	options.Range = reach
	if options.Black, err = f.black(); err != nil {
		return err
	}
	p, err := focus.New(options)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	if real {
		f.noteMoves(c, "focus", 2*options.Steps)
	}
	return f.measure(c, "focus", options, p)
}
