// Package light measures the illumination: how it warms up, how strong it is against
// its current, how even over the view, how steady.
//
// The strength is what the camera sees of a bare mirror: mean grey value above the
// dark level, DN, for each second of exposure. Each current has the exposure that
// gives the same grey value, so that a sensor whose response bends does not make the light seem to.
//
// A cold LED is brighter. Its strength after switching on is taken for
//
//	b·(1 + w·exp(−t/τ))
//
// with the excess w and the time constant τ, and against the part l of its full
// current for
//
//	b·l·(1 + c·(1−l)),
//
// which is 1 at full current and steeper than a line below it.
package light

import (
	"context"
	"fmt"
	"time"

	"kensa/calibration"
	"kensa/hw/bench"
)

// Options of the procedure.
type Options struct {
	// Working is the part of the light's full current at which the station works; its
	// evenness and flicker are measured there.
	Working float64
	// Lowest current of the row of Levels.
	Lowest float64
	Levels int
	// WarmUp is how long the light is watched after switching on at most, Every how often,
	// and Off how long it is left off before.
	WarmUp, Every, Off time.Duration
	// Frames of each level, and FlickerFrames for flicker and evenness.
	Frames, FlickerFrames int
	// Steady is the part within which a warming light counts as warm, %.
	Steady float64

	MaxWarmUp, MaxBend, MaxUneven, MaxFlicker float64 // %
}

// Defaults watch the light for three quarters of an hour at most.
func Defaults() Options {
	return Options{Working: 0.5, Lowest: 0.1, Levels: 10, WarmUp: 45 * time.Minute, Every: 30 * time.Second, Off: 45 * time.Minute, Frames: 8, FlickerFrames: 64, Steady: 0.2,
		MaxWarmUp: 10, MaxBend: 20, MaxUneven: 50, MaxFlicker: 0.5}
}

func (o Options) check() error {
	switch {
	case !(o.Working > 0 && o.Working <= 1):
		return fmt.Errorf("light: %v of its full current; want more than 0, at most 1", o.Working)
	case !(o.Lowest >= 0.01 && o.Lowest <= 0.5):
		return fmt.Errorf("light: lowest level %v of its full current; want 0.01 to 0.5", o.Lowest)
	case o.Levels < 4 || o.Levels > 100:
		return fmt.Errorf("light: %d levels; want 4 to 100", o.Levels)
	case o.Every <= 0 || o.WarmUp < 10*o.Every:
		return fmt.Errorf("light: watched for %v, every %v; want at least ten times as long", o.WarmUp, o.Every)
	case o.Off < 0:
		return fmt.Errorf("light: off for %v; want 0 or more", o.Off)
	case o.Frames < 2 || o.FlickerFrames < 16:
		return fmt.Errorf("light: %d frames a level, %d for flicker; want at least 2 and 16", o.Frames, o.FlickerFrames)
	case !(o.Steady > 0):
		return fmt.Errorf("light: steady within %v %%; want more than 0", o.Steady)
	}
	return nil
}

// Procedure measures a light.
type Procedure struct {
	options Options
	state   State
}

// State is what the procedure remembers from step to step.
type State struct {
	// Exposure at full current.
	Exposure time.Duration
	// Dark level, DN, at that exposure and at the lowest level's.
	Dark, DarkLong float64
	Darks          int // of the two, how many were measured
	// The two exposures, to the camera's own step.
	DarkShutter, DarkLongShutter time.Duration
	// Warming is the strength after switching on: s, DN/s.
	Times, Warming []float64
	Levels         []Level
	// Even and Odd are the means of each exposure's pixels, of every other one, DN:
	// what both share is the light's.
	Even, Odd []float64
	Patches   Patches
}

// Level is a current and the light's strength there.
type Level struct {
	Light    float64
	Strength float64 // DN/s
	Error    float64 // standard error
	Patches  Patches
}

// New prepares the procedure. It refuses options that give no result.
func New(o Options) (*Procedure, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return &Procedure{options: o}, nil
}

// State is for a session's file.
func (p *Procedure) State() any { return &p.state }

// target is the grey value that exposures are chosen for, a part of full scale.
const target = 0.5

