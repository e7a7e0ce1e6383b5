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
