package appliance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"periph.io/x/conn/v3/gpio"

	"kensa/firmware/alarm"
	"kensa/firmware/config"
	"kensa/hw/camera"
	"kensa/hw/camera/v4l2"
	"kensa/hw/handler"
	"kensa/hw/handshake"
	"kensa/hw/light"
	"kensa/hw/line"
	"kensa/hw/trigger"
)

// realTool is a tool beyond wires: it runs by itself, and we only watch and answer.
type realTool struct {
	handler.Handler
	camera camera.Camera
	lines  handshake.Lines
	pulses trigger.Source
	opened []*line.Lines
}

// Camera implements Tool.
func (t *realTool) Camera() camera.Camera { return t.camera }

// Lines implements Tool.
func (t *realTool) Lines() handshake.Lines { return t.lines }

// Pulses are the exposures, by whomever they are asked for.
func (t *realTool) Pulses() trigger.Source { return t.pulses }

// Run implements Tool.
func (t *realTool) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Close implements Tool: every output goes down and back to the kernel.
func (t *realTool) Close() error {
	errs := []error{t.camera.Close()}
	for _, pin := range []gpio.PinOut{t.lines.Ready, t.lines.Busy, t.lines.ResultOK, t.lines.ResultNG} {
		if pin != nil {
			errs = append(errs, pin.Out(gpio.Low))
		}
	}
	for _, l := range t.opened {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// openReal takes the lines of a real tool. The camera is closed on an error.
func (a *Appliance) openReal(c camera.Camera) (_ *realTool, err error) {
	t := &realTool{camera: c, Handler: handler.NewNumbered(a.config.Source.Lot, time.Now)}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}()
	if err := t.openInputs(a); err != nil {
		return nil, err
	}
	if err := t.openOutputs(a.config.Lines); err != nil {
		return nil, err
	}
	t.pulses, err = t.openTrigger(a)
	return t, err
}

// openInputs takes WAFER-PRESENT and FIELD-TRIGGER together: see package line.
func (t *realTool) openInputs(a *Appliance) error {
	wires := a.config.Lines
	specs := []line.Spec{wires.WaferPresent, wires.FieldTrigger}
	if a.config.Trigger.Mode == config.Schedule {
		specs = specs[:1]
	}
	for n, key := range []string{"lines.wafer_present", "lines.field_trigger"}[:len(specs)] {
		if !specs[n].Wired() {
			return fmt.Errorf("%s: empty; a real tool needs it", key)
		}
	}
	inputs, err := line.OpenInputs(line.Options{Thread: a.hurry}, specs...)
	if err != nil {
		return err
	}
	t.opened = append(t.opened, inputs)
	t.lines.WaferPresent = inputs.Pins()[0]
	if len(specs) > 1 {
		t.lines.FieldTrigger = inputs.Pins()[1]
	}
	return nil
}

// openOutputs takes those of the appliance's lines that are wired; what it says
// on the others nobody hears.
func (t *realTool) openOutputs(wires config.Lines) error {
	specs := []line.Spec{wires.Ready, wires.Busy, wires.ResultOK, wires.ResultNG}
	to := []*line.Output{&t.lines.Ready, &t.lines.Busy, &t.lines.ResultOK, &t.lines.ResultNG}
	pins, err := t.outputs(specs)
	if err != nil {
		return err
	}
	for n, name := range []string{"READY", "BUSY", "RESULT-OK", "RESULT-NG"} {
		if *to[n] = pins[n]; pins[n] == nil {
			*to[n] = line.NewWire(name, -1, nil)
		}
	}
	return nil
}

// outputs opens those of the lines that are wired; the others stay nil.
func (t *realTool) outputs(specs []line.Spec) ([]gpio.PinOut, error) {
	pins, opened, err := openWired(specs)
	if opened != nil {
		t.opened = append(t.opened, opened)
	}
	return pins, err
}

func openWired(specs []line.Spec) ([]gpio.PinOut, *line.Lines, error) {
	var wired []line.Spec
	for _, s := range specs {
		if s.Wired() {
			wired = append(wired, s)
		}
	}
	opened, err := line.OpenOutputs(line.Options{}, wired...)
	if err != nil {
		return nil, nil, err
	}
	pins := make([]gpio.PinOut, len(specs))
	k := 0
	for n, s := range specs {
		if s.Wired() {
			pins[n] = opened.Pins()[k]
			k++
		}
	}
	return pins, opened, nil
}

// openTrigger makes the source of pulses that the configuration asks for.
func (t *realTool) openTrigger(a *Appliance) (trigger.Source, error) {
	c := a.config.Trigger
	var positions trigger.Source = &trigger.Schedule{Interval: c.Interval, Open: func() bool { return bool(t.lines.WaferPresent.Read()) }}
	if c.Mode != config.Schedule {
		counter, err := trigger.NewCounter(t.lines.FieldTrigger)
		if err != nil || c.Mode == config.External || c.Mode == config.Free {
			return counter, err
		}
		positions = counter
	}
	shutter, err := t.openShutter(a, c)
	if err != nil {
		return nil, err
	}
	lateness, err := a.meterLateness()
	if err != nil {
		return nil, err
	}
	return &trigger.Driven{Positions: positions, Shutter: shutter, Delay: c.CameraDelay, Limit: c.Limit, Thread: a.hurry,
		Observe: func(late time.Duration, err error) {
			lateness.Observe(late.Seconds())
			switch {
			case errors.Is(err, trigger.ErrOverdriven):
				a.alarms.Raise(alarm.StrobeOverdriven, err.Error())
			case err != nil:
				a.alarms.Raise(alarm.StrobeWithheld, err.Error())
			}
		}}, nil
}

func (t *realTool) openShutter(a *Appliance, c config.Trigger) (trigger.Shutter, error) {
	if c.Mode == config.Software {
		path, _ := a.config.Source.Device()
		controls, err := v4l2.Open(path) // beside the stream's own
		if err != nil {
			return nil, err
		}
		a.onClose(controls.Close)
		name, value, _ := strings.Cut(c.Command, "=")
		return trigger.Software{Trigger: func() error { return controls.Set(name, value) }, Delay: c.CameraDelay}, nil
	}
	pins, err := t.outputs([]line.Spec{c.Camera, c.Strobe})
	if err != nil {
		return nil, err
	}
	p, _, err := pulser(c, pins)
	return p, err
}

// pulser drives the lines of camera and strobe, which may be nil, within the limits
// of the strobe's lamp.
func pulser(c config.Trigger, pins []gpio.PinOut) (*trigger.Pulser, light.Limits, error) {
	p := &trigger.Pulser{Camera: trigger.Output{Pin: pins[0], Delay: c.CameraDelay, Width: c.CameraWidth}}
	if pins[1] == nil {
		return p, light.Limits{}, nil
	}
	limits, err := c.LED.Limits()
	p.Strobe = trigger.Output{Pin: pins[1], Delay: c.StrobeDelay, Width: c.StrobeWidth}
	p.Guard = light.NewGuard(limits)
	return p, limits, err
}

// meterLateness registers how late exposures were asked for.
func (a *Appliance) meterLateness() (prometheus.Observer, error) {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "kensa_trigger_lateness_seconds", Help: "How much later than set the appliance drove the camera's trigger.",
		Buckets: prometheus.ExponentialBuckets(5e-6, 2, 16), // 5 µs to 160 ms
	})
	return h, a.registry.Register(h)
}

// hurry gives the calling goroutine a thread of the configured urgency.
func (a *Appliance) hurry() {
	if err := a.config.Realtime.Lock(); err != nil {
		a.hurried.Do(func() { a.log.Warn("not as urgent as configured", "error", err) })
	}
}
