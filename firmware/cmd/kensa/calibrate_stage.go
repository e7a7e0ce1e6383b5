package main

import (
	"cmp"
	"fmt"

	"kensa/calibration"
	motion "kensa/calibration/stage" // stage is taken by doctor --latency
	"kensa/hw/bench"
)

type stageCommand struct {
	calibrating
	plate
	lighting
	Reach         float64 `default:"200" help:"How far the stage moves from the middle, each way, µm."`
	Approach      float64 `default:"20" help:"From how far a place is approached, µm; more than the backlash."`
	Returns       int     `help:"Returns to one place, and approaches from each side; 15 unless given, and 5 by hand."`
	ByHand        bool    `help:"Spare moves, since a person makes each; so always at a real camera, unless --thorough."`
	Thorough      bool    `help:"Also where a person makes each move, as many as where the bench does."`
	Pattern       bool    `help:"Instead of a plate anything with structure lies under the lens, such as a wafer; the scale is that of the calibration in use."`
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
	real, err := s.handMoved()
	if err != nil {
		return err
	}
	if options.ByHand = !s.Thorough && (s.ByHand || real); options.ByHand {
		options.Returns = 5
	}
	options.Returns = cmp.Or(s.Returns, options.Returns)
	options.Reach, options.Approach, options.PitchError = s.Reach, s.Approach, s.PitchError*1e-6
	options.MaxScale, options.MaxSquareness, options.MaxBacklash, options.MaxRepeat = s.MaxScale, s.MaxSquareness, s.MaxBacklash, s.MaxRepeat
	if s.Pattern {
		if err := s.byPattern(&options); err != nil {
			return err
		}
	}
	p, err := motion.New(options)
	if err != nil {
		return fail(exitUsage, err, "")
	}
	if options.ByHand || real {
		s.noteMoves(c, "stage", p.Moves())
	}
	return s.measure(c, "stage", options, p)
}

// byPattern takes the scale, and how well it is known, from the calibration in use.
func (s *stageCommand) byPattern(o *motion.Options) error {
	loaded, err := s.load()
	if err != nil {
		return err
	}
	used, err := inUse(loaded)
	if err != nil {
		return explainStore(err)
	}
	_, section := used.Scale()
	if section == nil {
		return fail(exitInput, fmt.Errorf("stage by a pattern: calibration %s has no scale", used.Name()), "kensa calibrate scale, or geometry, measures it")
	}
	k := section.Parameters
	o.Board.Target = bench.Wafer
	o.Pattern = motion.Pattern{PixelX: k["pixel_x_um"], PixelY: k["pixel_y_um"], Skew: k["skew_rad"], Distortion: k["distortion"]}
	o.PitchError = 0
	for _, name := range []string{"pixel-x", "pixel-y"} {
		if f, ok := section.Figure(name); ok {
			o.PitchError = max(o.PitchError, f.Uncertainty/f.Value/calibration.K)
		}
	}
	return nil
}
