package latency

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"kensa/calibration"
	"kensa/calibration/leastsquares"
	"kensa/hw/bench"
)

// FreeOptions of the procedure for a camera that runs by itself.
type FreeOptions struct {
	Exposure time.Duration // of each frame; 0 for one that samples an instant
	Flash    time.Duration
	// Longest is how far the driver's stamp may be from the exposure.
	Longest time.Duration
	// Frames about the edge of the light.
	Frames int
	// Settle is how long after its pulse a field's exposure may begin.
	Settle time.Duration
	// MaxLatency, MaxJitter and MaxStamp are the limits of the figures; 0: none, but for
	// the jitter a quarter of the period.
	MaxLatency, MaxJitter, MaxStamp time.Duration
}

// FreeDefaults fit an industrial camera.
func FreeDefaults() FreeOptions {
	return FreeOptions{Exposure: 2 * time.Millisecond, Flash: 400 * time.Microsecond, Longest: 50 * time.Millisecond, Frames: 300}
}

// Free measures a camera that runs by itself, which no pulse triggers. A light flashes
// at any time between its exposures: a frame is as bright as the part of the flash that
// falls into its exposure, whole when this began before the flash, dark when it began
// after its end. So each frame says by how much the driver's stamp is later than its
// exposure's beginning, or a bound of that, and many frames both its mean and its
// scatter. The window then begins where no exposure can have begun too early, and is
// wide enough that a frame always begins in it.
type Free struct {
	options FreeOptions
	state   FreeState
}

// FreeState is what the procedure remembers from step to step.
type FreeState struct {
	Dark           []float64 // grey values without flash, DN
	Period, Uneven float64   // from stamp to stamp, its scatter about that, s
	PeriodOff      float64   // the period's standard error, s
	// Coarse is about how much later the stamp is than the exposure's beginning, s, and
	// CoarseOff by how much it may be off.
	Coarse, CoarseOff float64
	Found             bool
	Seen              []Sight
}

// Sight is a frame's grey value, DN, and its stamp after the flash's beginning, s.
type Sight struct{ After, Grey float64 }

// NewFree prepares the procedure. It refuses options that give no result.
func NewFree(o FreeOptions) (*Free, error) {
	switch {
	case o.Flash < 10*time.Microsecond || o.Exposure < 0:
		return nil, fmt.Errorf("trigger: flash %v, exposure %v; want a flash of at least 10 µs, and an exposure of 0 or more", o.Flash, o.Exposure)
	case o.Frames < 40:
		return nil, fmt.Errorf("trigger: %d frames; want at least 40 of a camera that runs by itself", o.Frames)
	case o.Settle < 0 || o.Longest <= 0:
		return nil, fmt.Errorf("trigger: settle %v, longest %v; want 0 or more, and more than 0", o.Settle, o.Longest)
	}
	return &Free{options: o}, nil
}

// State is for a session's file.
func (p *Free) State() any { return &p.state }

const (
	batch = 16  // frames of the search at one delay
	most  = 960 // frames of a search that has seen the light
	// instant is the exposure that the bench is set to for a camera that has none.
	instant = 10 * time.Microsecond
)

// Next asks for: frames without flash, a search, many about the edge of the light.
func (p *Free) Next() (calibration.Step, int, bool) {
	s, o := &p.state, p.options
	set := bench.Setting{Target: bench.Blinker, Exposure: max(o.Exposure, instant), Flash: o.Flash}
	const steps = 3
	switch {
	case s.Dark == nil:
		set.Flash = 0
		return calibration.Step{Name: "dark", Title: "without flash", Set: set, Frames: 32}, steps, true
	case !s.Found:
		set.FlashDelay = p.delay(0)
		return calibration.Step{Name: "search", Title: "search for the exposure", Set: set, Frames: batch * (2*p.reach() + 1)}, steps, true
	case len(s.Seen) == 0:
		set.FlashDelay = p.delay(s.Coarse)
		return calibration.Step{Name: "edge", Title: "flash at the exposure's beginning", Set: set, Frames: o.Frames}, steps, true
	}
	return calibration.Step{}, steps, false
}

// flank is for how long the light fades out: from the exposures that see the whole
// flash, or as much of it as they are long, to those that see none.
func (p *Free) flank() float64 { return min(p.options.Flash, p.options.Exposure).Seconds() }

// fade is how long after the flash's beginning an exposure begins that sees half of
// what it could.
func (p *Free) fade() float64 { return p.options.Flash.Seconds() - p.flank()/2 }

// plateau is for how long exposures begin that see all they could.
func (p *Free) plateau() float64 {
	return p.options.Flash.Seconds() + p.options.Exposure.Seconds() - 2*p.flank()
}

// delay is the flash's, after the time from which on frames count, for which their
// stamps lie about the light's end if they are so much later than the exposure.
func (p *Free) delay(stamp float64) time.Duration {
	return duration(p.state.Period/2 - stamp - p.fade())
}

// reach is how many half periods the search goes to either side.
func (p *Free) reach() int {
	return int(math.Ceil(2 * p.options.Longest.Seconds() / p.state.Period))
}

