package rig_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"
	"periph.io/x/conn/v3/physic"

	"kensa/hw/bench/rig"
	"kensa/hw/light"
	"kensa/hw/line"
	"kensa/hw/trigger"
)

// pin counts its rises.
type pin struct {
	gpiotest.Pin
	rises int
	rose  time.Duration
}

func (p *pin) Out(l gpio.Level) error {
	if l == gpio.High {
		p.rises, p.rose = p.rises+1, line.Monotonic()
	}
	return p.Pin.Out(l)
}

var led = light.Limits{Current: physic.Ampere, Voltage: 3 * physic.Volt, Pulse: 10 * time.Second, Energy: 100 * physic.Joule, Duty: 0.5}

// TestDrivenLines: each exposure pulses the camera; a flash pulses the strobe after its
// delay, within what its lamp bears; without one the strobe stays dark.
func TestDrivenLines(t *testing.T) {
	camera, strobe := &pin{}, &pin{}
	d := &rig.Driven{LED: led, Pulser: trigger.Pulser{Guard: light.NewGuard(led),
		Camera: trigger.Output{Pin: camera, Width: 100 * time.Microsecond}, Strobe: trigger.Output{Pin: strobe, Width: time.Microsecond}}}
	pulse, err := d.Fire(t.Context(), 0, 0)
	if err != nil || camera.rises != 1 || strobe.rises != 0 || camera.rose < pulse || camera.L != gpio.Low {
		t.Errorf("%v: camera rose %d times, strobe %d", err, camera.rises, strobe.rises)
	}
	for range 3 { // again before the lamp has cooled: it waits
		pulse, err = d.Fire(t.Context(), 2*time.Millisecond, 400*time.Microsecond)
		if err != nil || strobe.rose < pulse+2*time.Millisecond {
			t.Errorf("%v: strobe %v after the pulse; want 2 ms", err, strobe.rose-pulse)
		}
	}
	if camera.rises != 4 || strobe.rises != 3 || strobe.L != gpio.Low {
		t.Errorf("camera rose %d times, strobe %d", camera.rises, strobe.rises)
	}
	if _, err := d.Fire(t.Context(), 0, time.Minute); err == nil || !strings.Contains(err.Error(), "longest pulse") || strobe.rises != 3 {
		t.Errorf("a flash that the lamp does not bear: %v", err)
	}
	d.Pulser.Strobe.Pin = nil
	if _, err := d.Fire(t.Context(), 0, time.Millisecond); err == nil || !strings.Contains(err.Error(), "trigger.strobe") {
		t.Errorf("a flash without a line: %v", err)
	}
}

// TestFlashed lights the strobe alone, and reckons the pulse back from when it was lit.
func TestFlashed(t *testing.T) {
	strobe := &pin{}
	f := &rig.Flashed{Driven: rig.Driven{LED: led, Pulser: trigger.Pulser{Guard: light.NewGuard(led), Strobe: trigger.Output{Pin: strobe, Width: time.Microsecond}}}}
	for n, delay := range []time.Duration{2 * time.Millisecond, -5 * time.Millisecond} {
		pulse, err := f.Fire(t.Context(), delay, 400*time.Microsecond)
		// The rise is stamped just before the line is driven.
		if err != nil || strobe.rises != n+1 || strobe.L != gpio.Low || pulse+delay > strobe.rose {
			t.Errorf("%v: pulse %v and delay %v; lit %d times, at %v", err, pulse, delay, strobe.rises, strobe.rose)
		}
	}
}

// TestCommandedCamera is asked once for each exposure, and cannot flash.
func TestCommandedCamera(t *testing.T) {
	asked := 0
	c := rig.Commanded{Software: trigger.Software{Trigger: func() error { asked++; return nil }}}
	if _, err := c.Fire(t.Context(), 0, 0); err != nil || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	if _, err := c.Fire(t.Context(), 0, time.Millisecond); err == nil || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}

// tool gives pulses of given times, and then none.
type tool struct{ times []time.Duration }

func (g *tool) Next(ctx context.Context) (trigger.Pulse, error) {
	if len(g.times) == 0 {
		<-ctx.Done()
		return trigger.Pulse{}, ctx.Err()
	}
	p := trigger.Pulse{Time: g.times[0]}
	g.times = g.times[1:]
	return p, nil
}

// TestAwaitedPulse is the tool's next, not one that waited in the line's buffer.
func TestAwaitedPulse(t *testing.T) {
	later := line.Monotonic() + time.Hour
	a := rig.Awaited{Pulses: &tool{[]time.Duration{0, 1, later}}}
	if pulse, err := a.Fire(t.Context(), 0, 0); err != nil || pulse != later {
		t.Errorf("%v, %v; want %v", pulse, err, later)
	}
	if _, err := a.Fire(t.Context(), 0, time.Millisecond); err == nil {
		t.Error("the tool's trigger flashes")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Fire(ctx, 0, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
