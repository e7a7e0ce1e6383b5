// Package rig is a bench.Bench of real parts: a camera, and where they are there a
// trigger, a light, a thermometer. What it cannot do by itself it asks a person for:
// the targets, the stage, and any part that is missing.
//
// The stage counts from where it stands when the rig is opened.
package rig

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"

	"kensa/hw/bench"
	"kensa/hw/camera"
	"kensa/hw/environment"
	"kensa/hw/light"
)

// Trigger has the camera expose.
type Trigger interface {
	// Fire asks for an exposure and returns the trigger pulse's time on the rig's
	// clock. A flash of more than 0 shines so long, a delay after the pulse. It may
	// wait for the pulse where somebody else gives it.
	Fire(ctx context.Context, delay, flash time.Duration) (pulse time.Duration, err error)
}

// Shutter sets the camera's exposure.
type Shutter interface {
	// SetExposure sets it to the camera's own step, which it returns, and not below
	// the shortest. More than the longest is an error.
	SetExposure(d time.Duration) (got time.Duration, err error)
}

// Clock is that of pulses and frames.
type Clock interface {
	Now() time.Duration
	Sleep(ctx context.Context, d time.Duration) error
}

// Parts are what stands there. The camera and the clock must; for what is nil a
// person is asked, or it is not known.
type Parts struct {
	Station bench.Station // its format is the camera's own
	Camera  camera.Camera
	Clock   Clock
	Trigger Trigger // nil: the camera runs by itself
	// Blinker flashes for a camera that runs by itself; the pulse is then the time that
	// the flash's delay counts from.
	Blinker Trigger
	Shutter Shutter
	Lamp    light.Lamp
	Sensor  environment.Sensor
	// Patience is how long a frame may take beyond its exposure; 0: 5 s.
	Patience time.Duration
	// Close gives the parts back, the camera aside; nil: nothing to do.
	Close func() error
}

// Rig is a bench of real parts. It is used from one goroutine.
type Rig struct {
	parts   Parts
	set     bench.Setting
	shutter time.Duration
	began   bool // something was set
	stale   int  // exposures to throw away before one counts
	warm    measured
}

// measured is the last temperature and when it was read.
type measured struct {
	at      time.Duration
	celsius physic.Temperature
}

const (
	// settle is how many exposures a camera may still take with the setting before.
	settle = 2
	// fresh is how long a temperature holds.
	fresh = 2 * time.Second
)

