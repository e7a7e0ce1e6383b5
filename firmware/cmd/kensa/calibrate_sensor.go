package main

import (
	"time"

	"kensa/calibration/sensor"
)

type darkCommand struct {
	calibrating
	Exposure time.Duration `default:"20ms" help:"The working exposure; it and up to 16 times it are looked at."`
	Frames   int           `default:"64" help:"Frames of each exposure."`
}

// Run measures the sensor in the dark.
func (d *darkCommand) Run(c console) error {
	options := sensor.DefaultDark(d.Exposure)
	options.Frames = d.Frames
	p, err := sensor.NewDark(options)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	return d.measure(c, "dark", options, p)
}

type flatCommand struct {
	calibrating
	Light     float64 `default:"0.5" help:"Part of the light's full current, 0 to 1."`
	Levels    int     `default:"16" help:"Levels of signal between dark and saturation."`
	Frames    int     `default:"8" help:"Frames of each level."`
	MapFrames int     `default:"64" help:"Frames for the gain map, bright and dark."`
}

// Run measures the sensor and the light over it on a bare mirror.
func (f *flatCommand) Run(c console) error {
	options := sensor.DefaultFlat()
	options.Light, options.Levels, options.Frames, options.MapFrames = f.Light, f.Levels, f.Frames, f.MapFrames
	p, err := sensor.NewFlat(options)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	return f.measure(c, "flat", options, p)
}
