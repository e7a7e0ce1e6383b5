package config

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"periph.io/x/conn/v3/physic"

	"kensa/hw/light"
	"kensa/hw/line"
)

// Lines are the wires between the tool and the appliance.
type Lines struct {
	// From the tool. A line is "CHIP/LINE", by the chip's label or device and the
	// line's name or number, and behind it, where they apply: active-low, pull-up,
	// pull-down or float, debounce=TIME (for inputs), open-drain or open-source
	// (for outputs). Example: "pinctrl-bcm2711/17 active-low pull-up". FieldTrigger
	// should have no debounce: it delays the edge's time stamp too.
	WaferPresent line.Spec `toml:"wafer_present"`
	FieldTrigger line.Spec `toml:"field_trigger"`
	// To the tool.
	Ready    line.Spec `toml:"ready"`
	Busy     line.Spec `toml:"busy"`
	ResultOK line.Spec `toml:"result_ok"`
	ResultNG line.Spec `toml:"result_ng"`
}

// Trigger is who exposes, and when.
type Trigger struct {
	// Mode is "external" (the pulse on field_trigger triggers the camera too),
	// "driven" (the appliance answers that pulse on camera and strobe), "schedule"
	// (the appliance pulses them at an even interval while a wafer is present;
	// field_trigger is not used), "software" (it answers the pulse with a command
	// to the camera, which is slower and less even) or "free" (the camera exposes all
	// the time, and of its frames the first within the window after the pulse is the
	// field's: the window must be wider than from frame to frame).
	Mode string `toml:"mode"`
	// Camera and Strobe are the lines that the appliance drives in modes driven and
	// schedule; Strobe may stay empty. In mode free only `kensa calibrate trigger` drives
	// Strobe, for the blinking light.
	Camera line.Spec `toml:"camera"`
	Strobe line.Spec `toml:"strobe"`
	// Delay from the pulse to each, and for how long it is asserted.
	CameraDelay time.Duration `toml:"camera_delay"`
	CameraWidth time.Duration `toml:"camera_width"`
	StrobeDelay time.Duration `toml:"strobe_delay"`
	StrobeWidth time.Duration `toml:"strobe_width"`
	// Limit is how much later than camera_delay the exposure may begin; later, it
	// is withheld, since the stage may have moved on. 0 means no limit.
	Limit time.Duration `toml:"limit"`
	// Interval of mode schedule.
	Interval time.Duration `toml:"interval"`
	// Command is the camera's control of mode software, as NAME=VALUE.
	Command string `toml:"command"`
	// What the strobe's LED bears, from its data sheet.
	LED LED `toml:"led"`
}

// LED is what a strobed LED bears. A strobe is not driven without it.
type LED struct {
	// Current and Voltage while it is on, such as "5A" and "3.8V".
	Current string `toml:"current"`
	Voltage string `toml:"voltage"`
	// Pulse is the longest at that current.
	Pulse time.Duration `toml:"pulse"`
	// Energy is the most in one pulse, such as "2mJ".
	Energy string `toml:"energy"`
	// Duty is the largest part of the time that it may be on, 0 to 1.
	Duty float64 `toml:"duty"`
}

// Light is the continuous illumination. It is set at the start and dark after
// the end.
type Light struct {
	// Kind is "pwm" (a PWM channel of the kernel's), "mcp4725" (an LED driver's
	// current, by an I²C DAC) or empty for none.
	Kind string `toml:"kind"`
	// Level in per cent of the full one.
	Level float64 `toml:"level"`
	// Channel and Frequency of the PWM.
	Channel   string `toml:"channel"`
	Frequency string `toml:"frequency"`
	// Bus and Address of the DAC.
	Bus     string `toml:"bus"`
	Address uint16 `toml:"address"`
	// FullScale is the LED's current at the DAC's full output, MaxCurrent what it
	// may carry at most; Level is a part of that.
	FullScale  string `toml:"full_scale"`
	MaxCurrent string `toml:"max_current"`
}

// Tower is the signal tower; lines that are empty are not there.
type Tower struct {
	// Lamps and buzzer.
	Red    line.Spec `toml:"red"`
	Amber  line.Spec `toml:"amber"`
	Green  line.Spec `toml:"green"`
	Blue   line.Spec `toml:"blue"`
	Buzzer line.Spec `toml:"buzzer"`
	// Silence is a button: its rise silences the buzzer until the next fault.
	Silence line.Spec `toml:"silence"`
}

// Environment is the sensor of temperature and humidity.
type Environment struct {
	// Sensor is "sht3x", "bme280" or empty for none.
	Sensor string `toml:"sensor"`
	// Bus and Address on it.
	Bus     string `toml:"bus"`
	Address uint16 `toml:"address"`
	// TemperatureLimits and HumidityLimits are the lowest and the highest
	// temperature, °C, and relative humidity, %, such as [20.0, 24.0]; outside them is an
	// alarm. Empty: none.
	TemperatureLimits []float64 `toml:"temperature_limits"`
	HumidityLimits    []float64 `toml:"humidity_limits"`
}

// part checks the level.
func (l Light) part() error {
	if l.Level < 0 || l.Level > 100 {
		return fmt.Errorf("light.level: %v; want 0 to 100", l.Level)
	}
	return nil
}

// Modes of Trigger.
const (
	External = "external"
	Driven   = "driven"
	Schedule = "schedule"
	Software = "software"
	Free     = "free"
)

// WiredLine is a line of the kernel's that a key names.
type WiredLine struct {
	Key  string
	Spec line.Spec
}

// inputs and outputs are the lines by their keys, wired or not.
func (c Config) inputs() []WiredLine {
	return []WiredLine{{"lines.wafer_present", c.Lines.WaferPresent}, {"lines.field_trigger", c.Lines.FieldTrigger}, {"tower.silence", c.Tower.Silence}}
}