// Open starts the camera and takes a frame, to see that it does and what it gives. On
// an error the parts are given back.
func Open(ctx context.Context, p Parts) (*Rig, error) {
	if p.Patience == 0 {
		p.Patience = 5 * time.Second
	}
	r := &Rig{parts: p}
	err := p.Camera.Start(ctx)
	if err == nil {
		err = r.look(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Rig) look(ctx context.Context) error {
	f, _, err := r.take(ctx)
	if err != nil {
		return err
	}
	r.parts.Station.Format = f.Format
	f.Release()
	return nil
}

// Station says what stands here.
func (r *Rig) Station() bench.Station { return r.parts.Station }

// Sleep waits.
func (r *Rig) Sleep(ctx context.Context, d time.Duration) error { return r.parts.Clock.Sleep(ctx, d) }

// Close makes the light dark and gives the parts back.
func (r *Rig) Close() error {
	err := r.parts.Camera.Close()
	if r.parts.Lamp != nil {
		err = errors.Join(err, r.parts.Lamp.Off())
	}
	if r.parts.Close != nil {
		err = errors.Join(err, r.parts.Close())
	}
	return err
}

// Set sets exposure and light where it can, and says what is left for a person: only
// what differs from the setting before.
func (r *Rig) Set(ctx context.Context, s bench.Setting) (byHand []string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := check(s, r.parts.Trigger == nil); err != nil {
		return nil, err
	}
	if s.Target == bench.Any {
		s.Target, s.Piece, s.Loading = r.set.Target, r.set.Piece, r.set.Loading
	}
	byHand = r.asked(s)
	if asked, err := r.expose(s); err != nil {
		return nil, err
	} else if asked != "" {
		byHand = append(byHand, asked)
	}
	if asked, err := r.shine(s); err != nil {
		return nil, err
	} else if asked != "" {
		byHand = append(byHand, asked)
	}
	r.set, r.began = s, true
	return byHand, nil
}

func check(s bench.Setting, free bool) error {
	switch {
	case !(s.Light >= 0 && s.Light <= 1):
		return fmt.Errorf("light: %v of its full current; want 0 to 1", s.Light)
	case s.Exposure <= 0:
		return fmt.Errorf("camera: exposure %v; want more than 0", s.Exposure)
	case s.Flash < 0 || s.FlashDelay < 0 && !free:
		return fmt.Errorf("flash: %v after %v; want 0 or more", s.Flash, s.FlashDelay)
	}
	return nil
}

// asked is what a person must do to target and stage.
func (r *Rig) asked(s bench.Setting) (byHand []string) {
	if laid := s.Laid(r.set); laid != "" {
		byHand = append(byHand, laid)
	}
	if s.Turn != r.set.Turn {
		byHand = append(byHand, s.Turned())
	}
	if s.TiltX != r.set.TiltX || s.TiltY != r.set.TiltY {
		byHand = append(byHand, fmt.Sprintf("tilt it by %.3g° about x and %.3g° about y", degrees(s.TiltX), degrees(s.TiltY)))
	}
	via := s
	via.X, via.Y = s.X+s.ViaX, s.Y+s.ViaY
	first := place(via, r.set)
	switch {
	case via != s && first != "":
		byHand = append(byHand, "move the stage to "+first+", and from there to "+place(s, via))
	case s.X != r.set.X || s.Y != r.set.Y || s.Z != r.set.Z:
		byHand = append(byHand, "move the stage to "+place(s, r.set))
	}
	return byHand
}

func degrees(a physic.Angle) float64 { return float64(a) / float64(physic.Degree) }

// place names the axes that move.
func place(s, before bench.Setting) (text string) {
	for _, axis := range []struct {
		name    string
		to, was physic.Distance
	}{{"x", s.X, before.X}, {"y", s.Y, before.Y}, {"z", s.Z, before.Z}} {
		if axis.to == axis.was {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%s %.2f µm", axis.name, float64(axis.to)/float64(physic.MicroMetre))
	}
	return text
}

// expose sets the exposure, or says how a person does.
func (r *Rig) expose(s bench.Setting) (asked string, err error) {
	if r.began && s.Exposure == r.set.Exposure {
		return "", nil
	}
	r.stale = settle
	if r.parts.Shutter == nil {
		r.shutter = s.Exposure
		return fmt.Sprintf("set the camera's exposure to %v", s.Exposure), nil
	}
	r.shutter, err = r.parts.Shutter.SetExposure(s.Exposure)
	return "", err
}

// shine sets the light, or says how a person does. The blinker shines by itself.
func (r *Rig) shine(s bench.Setting) (asked string, err error) {
	if r.began && s.Light == r.set.Light {
		return "", nil
	}
	if r.parts.Lamp != nil {
		return "", r.parts.Lamp.Set(gpio.Duty(math.Round(s.Light * float64(gpio.DutyMax))))
	}
	if s.Light == 0 {
		return "switch the light off", nil
	}
	return fmt.Sprintf("set the light to %.4g %% of its full current", 100*s.Light), nil
}

// Expose takes a frame that was exposed wholly with what is set.
func (r *Rig) Expose(ctx context.Context) (*bench.Exposure, error) {
	if !r.began {
		return nil, errors.New("camera: exposed before it was set")
	}
	for ; r.stale > 0; r.stale-- {
		f, _, err := r.take(ctx)
		if err != nil {
			return nil, err
		}
		f.Release()
	}
	f, pulse, err := r.take(ctx)
	if err != nil {
		return nil, err
	}
	celsius, err := r.temperature()
	if err != nil {
		f.Release()
		return nil, err
	}
	return &bench.Exposure{Frame: f, Pulse: pulse, Shutter: r.shutter, Temperature: celsius, X: r.set.X, Y: r.set.Y, Z: r.set.Z}, nil
}

// take triggers one exposure and waits for it. What the camera took before is thrown
// away, and of a camera that runs by itself what began before: its driver has buffers
// full of frames from while a person laid the plate. Without a flash its pulse is the
// frame's own time, since there is no other.
func (r *Rig) take(ctx context.Context) (*camera.Frame, time.Duration, error) {
	oldest := r.parts.Clock.Now()
	fire := r.parts.Trigger
	if fire == nil && r.set.Flash > 0 {
		fire = r.parts.Blinker
	}
	var pulse time.Duration
	switch {
	case fire != nil:
		var err error
		if pulse, err = fire.Fire(ctx, r.set.FlashDelay, r.set.Flash); err != nil {
			return nil, 0, err
		}
		oldest = pulse
	case r.set.Flash > 0:
		return nil, 0, errors.New("flash: nothing drives the blinking light; wire it, name it as trigger.strobe with its limits in [trigger.led], and set trigger.mode: free where the camera runs by itself, driven where the appliance triggers it")
	case r.began:
		oldest += r.shutter // where the driver stamps the end
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.parts.Patience+r.shutter, r.silent())
	defer cancel()
	for {
		f, err := r.parts.Camera.Next(ctx)
		if err != nil {
			if cause := context.Cause(ctx); errors.Is(err, context.DeadlineExceeded) && cause != nil {
				err = cause
			}
			return nil, 0, err
		}
		if f.Time < oldest {
			f.Release()
			continue
		}
		if fire == nil {
			pulse = f.Time
		}
		return f, pulse, nil
	}
}

// silent is why no frame may have come.
func (r *Rig) silent() error {
	if r.parts.Trigger == nil {
		return fmt.Errorf("camera: no frame within %v; if it waits for a trigger, set trigger.mode to who gives it", r.parts.Patience+r.shutter)
	}
	return fmt.Errorf("camera: no frame within %v of its trigger; see that it is set to the trigger, and the line wired", r.parts.Patience+r.shutter)
}

// temperature at the optics; 0 without a thermometer.
func (r *Rig) temperature() (physic.Temperature, error) {
	if r.parts.Sensor == nil {
		return 0, nil
	}
	now := r.parts.Clock.Now()
	if r.warm.celsius != 0 && now-r.warm.at < fresh {
		return r.warm.celsius, nil
	}
	var e physic.Env
	if err := r.parts.Sensor.Sense(&e); err != nil {
		return 0, fmt.Errorf("thermometer: %w", err)
	}
	r.warm = measured{now, e.Temperature}
	return e.Temperature, nil
}
