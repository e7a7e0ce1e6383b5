// Package latency measures when a camera exposes after its trigger pulse.
//
// A light flashes for a short time, a known delay after the pulse. A frame is
// as bright as the part of the flash that falls into its exposure: on the rising
// flank, where the flash straddles the exposure's beginning, each frame's
// brightness says when that exposure began,
//
//	begin = delay + flash · (1 − brightness/plateau),
//
// to a small part of the flash. What the camera's driver stamps on the frame is
// compared with that, since the appliance pairs pulses with frames by the stamp.
//
// A camera that runs by itself begins its exposures at no time of the pulse's. Of that
// one Free measures by how much the stamp is off the exposure, and its period.
package latency

import (
	"context"
	"fmt"
	"math"
	"time"

	"kensa/calibration"
	"kensa/hw/bench"
)

// Options of the procedure.
type Options struct {
	Exposure time.Duration // of each frame; longer than the flash
	Flash    time.Duration
	// Longest delay after the pulse at which the exposure may begin.
	Longest time.Duration
	// Frames on the flank.
	Frames int
	// MaxLatency and MaxJitter are the limits of the figures; MaxStamp of how far the
	// driver's time stamp is from the exposure.
	MaxLatency, MaxJitter, MaxStamp time.Duration
}

// Defaults fit a triggered industrial camera.
func Defaults() Options {
	return Options{Exposure: 2 * time.Millisecond, Flash: 400 * time.Microsecond, Longest: 50 * time.Millisecond, Frames: 200,
		MaxLatency: 20 * time.Millisecond, MaxJitter: 500 * time.Microsecond, MaxStamp: time.Millisecond}
}

// Procedure measures trigger latency and jitter.
type Procedure struct {
	options Options
	state   State
}

// State is what the procedure remembers from step to step.
type State struct {
	Dark []float64 // grey values without flash, DN
	// Coarse is about when the exposure begins: by the search to a half of the flash,
	// then Centred.
	Coarse         time.Duration
	Found, Centred bool
	Plateau        []float64       // grey values with the whole flash, DN
	Begin          []float64       // begins of exposures after their pulses, s
	Stamps         []time.Duration // frames' time stamps after their pulses
}

// New prepares the procedure. It refuses options that give no result.
func New(o Options) (*Procedure, error) {
	switch {
	case o.Flash < 10*time.Microsecond || o.Exposure < 3*o.Flash:
		return nil, fmt.Errorf("trigger: flash %v, exposure %v; want a flash of at least 10 µs and an exposure of three times it", o.Flash, o.Exposure)
	case o.Longest < o.Exposure:
		return nil, fmt.Errorf("trigger: longest latency %v; want at least the exposure, %v", o.Longest, o.Exposure)
	case o.Frames < 10:
		return nil, fmt.Errorf("trigger: %d frames; want at least 10", o.Frames)
	}
	return &Procedure{options: o}, nil
}

// State is for a session's file.
func (p *Procedure) State() any { return &p.state }

// Next asks for: frames without flash, a search, the whole flash, a few on the
// flank to find its middle, many on that.
func (p *Procedure) Next() (calibration.Step, int, bool) {
	s, o := &p.state, p.options
	set := bench.Setting{Target: bench.Blinker, Exposure: o.Exposure, Flash: o.Flash}
	const steps = 5
	switch {
	case s.Dark == nil:
		set.Flash = 0
		return calibration.Step{Name: "dark", Title: "without flash", Set: set, Frames: 16}, steps, true
	case !s.Found:
		return calibration.Step{Name: "search", Title: "search for the exposure", Set: set, Frames: p.searches()}, steps, true
	case s.Plateau == nil:
		set.FlashDelay = s.Coarse + o.Exposure/2
		return calibration.Step{Name: "plateau", Title: "the whole flash", Set: set, Frames: 32}, steps, true
	case !s.Centred:
		set.FlashDelay = max(0, s.Coarse-o.Flash/2)
		return calibration.Step{Name: "centre", Title: "middle of the exposure's beginning", Set: set, Frames: 16}, steps, true
	case len(s.Begin) == 0:
		set.FlashDelay = max(0, s.Coarse-o.Flash/2)
		return calibration.Step{Name: "flank", Title: "flash at the exposure's beginning", Set: set, Frames: o.Frames}, steps, true
	}
	return calibration.Step{}, steps, false
}

