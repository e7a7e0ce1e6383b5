package main

import motion "kensa/calibration/stage" // stage is taken by doctor --latency

type stageCommand struct {
	calibrating
	plate
	lighting
	Reach         float64 `default:"200" help:"How far the stage moves from the middle, each way, µm."`
	Approach      float64 `default:"20" help:"From how far a place is approached, µm; more than the backlash."`
	Returns       int     `default:"15" help:"Returns to one place, and approaches from each side."`
	PitchError    float64 `default:"20" help:"The plate's own uncertainty, one standard deviation, ppm of the pitch."`
	MaxScale      float64 `default:"2" help:"Limit of a move's error in length, ‰."`
	MaxSquareness float64 `default:"2" help:"Limit of the axes' deviation from a right angle, mrad."`
	MaxBacklash   float64 `default:"2" help:"Limit of the backlash, µm."`
	MaxRepeat     float64 `default:"0.5" help:"Limit of the repeatability, one standard deviation, µm."`
}

// Run measures how the stage moves, on a plate of which any part may be in view.
func (s *stageCommand) Run(c console) error {
	options := motion.Defaults(s.board())
	options.Light, options.Exposure = s.Light, s.Exposure
	options.Reach, options.Approach, options.Returns, options.PitchError = s.Reach, s.Approach, s.Returns, s.PitchError*1e-6
	options.MaxScale, options.MaxSquareness, options.MaxBacklash, options.MaxRepeat = s.MaxScale, s.MaxSquareness, s.MaxBacklash, s.MaxRepeat
	p, err := motion.New(options)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	return s.measure(c, "stage", options, p)
}
