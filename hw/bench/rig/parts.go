package rig

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"kensa/hw/camera/v4l2"
	"kensa/hw/light"
	"kensa/hw/line"
	"kensa/hw/trigger"
)

// Monotonic is the clock of the kernel's edges and V4L2's frames.
type Monotonic struct{}

// Now implements Clock.
func (Monotonic) Now() time.Duration { return line.Monotonic() }

// Sleep implements Clock.
func (Monotonic) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Driven is a Trigger of lines: the camera's, and the strobe's, which carries the
// flash.
type Driven struct {
	Pulser trigger.Pulser
	// LED bounds what the strobe's light bears.
	LED light.Limits
}

// retries of an exposure whose flash the machine was late to end.
const retries = 3

// ahead is how long before its pulse an exposure is prepared.
const ahead = time.Millisecond

// Fire implements Trigger.
func (d *Driven) Fire(ctx context.Context, delay, flash time.Duration) (time.Duration, error) {
	p := d.Pulser
	switch {
	case flash == 0:
		p.Strobe.Pin = nil
	case p.Strobe.Pin == nil:
		return 0, errors.New("flash: no line; wire the blinking light and name it as trigger.strobe")
	default:
		if err := d.LED.Check(flash); err != nil {
			return 0, fmt.Errorf("flash: trigger.led: %w", err)
		}
		p.Strobe.Delay, p.Strobe.Width = delay, flash
	}
	for overdriven := 0; ; {
		at := line.Monotonic() + ahead
		asked, err := p.Expose(at)
		if p.Camera.Pin == nil {
			at = asked // with the light's own time nothing hangs on the machine's lateness
		}
		switch {
		case errors.Is(err, trigger.ErrOverdriven) && overdriven < retries:
			overdriven++ // its frame, of too long a flash, is older than the next pulse
		case !errors.Is(err, light.ErrTooHot):
			return at, err
		}
		if err := (Monotonic{}).Sleep(ctx, flash); err != nil { // until the lamp has cooled
			return 0, err
		}
	}
}

// Flashed is a Blinker on the strobe's line, for a camera that runs by itself.
type Flashed struct{ Driven }

// Fire implements Trigger: the light is lit now, and the pulse reckoned back from
// when it was.
func (f *Flashed) Fire(ctx context.Context, delay, flash time.Duration) (time.Duration, error) {
	lit, err := f.Driven.Fire(ctx, 0, flash)
	return lit - delay, err
}

// Commanded is a Trigger by a command to the camera.
type Commanded struct{ trigger.Software }

// Fire implements Trigger.
func (c Commanded) Fire(_ context.Context, _, flash time.Duration) (time.Duration, error) {
	if flash > 0 {
		return 0, errors.New("flash: the camera is triggered by a command; want trigger.mode driven or schedule, and the blinking light on trigger.strobe")
	}
	at := line.Monotonic()
	_, err := c.Expose(at)
	return at, err
}

// Awaited is a Trigger that the tool gives.
type Awaited struct{ Pulses trigger.Source }

// Fire implements Trigger: it waits for the next pulse.
func (a Awaited) Fire(ctx context.Context, _, flash time.Duration) (time.Duration, error) {
	if flash > 0 {
		return 0, errors.New("flash: the tool gives the trigger; want trigger.mode driven or schedule, and the blinking light on trigger.strobe")
	}
	const patience = 30 * time.Second
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now := line.Monotonic()
	for {
		p, err := a.Pulses.Next(limit)
		switch {
		case err != nil && ctx.Err() == nil && limit.Err() != nil:
			return 0, fmt.Errorf("trigger: no pulse from the tool on lines.field_trigger within %v; have the tool give some, or let the appliance trigger the camera: trigger.mode", patience)
		case err != nil:
			return 0, err
		case p.Time >= now: // not one that waited
			return p.Time, nil
		}
	}
}

// Control is a Shutter by a camera's control that counts in steps of a unit.
type Control struct {
	Device *v4l2.Device // beside the stream's own
	Name   string
	Unit   time.Duration
}

// SetExposure implements Shutter.
func (c Control) SetExposure(d time.Duration) (time.Duration, error) {
	now, err := c.Device.Get(c.Name)
	if err != nil {
		return 0, err
	}
	steps := max(int64((d+c.Unit/2)/c.Unit), now.Minimum)
	if now.Step > 1 {
		steps -= (steps - now.Minimum) % now.Step
	}
	if err := c.Device.Set(c.Name, strconv.FormatInt(steps, 10)); err != nil {
		return 0, fmt.Errorf("exposure %v: %w", d, err)
	}
	return time.Duration(steps) * c.Unit, nil
}