func (p *Procedure) searches() int { return int(p.options.Longest / (p.options.Flash / 2)) }

// Do takes the step's exposures.
func (p *Procedure) Do(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	if step.Name == "search" {
		return p.search(ctx, b, step, tell)
	}
	values, stamps, err := p.watch(ctx, b, step, tell)
	if err != nil {
		return err
	}
	switch step.Name {
	case "dark":
		return p.dark(values, stamps)
	case "plateau":
		return p.plateau(values)
	case "centre":
		var begins []float64
		for _, v := range values {
			begins = append(begins, p.begin(v, step.Set.FlashDelay))
		}
		middle, _ := calibration.Moments(begins)
		p.state.Coarse, p.state.Centred = time.Duration(middle*float64(time.Second)), true
	case "flank":
		return p.flank(values, stamps, step.Set.FlashDelay)
	}
	return nil
}

// watch exposes the step's frames and returns their mean grey values and the
// time stamps after the pulse.
func (p *Procedure) watch(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) (values []float64, stamps []time.Duration, err error) {
	for n := range step.Frames {
		if step.Name == "dark" { // at other times each, to see whether the exposure follows the pulse
			const longest = 0.05 // s; a camera's period
			if err := b.Sleep(ctx, duration(golden(n, longest))); err != nil {
				return nil, nil, err
			}
		}
		e, err := b.Expose(ctx)
		if err != nil {
			return nil, nil, err
		}
		values, stamps = append(values, e.Mean()), append(stamps, e.Time-e.Pulse)
		e.Release()
		r := calibration.Reading{Done: n + 1, Name: "mean", Value: values[n], Unit: "DN"}
		if step.Name == "flank" {
			r.Name, r.Value, r.Unit = "begins after", 1e6*p.begin(values[n], step.Set.FlashDelay), "µs"
		}
		tell(r)
	}
	return values, stamps, nil
}

// dark keeps the grey values without flash, unless the stamps show a camera that does
// not follow its trigger.
func (p *Procedure) dark(values []float64, stamps []time.Duration) error {
	if _, spread := calibration.Moments(seconds(stamps)); spread > 2*p.options.MaxJitter.Seconds() {
		low, high := bounds(stamps)
		return &calibration.Wrong{What: fmt.Sprintf("frames are stamped from %.3g to %.3g ms after their pulses: the camera seems to run by itself", 1e3*low, 1e3*high),
			Remedy: `set the camera to its trigger input, or trigger.mode = "free" for one that has none`}
	}
	p.state.Dark = values
	return nil
}

// search moves the flash later and later until a frame sees it.
func (p *Procedure) search(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	dark, noise := calibration.Moments(p.state.Dark)
	for n := range step.Frames {
		set := step.Set
		set.FlashDelay = time.Duration(n) * p.options.Flash / 2
		if _, err := b.Set(ctx, set); err != nil {
			return err
		}
		e, err := b.Expose(ctx)
		if err != nil {
			return err
		}
		v := e.Mean()
		e.Release()
		tell(calibration.Reading{Done: n + 1, Name: "mean at " + set.FlashDelay.String(), Value: v, Unit: "DN"})
		if v > dark+10*noise+2 {
			p.state.Coarse, p.state.Found = set.FlashDelay+p.options.Flash*3/4, true
			return nil
		}
	}
	return &calibration.Wrong{What: fmt.Sprintf("no frame saw a flash up to %v after the pulse", p.options.Longest),
		Remedy: "see that the blinking light is under the lens and wired to the trigger line, or raise --longest"}
}

// plateau keeps the whole flash's brightness unless it is lost in noise or saturates.
func (p *Procedure) plateau(values []float64) error {
	dark, _ := calibration.Moments(p.state.Dark)
	top, noise := calibration.Moments(values)
	if top-dark < 20*noise || top-dark < 5 {
		return &calibration.Wrong{What: fmt.Sprintf("the flash is %.1f ± %.1f DN bright: too weak or unsteady", top-dark, noise), Remedy: "a brighter or longer flash"}
	}
	p.state.Plateau = values
	return nil
}

