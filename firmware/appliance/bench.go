package appliance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"kensa/firmware/config"
	"kensa/hw/bench"
	"kensa/hw/bench/rig"
	"kensa/hw/camera/v4l2"
	"kensa/hw/line"
	"kensa/hw/trigger"
)

// OpenBench takes the configured camera, trigger, light and thermometer for
// calibration, while the appliance itself does not run.
func OpenBench(ctx context.Context, c config.Config) (*rig.Rig, error) {
	width, height, err := benchFrame(c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecipe, err)
	}
	source, err := v4l2.New(c.V4L2(width, height))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSource, err)
	}
	var opened Closers
	p := rig.Parts{
		Station: bench.Station{Name: c.Station.Name, Objective: c.Calibration.Objective, Camera: c.Calibration.Camera, Lens: c.Calibration.Lens, Light: c.Calibration.Light},
		Camera:  source, Clock: rig.Monotonic{}, Close: opened.Close,
	}
	if err := openParts(c, &p, opened.Add); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrSource, err), source.Close(), opened.Close())
	}
	r, err := rig.Open(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSource, err)
	}
	return r, nil
}

// benchFrame is the size of the recipe's frames, which the calibration must be of; 0
// where there is none, and the camera's own counts.
func benchFrame(c config.Config) (width, height int, err error) {
	if c.Recipe.File == "" {
		return 0, 0, nil
	}
	r, err := config.LoadRecipe(RecipePath(c))
	return r.Frame.Width, r.Frame.Height, err
}

// openParts takes what is configured beside the camera.
func openParts(c config.Config, p *rig.Parts, onClose func(func() error)) (err error) {
	// Pulses are given from this goroutine, as urgently as when the appliance runs.
	if err := c.Realtime.Lock(); err != nil {
		return err
	}
	if p.Lamp, err = openLamp(c.Light, onClose); err != nil {
		return err
	}
	if p.Sensor, err = OpenSensor(c.Environment, onClose); err != nil {
		return err
	}
	if c.Trigger.Mode == config.Free && c.Trigger.Strobe.Wired() {
		p.Blinker, err = openBlinker(c.Trigger, onClose)
	} else {
		p.Trigger, err = openFiring(c, onClose)
	}
	if err != nil || c.Camera.Exposure == "" && c.Trigger.Mode != config.Software {
		return err
	}
	path, _ := c.Source.Device()
	controls, err := v4l2.Open(path) // beside the stream's own
	if err != nil {
		return err
	}
	onClose(controls.Close)
	if c.Camera.Exposure != "" {
		p.Shutter = rig.Control{Device: controls, Name: c.Camera.Exposure, Unit: c.Camera.ExposureUnit}
	}
	if c.Trigger.Mode == config.Software {
		name, value, _ := strings.Cut(c.Trigger.Command, "=")
		p.Trigger = rig.Commanded{Software: trigger.Software{Trigger: func() error { return controls.Set(name, value) }, Delay: c.Trigger.CameraDelay}}
	}
	return nil
}

// openBlinker takes the strobe's line, for a camera that runs by itself.
func openBlinker(t config.Trigger, onClose func(func() error)) (rig.Trigger, error) {
	pins, opened, err := openWired([]line.Spec{{}, t.Strobe})
	if err != nil {
		return nil, err
	}
	onClose(opened.Close)
	p, limits, err := pulser(t, pins)
	return &rig.Flashed{Driven: rig.Driven{Pulser: *p, LED: limits}}, err
}

// openFiring takes the lines of the trigger. Nil where there are none: the camera
// runs by itself, or answers to a command.
func openFiring(c config.Config, onClose func(func() error)) (rig.Trigger, error) {
	switch t := c.Trigger; {
	case t.Mode == config.Driven || t.Mode == config.Schedule:
		pins, opened, err := openWired([]line.Spec{t.Camera, t.Strobe})
		if err != nil {
			return nil, err
		}
		onClose(opened.Close)
		p, limits, err := pulser(t, pins)
		return &rig.Driven{Pulser: *p, LED: limits}, err
	case t.Mode == config.External && c.Lines.FieldTrigger.Wired():
		inputs, err := line.OpenInputs(line.Options{}, c.Lines.FieldTrigger)
		if err != nil {
			return nil, err
		}
		onClose(inputs.Close)
		pulses, err := trigger.NewCounter(inputs.Pins()[0])
		return rig.Awaited{Pulses: pulses}, err
	}
	return nil, nil
}
