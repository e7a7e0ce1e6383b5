package trigger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"

	"kensa/hw/line"
)

// recorder is a pin that keeps what it was driven to, in an order common to all
// of its kind.
type recorder struct {
	gpiotest.Pin
	to  *[]string
	err error
}

func (r *recorder) Out(l gpio.Level) error {
	*r.to = append(*r.to, fmt.Sprintf("%s %v", r.N, l))
	return r.err
}

// given is a source of given pulses.
type given []Pulse

func (g *given) Next(context.Context) (Pulse, error) {
	if len(*g) == 0 {
		return Pulse{}, line.ErrClosed
	}
	p := (*g)[0]
	*g = (*g)[1:]
	return p, nil
}

type guard struct{ err error }

func (g guard) Allow(time.Duration, time.Duration) error { return g.err }
func (g guard) Shone(time.Duration, time.Duration) error { return nil }

// late is a guard that finds the lamp to have been on for too long.
type late struct{ guard }

func (late) Shone(at, width time.Duration) error {
	return fmt.Errorf("known %v", at > 0 && width > 0)
}

// TestALampThatWasOnTooLongIsTold, and the exposure counts: it was made.
func TestALampThatWasOnTooLongIsTold(t *testing.T) {
	var log []string
	var told error
	d := Driven{Positions: &given{{Time: line.Monotonic(), Sequence: 1}}, Observe: func(_ time.Duration, err error) { told = err },
		Shutter: &Pulser{Guard: late{}, Camera: Output{&recorder{Pin: gpiotest.Pin{N: "C"}, to: &log}, 0, 1}, Strobe: Output{&recorder{Pin: gpiotest.Pin{N: "S"}, to: &log}, 0, 100 * time.Microsecond}}}
	if p, err := d.Next(t.Context()); err != nil || p.Sequence != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if !errors.Is(told, ErrOverdriven) || told.Error() != "lamp overdriven: known true" {
		t.Errorf("told %v", told)
	}
}

func TestCameraAndStrobeArePulsedInTheirOrder(t *testing.T) {
	for name, c := range map[string]struct {
		cameraDelay, cameraWidth, strobeDelay, strobeWidth time.Duration
		want                                               []string
	}{
		"strobe within":  {0, 400 * time.Microsecond, 100 * time.Microsecond, 100 * time.Microsecond, []string{"C High", "S High", "S Low", "C Low"}},
		"strobe before":  {300 * time.Microsecond, 100 * time.Microsecond, 0, 100 * time.Microsecond, []string{"S High", "S Low", "C High", "C Low"}},
		"strobe longer":  {50 * time.Microsecond, 100 * time.Microsecond, 0, 400 * time.Microsecond, []string{"S High", "C High", "C Low", "S Low"}},
		"at one instant": {0, 100 * time.Microsecond, 0, 100 * time.Microsecond, []string{"C High", "S High", "C Low", "S Low"}},
	} {
		var log []string
		p := Pulser{Camera: Output{&recorder{Pin: gpiotest.Pin{N: "C"}, to: &log}, c.cameraDelay, c.cameraWidth},
			Strobe: Output{&recorder{Pin: gpiotest.Pin{N: "S"}, to: &log}, c.strobeDelay, c.strobeWidth}}
		at := line.Monotonic()
		asked, err := p.Expose(at)
		if err != nil || asked < at+c.cameraDelay || !slices.Equal(log, c.want) {
			t.Errorf("%s: asked %v after the pulse, %v, edges %v; want %v", name, asked-at, err, log, c.want)
		}
		if line.Monotonic() < at+max(c.cameraDelay+c.cameraWidth, c.strobeDelay+c.strobeWidth) {
			t.Errorf("%s: it was over too soon", name)
		}
	}
}

func TestAStrobeThatCannotBeDrivenIsLeftDark(t *testing.T) {
	var log []string
	strobe := &recorder{Pin: gpiotest.Pin{N: "S"}, to: &log}
	p := Pulser{Camera: Output{&recorder{Pin: gpiotest.Pin{N: "C"}, to: &log, err: errors.New("cut")}, time.Microsecond, time.Microsecond},
		Strobe: Output{strobe, 0, time.Second}}
	if _, err := p.Expose(line.Monotonic()); err == nil {
		t.Error("no error")
	}
	if !slices.Equal(log, []string{"S High", "C High", "S Low", "C Low"}) {
		t.Errorf("edges %v", log)
	}
}

// TestWithheldExposuresAreToldAndTheirPulsesCome: what is not exposed is a field
// that was not inspected, and no reason to stop.
func TestWithheldExposuresAreToldAndTheirPulsesCome(t *testing.T) {
	hot := errors.New("too hot")
	for name, c := range map[string]struct {
		at      time.Duration
		guard   Guard
		exposed int
	}{
		"well":    {0, guard{}, 1},
		"too hot": {0, guard{hot}, 0},
		"late":    {-time.Second, guard{}, 0},
	} {
		var log []string
		var told []error
		pulses := given{{Time: line.Monotonic() + c.at, Sequence: 7, Missed: 2}}
		threads := 0
		d := Driven{Positions: &pulses, Limit: 500 * time.Millisecond,
			Shutter: &Pulser{Guard: c.guard, Camera: Output{&recorder{Pin: gpiotest.Pin{N: "C"}, to: &log}, 0, 1}, Strobe: Output{&recorder{Pin: gpiotest.Pin{N: "S"}, to: &log}, 0, 1}},
			Observe: func(_ time.Duration, err error) { told = append(told, err) }, Thread: func() { threads++ }}
		p, err := d.Next(context.Background())
		if err != nil || p.Sequence != 7 || p.Missed != 2 {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		if len(log) != 4*c.exposed || len(told) != 1 || (told[0] == nil) != (c.exposed == 1) {
			t.Errorf("%s: edges %v, told %v", name, log, told)
		}
		if _, err := d.Next(context.Background()); !errors.Is(err, line.ErrClosed) || threads != 1 {
			t.Errorf("%s: at the end %v, %d threads", name, err, threads)
		}
	}
}

func TestSoftwareTrigger(t *testing.T) {
	asked := 0
	s := Software{Trigger: func() error { asked++; return nil }, Delay: time.Millisecond}
	at := line.Monotonic()
	if when, err := s.Expose(at); err != nil || asked != 1 || when < at+time.Millisecond {
		t.Errorf("%v, %d, %v", err, asked, when-at)
	}
}

func TestScheduleKeepsItsInterval(t *testing.T) {
	const interval = 3 * time.Millisecond
	open := false
	s := Schedule{Interval: interval, Open: func() bool { return open }}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	if _, err := s.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("behind a closed gate: %v", err)
	}
	open = true
	var first Pulse
	for n := range 5 {
		p, err := s.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			first = p
		}
		// Missed pulses count: the stage has gone on without them.
		if late := (p.Time - first.Time) - time.Duration(p.Sequence-first.Sequence)*interval; late != 0 {
			t.Errorf("pulse %d: %v off its interval", p.Sequence, late)
		}
		if n == 2 {
			time.Sleep(3 * interval) // a slow reader
		}
		if n == 3 && p.Missed < 1 {
			t.Error("missed pulses are not told")
		}
	}
}