// Next asks for the exposure at full current, dark frames, which leave the light
// time to cool, the warm-up, the levels from the strongest down, and the working level.
func (p *Procedure) Next() (calibration.Step, int, bool) {
	s, o := &p.state, p.options
	of := o.Levels + 5
	mirror := func(light float64) bench.Setting {
		return bench.Setting{Target: bench.Mirror, Light: light, Exposure: p.exposure(light)}
	}
	dark := func(light float64) bench.Setting {
		return bench.Setting{Target: bench.Cover, Exposure: p.exposure(light)}
	}
	switch {
	case s.Exposure == 0:
		return calibration.Step{Name: "range", Title: "exposure at full current", Frames: 1, Set: bench.Setting{Target: bench.Mirror, Light: 1, Exposure: shortest}}, of, true
	case s.Darks == 0:
		return calibration.Step{Name: "dark", Title: "dark frames", Frames: o.Frames, Set: dark(1)}, of, true
	case s.Darks == 1:
		return calibration.Step{Name: "dark-long", Title: "dark frames, long exposure", Frames: o.Frames, Set: dark(o.Lowest)}, of, true
	case s.Times == nil:
		return calibration.Step{Name: "warm-up", Title: fmt.Sprintf("mirror, light on for up to %v", o.WarmUp), Frames: int(o.WarmUp/o.Every) + 1, Set: mirror(o.Working)}, of, true
	case len(s.Levels) < o.Levels:
		l := p.level(len(s.Levels))
		return calibration.Step{Name: fmt.Sprintf("level-%02d", len(s.Levels)+1), Title: fmt.Sprintf("mirror at %.0f %% of the current", 100*l), Frames: o.Frames, Set: mirror(l)}, of, true
	case s.Even == nil:
		return calibration.Step{Name: "working", Title: fmt.Sprintf("mirror at %.0f %%, the working level", 100*o.Working), Frames: o.FlickerFrames, Set: mirror(o.Working)}, of, true
	}
	return calibration.Step{}, of, false
}

// level k of the row, from full current down.
func (p *Procedure) level(k int) float64 {
	return 1 - (1-p.options.Lowest)*float64(k)/float64(p.options.Levels-1)
}

// exposure that gives about the same grey value at a level.
func (p *Procedure) exposure(light float64) time.Duration {
	return time.Duration(float64(p.state.Exposure) / light)
}

// Do takes the step's exposures.
func (p *Procedure) Do(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	switch step.Name {
	case "range":
		return p.findRange(ctx, b, step, tell)
	case "dark", "dark-long":
		means, shutter, err := watch(ctx, b, step.Frames, nil, func(n int, m float64) { tell(reading(n, "mean", m, "DN")) })
		if err != nil {
			return err
		}
		m, _ := calibration.Moments(means)
		if step.Name == "dark" {
			p.state.Dark, p.state.DarkShutter = m, shutter
		} else {
			p.state.DarkLong, p.state.DarkLongShutter = m, shutter
		}
		p.state.Darks++
		return nil
	case "warm-up":
		return p.warm(ctx, b, step, tell)
	case "working":
		return p.working(ctx, b, step, tell)
	default:
		return p.measure(ctx, b, step, tell)
	}
}

func reading(n int, name string, v float64, unit string) calibration.Reading {
	return calibration.Reading{Done: n, Name: name, Value: v, Unit: unit}
}

// dark level at an exposure, between and beyond the two that were measured.
func (p *Procedure) dark(t time.Duration) float64 {
	short, long := p.state.DarkShutter, p.state.DarkLongShutter
	return p.state.Dark + (p.state.DarkLong-p.state.Dark)*float64(t-short)/float64(long-short)
}

// strength of the light by a mean grey value, DN/s.
func (p *Procedure) strength(mean float64, t time.Duration) float64 {
	return (mean - p.dark(t)) / t.Seconds()
}

// warm leaves the light off, then watches it from the moment it goes on until the
// warm-up is known, or the time is over. An interruption begins it anew: how warm the
// light was left is not known.
func (p *Procedure) warm(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	off := step.Set
	off.Light = 0
	if _, err := b.Set(ctx, off); err != nil {
		return err
	}
	if err := b.Sleep(ctx, p.options.Off); err != nil {
		return err
	}
	if _, err := b.Set(ctx, step.Set); err != nil {
		return err
	}
	var times, strengths []float64
	var start time.Duration
	for n := range step.Frames {
		e, err := b.Expose(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			start = e.Pulse
		}
		v := p.strength(mean(e), e.Shutter)
		times, strengths = append(times, (e.Pulse-start).Seconds()), append(strengths, v)
		spent := e.Pulse - start
		e.Release()
		over := p.settled(times, strengths)
		done := n + 1
		if over {
			done = step.Frames
		}
		tell(reading(done, "against the first", 100*(v/strengths[0]-1), "%"))
		if over {
			break
		}
		if err := b.Sleep(ctx, time.Duration(n+1)*p.options.Every-spent); err != nil {
			return err
		}
	}
	p.state.Times, p.state.Warming = times, strengths
	return nil
}