// Do takes the step's exposures.
func (p *Free) Do(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	switch step.Name {
	case "dark":
		return p.dark(ctx, b, step, tell)
	case "search":
		return p.search(ctx, b, step, tell)
	}
	return p.edge(ctx, b, step, tell)
}

// dark takes frames without flash, and from their stamps and numbers the period.
func (p *Free) dark(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	var greys, stamps, numbers []float64
	for n := range step.Frames {
		e, err := b.Expose(ctx)
		if err != nil {
			return err
		}
		greys, stamps, numbers = append(greys, e.Mean()), append(stamps, e.Time.Seconds()), append(numbers, float64(e.Sequence))
		full := float64(int(1)<<e.Depth - 1)
		e.Release()
		tell(calibration.Reading{Done: n + 1, Name: "mean", Value: greys[n], Unit: "DN"})
		if greys[n] > full/2 {
			return &calibration.Wrong{What: fmt.Sprintf("without a flash the frame's mean is %.0f DN of %.0f: light comes in", greys[n], full),
				Remedy: "shade the lens, and see that the blinking light is dark between its flashes"}
		}
	}
	period, off, rms, ok := evenly(numbers, stamps)
	if !ok {
		return errors.New("camera: its frames' times do not follow their numbers; want a driver that stamps and numbers them")
	}
	p.state.Dark, p.state.Period, p.state.PeriodOff, p.state.Uneven = greys, period, off, rms
	return nil
}

// evenly fits a line through stamps over frame numbers: its slope, that one's
// standard error, and the scatter about it.
func evenly(numbers, stamps []float64) (period, off, rms float64, ok bool) {
	x, y := make([]float64, len(numbers)), make([]float64, len(numbers))
	for n := range numbers {
		x[n], y[n] = numbers[n]-numbers[0], stamps[n]-stamps[0]
	}
	line := leastsquares.FitLine(x, y, nil)
	return line.B, line.Unit * line.Scatter(), line.Scatter(), line.B > 0
}

// search has the light flash earlier and later against the frames until some see it
// and others come after it.
func (p *Free) search(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	dark, noise := calibration.Moments(p.state.Dark)
	bright := dark + 10*noise + 2
	var seen []Sight
	for k := 0; k <= 2*p.reach(); {
		set := step.Set
		// 0, 1, -1, 2, -2 … half periods
		set.FlashDelay += duration(float64((k+1)/2*(2*(k&1)-1)) * p.state.Period / 2)
		if _, err := b.Set(ctx, set); err != nil {
			return err
		}
		for range batch {
			s, err := look(ctx, b, golden(len(seen), p.state.Period), set.FlashDelay)
			if err != nil {
				return err
			}
			seen = append(seen, s.Sight)
			tell(told(len(seen), s.Sight))
		}
		last, next, ok := ends(seen, bright)
		if ok && (next-last < p.plateau()/4 || len(seen) >= most) {
			p.state.Coarse, p.state.CoarseOff, p.state.Found = (last+next)/2-p.fade(), (math.Abs(next-last)+p.flank())/2, true
			return nil
		}
		if !ok {
			k++
		}
	}
	return &calibration.Wrong{What: fmt.Sprintf("no frame saw a flash within %v", p.options.Longest),
		Remedy: "see that the blinking light is under the lens, and wired to trigger.strobe; for a weak one --flash may be longer, as long as trigger.led allows"}
}

// ends are the latest frame that saw light, and the first that did not of those after
// half of the frames that did; false while there are too few of either. Where stamps
// scatter, the first comes after the second.
func ends(seen []Sight, bright float64) (last, next float64, ok bool) {
	var lit []float64
	for _, s := range seen {
		if s.Grey > bright {
			lit = append(lit, s.After)
		}
	}
	if len(lit) < 2 {
		return 0, 0, false
	}
	slices.Sort(lit)
	middle, last, next := lit[(len(lit)-1)/2], lit[len(lit)-1], math.Inf(1)
	beyond := 0
	for _, s := range seen {
		if s.Grey <= bright && s.After > middle {
			next = min(next, s.After)
			beyond++
		}
	}
	return last, next, beyond >= 3
}

// edge takes a few frames all over the period; then, as far as the camera keeps its
// time, half of them about where the light fades out, and the others closer to that.
func (p *Free) edge(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	aim := aim{period: p.state.Period, at: p.state.Coarse + p.fade(), around: p.state.CoarseOff + p.flank() + p.plateau()/2, flash: p.options.Flash.Seconds()}
	var seen []Sight
	for n := range step.Frames {
		if n == step.Frames/2 {
			rough, _, err := p.judge(seen)
			if err != nil {
				return err
			}
			aim.ready = 0 // that took its time
			aim.at, aim.around = rough.mean+p.fade(), max(4*rough.spread, 2*rough.meanOff, 1.5*p.flank())
		}
		wait := aim.wait(n)
		s, err := look(ctx, b, wait, step.Set.FlashDelay)
		if err != nil {
			return err
		}
		seen = append(seen, s.Sight)
		aim.saw(s, wait)
		tell(told(len(seen), s.Sight))
	}
	if _, _, err := p.judge(seen); err != nil {
		return err
	}
	p.state.Seen = seen
	return nil
}