// begin is when an exposure of a brightness began, s after its pulse.
func (p *Procedure) begin(v float64, delay time.Duration) float64 {
	dark, _ := calibration.Moments(p.state.Dark)
	top, _ := calibration.Moments(p.state.Plateau)
	return delay.Seconds() + p.options.Flash.Seconds()*(1-(v-dark)/(top-dark))
}

// flank keeps the begins, unless some lie before or after the flash.
func (p *Procedure) flank(values []float64, stamps []time.Duration, delay time.Duration) error {
	begins := make([]float64, len(values))
	off := 0
	flash := p.options.Flash.Seconds()
	for n, v := range values {
		begins[n] = p.begin(v, delay)
		if at := begins[n] - delay.Seconds(); at < 0.05*flash || at > 0.95*flash {
			off++
		}
	}
	if off > 0 {
		return &calibration.Wrong{What: fmt.Sprintf("%d of %d frames began outside the flash of %v: the jitter is too large for it", off, len(values), p.options.Flash),
			Remedy: "begin anew with a longer --flash"}
	}
	p.state.Begin, p.state.Stamps = begins, stamps
	return nil
}

// Result gives latency, jitter, and the window in which a frame belongs to a
// pulse: the stamps' range, widened by six jitters to each side.
func (p *Procedure) Result() (*calibration.Result, error) {
	o, s := p.options, &p.state
	latency, spread := calibration.Moments(s.Begin)
	dark, _ := calibration.Moments(s.Dark)
	top, noise := calibration.Moments(s.Plateau)
	seen := noise / (top - dark) * o.Flash.Seconds() // jitter that the brightness's own noise feigns
	jitter := math.Sqrt(max(spread*spread-seen*seen/2, 0))
	n := float64(len(s.Begin))
	// The plateau's mean is uncertain too, and shifts all begins alike.
	level := noise / (top - dark) / math.Sqrt(float64(len(s.Plateau))) * o.Flash.Seconds()
	stamp, stampSpread := calibration.Moments(seconds(s.Stamps))
	margin := 6*math.Max(stampSpread, jitter) + 100e-6
	low, high := bounds(s.Stamps)
	const micro = 1e6
	curve := calibration.Curve{Name: "begins", Title: "begin of exposure, frame by frame", XTitle: "frame", YTitle: "after the pulse / µs"}
	for i, v := range s.Begin {
		curve.X, curve.Y = append(curve.X, float64(i+1)), append(curve.Y, v*micro)
	}
	return &calibration.Result{
		Figures: []calibration.Figure{
			{Name: "latency", Title: "pulse to begin of exposure", Value: latency * micro, Unit: "µs", Limits: calibration.Between(0, o.MaxLatency.Seconds()*micro),
				Uncertainty: calibration.K * micro * math.Hypot(spread/math.Sqrt(n), level)},
			{Name: "jitter", Title: "jitter, one standard deviation", Value: jitter * micro, Unit: "µs", Limits: calibration.AtMost(o.MaxJitter.Seconds() * micro),
				Uncertainty: calibration.K * micro * spread / math.Sqrt(2*n)},
			{Name: "stamp", Title: "driver's time stamp after that begin", Value: (stamp - latency) * micro, Unit: "µs",
				Limits:      calibration.Between(-o.MaxStamp.Seconds()*micro, o.MaxStamp.Seconds()*micro),
				Uncertainty: calibration.K * micro * math.Hypot(math.Hypot(spread, stampSpread)/math.Sqrt(n), level)},
		},
		Parameters: map[string]float64{"window_min_us": max(0, low-margin) * micro, "window_max_us": (high + margin) * micro},
		Curves:     []calibration.Curve{curve},
	}, nil
}

func seconds(d []time.Duration) []float64 {
	out := make([]float64, len(d))
	for i := range d {
		out[i] = d[i].Seconds()
	}
	return out
}

func bounds(d []time.Duration) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range d {
		low, high = min(low, v.Seconds()), max(high, v.Seconds())
	}
	return low, high
}
