package main

import (
	"time"

	"kensa/calibration/latency"
)

type triggerCommand struct {
	calibrating
	Exposure time.Duration `default:"2ms" help:"Exposure of each frame."`
	Flash    time.Duration `default:"400us" help:"How long the blinking light shines."`
	Longest  time.Duration `default:"50ms" help:"Latest begin of an exposure after its pulse that is searched for."`
	Frames   int           `default:"200" help:"Frames at the exposure's beginning."`
}

// Run measures the latency from pulse to exposure, and with it the pairing window.
func (t *triggerCommand) Run(c console) error {
	options := latency.Defaults()
	options.Exposure, options.Flash, options.Longest, options.Frames = t.Exposure, t.Flash, t.Longest, t.Frames
	p, err := latency.New(options)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	return t.measure(c, "trigger", options, p)
}