func (c Config) outputs() []WiredLine {
	return []WiredLine{
		{"lines.ready", c.Lines.Ready}, {"lines.busy", c.Lines.Busy}, {"lines.result_ok", c.Lines.ResultOK}, {"lines.result_ng", c.Lines.ResultNG},
		{"trigger.camera", c.Trigger.Camera}, {"trigger.strobe", c.Trigger.Strobe},
		{"tower.red", c.Tower.Red}, {"tower.amber", c.Tower.Amber}, {"tower.green", c.Tower.Green}, {"tower.blue", c.Tower.Blue}, {"tower.buzzer", c.Tower.Buzzer},
	}
}

// WiredLines are those that are wired.
func (c Config) WiredLines() []WiredLine {
	return slices.DeleteFunc(append(c.inputs(), c.outputs()...), func(l WiredLine) bool { return !l.Spec.Wired() })
}

// checkHardware reports the first key of the real hardware that makes no sense.
// What is missing altogether shows when a real tool is opened.
func (c Config) checkHardware() error {
	for _, in := range c.inputs() {
		if err := in.Spec.CheckInput(); err != nil {
			return fmt.Errorf("%s: %w", in.Key, err)
		}
	}
	for _, out := range c.outputs() {
		if err := out.Spec.CheckOutput(); err != nil {
			return fmt.Errorf("%s: %w", out.Key, err)
		}
	}
	return errors.Join(c.Trigger.check(), c.Light.check(), c.Environment.check())
}

func (t Trigger) check() error {
	switch {
	case !slices.Contains([]string{External, Driven, Schedule, Software, Free}, t.Mode):
		return fmt.Errorf("trigger.mode: %q; want external, driven, schedule, software or free", t.Mode)
	case t.CameraDelay < 0 || t.StrobeDelay < 0 || t.Limit < 0:
		return errors.New("trigger: a delay or limit below 0")
	case t.CameraWidth <= 0 || t.CameraWidth > time.Second:
		return fmt.Errorf("trigger.camera_width: %v; want more than 0, to 1 s", t.CameraWidth)
	case (t.Mode == Driven || t.Mode == Schedule) && !t.Camera.Wired():
		return fmt.Errorf("trigger.camera: empty; mode %s wants a line", t.Mode)
	case t.Mode == Schedule && t.Interval < time.Millisecond:
		return fmt.Errorf("trigger.interval: %v; want 1 ms or more", t.Interval)
	case t.Mode == Software && t.Command == "":
		return errors.New("trigger.command: empty; mode software wants the camera's control")
	case !t.Strobe.Wired():
		return nil
	}
	limits, err := t.LED.Limits()
	if err == nil {
		err = limits.Check(t.StrobeWidth)
	}
	if err != nil {
		return fmt.Errorf("trigger.led: %w", err)
	}
	return nil
}

// Limits are those of the LED in physical units.
func (l LED) Limits() (light.Limits, error) {
	limits := light.Limits{Pulse: l.Pulse, Duty: l.Duty}
	return limits, errors.Join(
		quantity("current", l.Current, &limits.Current), quantity("voltage", l.Voltage, &limits.Voltage), quantity("energy", l.Energy, &limits.Energy))
}

// quantity reads a value with its unit.
func quantity(key, text string, into interface{ Set(string) error }) error {
	if err := into.Set(text); err != nil {
		return fmt.Errorf("%s: %q; want a number with its unit: %w", key, text, err)
	}
	return nil
}

func (l Light) check() error {
	switch l.Kind {
	case "":
		return nil
	case "pwm":
		_, err := l.PWMFrequency()
		return errors.Join(err, l.part())
	case "mcp4725":
		_, _, err := l.Currents()
		return errors.Join(err, l.part())
	}
	return fmt.Errorf(`light.kind: %q; want "pwm", "mcp4725" or nothing`, l.Kind)
}

// PWMFrequency is the PWM's frequency.
func (l Light) PWMFrequency() (f physic.Frequency, err error) {
	if err := quantity("light.frequency", l.Frequency, &f); err != nil {
		return 0, err
	}
	return f, nil
}

// Currents are the DAC's full scale and the LED's limit.
func (l Light) Currents() (fullScale, limit physic.ElectricCurrent, err error) {
	err = errors.Join(quantity("light.full_scale", l.FullScale, &fullScale), quantity("light.max_current", l.MaxCurrent, &limit))
	return fullScale, limit, err
}

func (e Environment) check() error {
	if e.Sensor != "" && e.Sensor != "sht3x" && e.Sensor != "bme280" {
		return fmt.Errorf(`environment.sensor: %q; want "sht3x", "bme280" or nothing`, e.Sensor)
	}
	return errors.Join(checkRange("environment.temperature_limits", e.TemperatureLimits, -40, 125), checkRange("environment.humidity_limits", e.HumidityLimits, 0, 100))
}

// checkRange refuses limits that are neither none nor a range within what can be
// measured.
func checkRange(key string, limits []float64, least, most float64) error {
	if len(limits) == 0 || len(limits) == 2 && least <= limits[0] && limits[0] < limits[1] && limits[1] <= most {
		return nil
	}
	return fmt.Errorf("%s: %v; want the lowest and the highest, from %v to %v, or nothing", key, limits, least, most)
}

// defaultTrigger suits a tool that triggers the camera itself.
func defaultTrigger() Trigger {
	return Trigger{Mode: External, CameraWidth: 100 * time.Microsecond, StrobeWidth: 50 * time.Microsecond,
		Limit: 5 * time.Millisecond, Interval: 100 * time.Millisecond}
}
