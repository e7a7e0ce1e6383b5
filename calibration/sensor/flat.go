package sensor

import (
	"context"
	"fmt"
	"time"

	"kensa/calibration"
	"kensa/hw/bench"
)

// FlatOptions of the procedure.
type FlatOptions struct {
	// Light is the part of the light's full current at which all is measured; the
	// exposure varies, because a light need not follow its current in a line.
	Light float64
	// Levels of signal between dark and saturation, Frames of each.
	Levels, Frames int
	// MapFrames at half of saturation and in the dark, for the pixels' differences.
	MapFrames int

	MaxPRNU, MaxLinearity, MaxShading, MaxDefective float64 // %
}

// DefaultFlat has 16 levels of 8 frames, and 64 frames for the map.
func DefaultFlat() FlatOptions {
	return FlatOptions{Light: 0.5, Levels: 16, Frames: 8, MapFrames: 64, MaxPRNU: 2, MaxLinearity: 1, MaxShading: 50, MaxDefective: 0.1}
}

func (o FlatOptions) check() error {
	switch {
	case !(o.Light > 0 && o.Light <= 1):
		return fmt.Errorf("flat: light %v of its full current; want more than 0, at most 1", o.Light)
	case o.Levels < 6 || o.Levels > 64:
		return fmt.Errorf("flat: %d levels; want 6 to 64", o.Levels)
	case o.Frames < 2 || o.MapFrames < 8 || o.MapFrames > maxFrames:
		return fmt.Errorf("flat: %d frames a level, %d for the map; want at least 2 and 8", o.Frames, o.MapFrames)
	}
	return nil
}

// Flat measures how the sensor turns light into grey values: photon transfer,
// linearity, saturation, and how its pixels and the light over them differ.
type Flat struct {
	options FlatOptions
	state   FlatState
}

// FlatState is what Flat remembers from step to step.
type FlatState struct {
	// Saturation is the exposure that just saturates.
	Saturation time.Duration
	// Levels are the summaries of each level's stack.
	Levels []Level
	// Plateau is the grey value that no light exceeds, DN.
	Plateau float64
	// Dark and Bright are for the map.
	Dark, Bright *stack
}

// Level is a point of the photon-transfer curve.
type Level struct {
	Exposure       time.Duration
	Mean, Variance float64 // DN, DN²
	Pairs          int
	Pixels         int
	Clipped        float64 // part of the pixels at full scale
}

// NewFlat prepares the procedure.
func NewFlat(o FlatOptions) (*Flat, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return &Flat{options: o}, nil
}

// State is for a session's file.
func (f *Flat) State() any { return &f.state }

// Next finds the range first, then asks for the map's dark and bright frames and
// for the levels, weakest first.
func (f *Flat) Next() (calibration.Step, int, bool) {
	s, o := &f.state, &f.options
	of := o.Levels + 4
	mirror := bench.Setting{Target: bench.Mirror, Light: o.Light, Exposure: s.Saturation}
	switch {
	case s.Saturation == 0:
		return calibration.Step{Name: "range", Title: "exposure that saturates", Frames: 1,
			Set: bench.Setting{Target: bench.Mirror, Light: o.Light, Exposure: shortest}}, of, true
	case s.Bright == nil:
		mirror.Exposure = s.Saturation / 2
		return calibration.Step{Name: "bright", Title: "mirror at half of saturation", Frames: o.MapFrames, Set: mirror}, of, true
	case len(s.Levels) < o.Levels:
		mirror.Exposure = f.exposure(len(s.Levels))
		return calibration.Step{Name: fmt.Sprintf("level-%02d", len(s.Levels)+1), Title: fmt.Sprintf("mirror, exposure %v", mirror.Exposure.Round(time.Microsecond)),
			Frames: o.Frames, Set: mirror}, of, true
	case s.Plateau == 0:
		mirror.Exposure = 2 * s.Saturation
		return calibration.Step{Name: "plateau", Title: "mirror, far overexposed", Frames: 2, Set: mirror}, of, true
	case s.Dark == nil:
		return calibration.Step{Name: "dark", Title: "dark frames of the same exposure", Frames: o.MapFrames,
			Set: bench.Setting{Target: bench.Cover, Exposure: s.Saturation / 2}}, of, true
	}
	return calibration.Step{}, of, false
}

