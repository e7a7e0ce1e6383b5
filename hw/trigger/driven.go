package trigger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/gpio"

	"kensa/hw/line"
)

// Shutter makes the camera expose.
type Shutter interface {
	// Expose answers the position pulse that happened at a time on the lines'
	// clock. It returns when the exposure was asked for. It blocks until the
	// camera may be asked again.
	Expose(at time.Duration) (asked time.Duration, err error)
}

// ErrWithheld means that there was no exposure, since the strobe's lamp or the
// stage's standstill would not have borne it. The next pulse is tried again.
var ErrWithheld = errors.New("exposure withheld")

// ErrOverdriven means that the strobe's lamp was on for longer than it bears, for
// the machine was late to switch it off.
var ErrOverdriven = errors.New("lamp overdriven")

// Driven is a Source that answers each position pulse with an exposure: the
// appliance, not the tool, drives camera and strobe.
//
// A pulse keeps the time of the position: pairing's window then holds against
// the standstill of the stage, whatever the appliance's own delay. An exposure
// that was withheld is told to Observe; its pulse comes without a frame.
type Driven struct {
	Positions Source
	Shutter   Shutter
	// Delay is the set time from position to exposure.
	Delay time.Duration
	// Limit is how much later than that the exposure may begin: beyond it the
	// stage may have moved on, and it is withheld. 0 means no limit.
	Limit time.Duration
	// Observe is told how late each exposure was asked for, or why it was not.
	// Nil: nobody asks.
	Observe func(lateness time.Duration, err error)
	// Thread is called once, in the goroutine that calls Next, to set up its
	// thread; nil: nothing.
	Thread func()
}

// Next implements Source. It returns an error of the lines themselves only.
func (d *Driven) Next(ctx context.Context) (Pulse, error) {
	if d.Thread != nil {
		d.Thread()
		d.Thread = nil
	}
	p, err := d.Positions.Next(ctx)
	if err != nil {
		return p, err
	}
	due := p.Time + d.Delay
	if late := line.Monotonic() - due; d.Limit > 0 && late > d.Limit {
		d.observe(late, fmt.Errorf("%w: %v late; limit is %v", ErrWithheld, late, d.Limit))
		return p, nil
	}
	asked, err := d.Shutter.Expose(p.Time)
	if err != nil && !errors.Is(err, ErrWithheld) && !errors.Is(err, ErrOverdriven) {
		return p, fmt.Errorf("trigger: %w", err)
	}
	d.observe(asked-due, err)
	return p, nil
}

func (d *Driven) observe(late time.Duration, err error) {
	if d.Observe != nil {
		d.Observe(late, err)
	}
}

// Output is one line of a hardware shutter.
type Output struct {
	Pin   gpio.PinOut // nil: not wired
	Delay time.Duration
	Width time.Duration
}

// Guard says whether a lamp bears another pulse.
type Guard interface {
	// Allow is asked before each pulse of a width that begins at a time on the
	// lines' clock, and counts it when it says yes.
	Allow(at, width time.Duration) error
	// Shone tells it how long the lamp was on in truth, and reports what that was too
	// much for.
	Shone(at, width time.Duration) error
}

// Pulser is a Shutter of lines: the camera's trigger input, and a strobe.
type Pulser struct {
	Camera, Strobe Output
	Guard          Guard // of the strobe's lamp; nil: none
}

// step is one edge of the answer.
type step struct {
	at    time.Duration
	pin   gpio.PinOut
	level gpio.Level
}

// Expose implements Shutter. Both lines are low afterwards, also on an error. Without
// a camera's line, what was asked for is the strobe's light.
func (s *Pulser) Expose(at time.Duration) (time.Duration, error) {
	if s.Guard != nil && s.Strobe.Pin != nil {
		if err := s.Guard.Allow(at+s.Strobe.Delay, s.Strobe.Width); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrWithheld, err)
		}
	}
	steps, n := s.steps(at)
	var asked, lit, dark time.Duration
	for _, step := range steps[:n] {
		line.HoldUntil(step.at)
		switch now := line.Monotonic(); {
		case step.pin == s.Camera.Pin && bool(step.level):
			asked = now
		case step.pin == s.Strobe.Pin && bool(step.level):
			lit = now
			if s.Camera.Pin == nil {
				asked = now
			}
		}
		if err := step.pin.Out(step.level); err != nil {
			return asked, errors.Join(err, s.dark())
		}
		if step.pin == s.Strobe.Pin && !bool(step.level) {
			dark = line.Monotonic()
		}
	}
	if s.Guard != nil && s.Strobe.Pin != nil {
		if err := s.Guard.Shone(lit, dark-lit); err != nil {
			return asked, fmt.Errorf("%w: %w", ErrOverdriven, err)
		}
	}
	return asked, nil
}

// steps are the edges in the order of their times. There are at most four, so
// that a pulse allocates nothing.
func (s *Pulser) steps(at time.Duration) (steps [4]step, n int) {
	for _, o := range [...]Output{s.Camera, s.Strobe} {
		if o.Pin == nil {
			continue
		}
		for _, edge := range [...]step{{at + o.Delay, o.Pin, gpio.High}, {at + o.Delay + o.Width, o.Pin, gpio.Low}} {
			k := n
			for ; k > 0 && steps[k-1].at > edge.at; k-- {
				steps[k] = steps[k-1]
			}
			steps[k] = edge
			n++
		}
	}
	return steps, n
}

// dark takes both lines down: a strobe must not stay on.
func (s *Pulser) dark() error {
	var errs []error
	for _, o := range [...]Output{s.Strobe, s.Camera} {
		if o.Pin != nil {
			errs = append(errs, o.Pin.Out(gpio.Low))
		}
	}
	return errors.Join(errs...)
}

// Software is a Shutter that asks the camera itself, over its own link.
type Software struct {
	Trigger func() error
	Delay   time.Duration
}

// Expose implements Shutter.
func (s Software) Expose(at time.Duration) (time.Duration, error) {
	line.WaitUntil(at + s.Delay)
	asked := line.Monotonic()
	return asked, s.Trigger()
}

// Schedule is a Source of its own pulses, at an even interval for as long as the
// gate is open: for a stage that runs at constant speed and gives no pulses.
type Schedule struct {
	Interval time.Duration
	// Open reports whether there is anything to expose; it is asked before each pulse.
	Open func() bool

	next     time.Duration
	sequence uint64
}

// idle is how often a closed gate is looked at.
const idle = time.Millisecond

// Next implements Source. The first pulse after the gate opened comes at once. A
// pulse that its reader was too late for is told as missed.
func (s *Schedule) Next(ctx context.Context) (Pulse, error) {
	for !s.Open() {
		s.next = 0
		if err := pause(ctx, idle); err != nil {
			return Pulse{}, err
		}
	}
	now := line.Monotonic()
	if s.next == 0 {
		s.next = now
	}
	var missed uint64
	for ; s.next+s.Interval <= now; s.next += s.Interval {
		missed++
	}
	if err := pause(ctx, s.next-now); err != nil {
		return Pulse{}, err
	}
	p := Pulse{Time: s.next, Sequence: s.sequence + missed + 1, Missed: missed}
	s.sequence, s.next = p.Sequence, s.next+s.Interval
	return p, nil
}

// pause waits, unless the context ends first.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
