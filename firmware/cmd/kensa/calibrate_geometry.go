package main

import (
	"time"

	"kensa/calibration/geometry"
	"kensa/hw/bench"
)

// plate is the target of known pitch; the defaults are those of the simulated one.
type plate struct {
	Plate   string  `default:"chessboard" enum:"chessboard,circles,wafer" help:"What lies under the lens: chessboard, circles (a grid of dots), or wafer (dies between dark streets)."`
	Columns int     `default:"14" help:"Squares or dots from left to right; of a wafer they are not counted."`
	Rows    int     `default:"9" help:"Squares or dots from top to bottom."`
	Pitch   float64 `default:"52" help:"From square to square, dot to dot or die to die, in µm."`
}

func (p plate) board() geometry.Board {
	b := geometry.Board{Target: bench.Target(p.Plate), Columns: p.Columns, Rows: p.Rows, Pitch: p.Pitch}
	if b.Target == bench.Wafer {
		b.Columns, b.Rows = 0, 0
	}
	return b
}

// lighting is how the plate is seen.
type lighting struct {
	Light    float64       `default:"0.5" help:"Part of the light's full current, 0 to 1."`
	Exposure time.Duration `default:"8ms" help:"Exposure of each frame; the plate's bright parts must not saturate."`
}

type scaleCommand struct {
	calibrating
	plate
	lighting
	PitchError float64 `default:"20" help:"The plate's own uncertainty, one standard deviation, ppm of the pitch."`
	MaxSkew    float64 `default:"5" help:"Limit of the pixel axes' deviation from a right angle, mrad."`
	MaxError   float64 `default:"2" help:"Limit of a place's uncertainty anywhere in the view, µm."`
}

// Run measures the size of a pixel with the plate in one place.
func (s *scaleCommand) Run(c console) error {
	return s.run(c, "scale", func(o *geometry.Options) {})
}

func (s *scaleCommand) run(c console, name string, more func(*geometry.Options)) error {
	options := geometry.Defaults(s.board())
	options.Light, options.Exposure = s.Light, s.Exposure
	options.PitchError, options.MaxSkew, options.MaxError = s.PitchError*1e-6, s.MaxSkew, s.MaxError
	more(&options)
	p, err := geometry.New(options)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	return s.measure(c, name, options, p)
}

type geometryCommand struct {
	scaleCommand
	MaxDistortion float64 `default:"2" help:"Limit of the distortion at the view's corner, %."`
}

// Run measures scale and distortion with the plate in several places.
func (g *geometryCommand) Run(c console) error {
	return g.run(c, "geometry", func(o *geometry.Options) { o.Distortion, o.MaxDistortion = true, g.MaxDistortion })
}