// settled reports that the warm-up is known: to as much as counts for steady, by a time
// that is surely one and a half of its time constant or more.
func (p *Procedure) settled(times, strengths []float64) bool {
	const few = 15
	if len(times) < few {
		return false
	}
	f := warmUp(times, strengths)
	return 100*f.wOff < p.options.Steady && times[len(times)-1] > 1.5*(f.tau+f.tOff)
}

// measure one level.
func (p *Procedure) measure(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	full := float64(int(1)<<b.Station().Format.Depth - 1)
	var patches Patches
	means, t, err := watch(ctx, b, step.Frames, &patches, func(n int, m float64) {
		r := reading(n, "mean", m, "DN")
		r.Band = calibration.Between(0.2*full, 0.8*full)
		tell(r)
	})
	if err != nil {
		return err
	}
	m, s := calibration.Moments(means)
	if m < 0.1*full || m > 0.85*full {
		return &calibration.Wrong{What: fmt.Sprintf("%.0f DN at %.0f %% of the current; about %.0f were expected", m, 100*step.Set.Light, target*full),
			Remedy: "see that the light follows its current, and that nothing else lights the mirror; then begin anew with --restart"}
	}
	p.state.Levels = append(p.state.Levels, Level{step.Set.Light, p.strength(m, t), s / t.Seconds() / sqrt(step.Frames), patches})
	return nil
}

// working looks at flicker and evenness.
func (p *Procedure) working(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	var patches Patches
	var even, odd []float64
	for n := range step.Frames {
		e, err := b.Expose(ctx)
		if err != nil {
			return err
		}
		x, y := halves(e)
		even, odd = append(even, x), append(odd, y)
		patches.add(e)
		e.Release()
		tell(reading(n+1, "mean", (x+y)/2, "DN"))
	}
	p.state.Even, p.state.Odd, p.state.Patches = even, odd, patches
	return nil
}

const (
	shortest = 50 * time.Microsecond
	longest  = time.Second
)

// findRange doubles the exposure until the mirror is bright enough to scale from.
func (p *Procedure) findRange(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	full := float64(int(1)<<b.Station().Format.Depth - 1)
	first, last, from := 0.0, 0.0, time.Duration(0)
	for t := shortest; t <= longest; t *= 2 {
		set := step.Set
		set.Exposure = t
		if _, err := b.Set(ctx, set); err != nil {
			return err
		}
		e, err := b.Expose(ctx)
		if err != nil {
			return err
		}
		var took time.Duration
		last, took = mean(e), e.Shutter
		e.Release()
		tell(reading(1, "mean at "+t.String(), last, "DN"))
		if t == shortest {
			first, from = last, took
			continue
		}
		if last > 0.3*full && last < 0.9*full && last > 1.5*first && took > from {
			p.state.Exposure = time.Duration((target*full-first)/(last-first)*float64(took-from)) + from
			return nil
		}
	}
	return &calibration.Wrong{What: fmt.Sprintf("exposures from %v to %v reach from %.0f to %.0f DN of %.0f", shortest, longest, first, last, full),
		Remedy: "see that the light is on and the mirror under the lens"}
}

// watch exposes n frames and returns their mean grey values, DN, and their exposure.
// patches, where not nil, get the view.
func watch(ctx context.Context, b bench.Bench, n int, patches *Patches, look func(n int, mean float64)) (means []float64, shutter time.Duration, err error) {
	for k := range n {
		e, err := b.Expose(ctx)
		if err != nil {
			return nil, 0, err
		}
		shutter = e.Shutter
		if patches != nil {
			patches.add(e)
		}
		means = append(means, mean(e))
		e.Release()
		look(k+1, means[k])
	}
	return means, shutter, nil
}

func mean(e *bench.Exposure) float64 {
	even, odd := halves(e)
	return (even + odd) / 2
}

// halves are the mean grey values of the pixels of one and of the other colour of a
// chessboard, DN.
func halves(e *bench.Exposure) (even, odd float64) {
	var sums, counts [2]float64
	for y := range e.Height {
		for x := range e.Width {
			k := (x + y) % 2
			sums[k], counts[k] = sums[k]+float64(e.At(x, y)), counts[k]+1
		}
	}
	return sums[0] / counts[0], sums[1] / counts[1]
}