// shortest exposure that the range is searched from, and the longest to.
const (
	shortest = 50 * time.Microsecond
	longest  = 4 * time.Second
)

// exposure of a level: evenly spaced from 3 % of saturation to 98 %.
func (f *Flat) exposure(level int) time.Duration {
	part := 0.03 + 0.95*float64(level)/float64(f.options.Levels-1)
	return time.Duration(part * float64(f.state.Saturation))
}

// Do takes the step's exposures.
func (f *Flat) Do(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	if step.Name == "range" {
		return f.findRange(ctx, b, step, tell)
	}
	full := float64(int(1)<<b.Station().Format.Depth - 1)
	s, err := take(ctx, b, step.Frames, func(done int, mean float64) {
		tell(calibration.Reading{Done: done, Name: "mean", Value: mean, Unit: "DN", Band: calibration.AtMost(full)})
	})
	if err != nil {
		return err
	}
	switch step.Name {
	case "bright":
		return f.bright(s)
	case "dark":
		f.state.Dark = s
	case "plateau":
		f.state.Plateau = s.mean()
	default:
		f.state.Levels = append(f.state.Levels, Level{Exposure: s.Shutter, Mean: s.mean(), Variance: s.temporal(), Pairs: s.Pairs,
			Pixels: len(s.Sum), Clipped: float64(s.Clipped) / float64(s.Frames*len(s.Sum))})
	}
	return nil
}

// bright keeps the map's stack unless what lies there is no mirror: grey values
// that differ by more than a light's shading does.
func (f *Flat) bright(s *stack) error {
	if low, high := s.span(0.02), s.span(0.98); high > 3*low {
		return &calibration.Wrong{What: fmt.Sprintf("the view is not even: %.0f to %.0f DN", low, high),
			Remedy: "put the bare mirror under the lens, in focus or a little out of it, and nothing else"}
	}
	f.state.Bright = s
	return nil
}

// findRange doubles the exposure until the sensor saturates.
func (f *Flat) findRange(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	full := float64(int(1)<<b.Station().Format.Depth - 1)
	dark, first, from := 0.0, 0.0, time.Duration(0)
	for t := shortest; t <= longest; t *= 2 {
		set := step.Set
		set.Exposure = t
		if _, err := b.Set(ctx, set); err != nil {
			return err
		}
		s, err := take(ctx, b, 1, func(_ int, mean float64) {
			tell(calibration.Reading{Done: 1, Name: "mean at " + t.String(), Value: mean, Unit: "DN", Band: calibration.AtMost(full)})
		})
		if err != nil {
			return err
		}
		if t == shortest {
			dark, first, from = s.mean(), s.mean(), s.Shutter
		}
		if m := s.mean(); m > 0.4*full && m > 2*first && s.Shutter > from {
			// The signal is proportional to the exposure but for the dark level, of
			// which the shortest exposure is nearly free.
			slope := (m - dark) / float64(s.Shutter-from)
			f.state.Saturation = time.Duration((0.97*full - dark) / slope)
			return nil
		}
	}
	return &calibration.Wrong{What: fmt.Sprintf("exposures of up to %v reach %.0f DN of %.0f", longest, first, full),
		Remedy: "see that the light is on and the mirror under the lens, or raise --light"}
}

// span is the grey value below which a part of the pixels' means lies, DN, by a
// sample of a thousand.
func (s *stack) span(part float64) float64 {
	var sample []float64
	for i := 0; i < len(s.Sum); i += max(1, len(s.Sum)/1000) {
		sample = append(sample, s.pixel(i))
	}
	return quantile(sample, part)
}
