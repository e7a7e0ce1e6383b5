package light

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"
	"periph.io/x/conn/v3/i2c/i2ctest"
	"periph.io/x/conn/v3/physic"
	"pgregory.net/rapid"
)

const mA = physic.MilliAmpere

func dac(t *testing.T, ops ...i2ctest.IO) (*MCP4725, *i2ctest.Playback) {
	t.Helper()
	bus := &i2ctest.Playback{DontPanic: true, Ops: ops}
	d, err := NewMCP4725(bus, 0x60, 1000*mA, 500*mA)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, bus
}

// asLeft is the DAC's answer at a code, dark after power up.
func asLeft(code int) i2ctest.IO {
	return i2ctest.IO{Addr: 0x60, R: []byte{0xc0, byte(code >> 4), byte(code << 4), 0, 0}}
}

func TestDACSetsTheCurrentAndReadsItBack(t *testing.T) {
	d, _ := dac(t, asLeft(0),
		i2ctest.IO{Addr: 0x60, W: []byte{0x07, 0xff}}, asLeft(2047), // all of the limit, half of full scale
		i2ctest.IO{Addr: 0x60, W: []byte{0x01, 0x99}}, asLeft(409), // 100 mA of 1 A
		i2ctest.IO{Addr: 0x60, W: []byte{0x00, 0x00}}, asLeft(0))
	for _, err := range []error{d.Set(gpio.DutyMax), d.SetCurrent(100 * mA), d.Off()} {
		if err != nil {
			t.Error(err)
		}
	}
}

// TestDACIsMadeDarkAfterPowerUp: the part is sold with half of full scale.
func TestDACIsMadeDarkAfterPowerUp(t *testing.T) {
	dac(t, i2ctest.IO{Addr: 0x60, R: []byte{0xc0, 0x80, 0, 0x08, 0}}, i2ctest.IO{Addr: 0x60, W: []byte{0x60, 0, 0}})
}

func TestDACRefusesWhatTheLEDCannotBear(t *testing.T) {
	d, _ := dac(t, asLeft(0))
	for _, i := range []physic.ElectricCurrent{-mA, 501 * mA, physic.Ampere} {
		if err := d.SetCurrent(i); err == nil || !strings.Contains(err.Error(), "limit is 500mA") {
			t.Errorf("%v: %v", i, err)
		}
	}
	if d.Set(gpio.DutyMax+1) == nil || d.Set(-1) == nil {
		t.Error("a level beyond the full one")
	}
	if _, err := NewMCP4725(&i2ctest.Playback{}, 0x60, 100*mA, 200*mA); err == nil {
		t.Error("a limit beyond full scale")
	}
}

func TestDACThatDidNotTakeTheValueIsTold(t *testing.T) {
	d, _ := dac(t, asLeft(0), i2ctest.IO{Addr: 0x60, W: []byte{0x01, 0x99}}, asLeft(408))
	if err := d.SetCurrent(100 * mA); err == nil || !strings.Contains(err.Error(), "has 408 of 4095 after 409") {
		t.Error(err)
	}
}

func TestPWM(t *testing.T) {
	pin := &gpiotest.Pin{N: "PWM0"}
	lamp := PWM{pin, 20 * physic.KiloHertz}
	if err := lamp.Set(gpio.DutyHalf); err != nil || pin.D != gpio.DutyHalf || pin.F != 20*physic.KiloHertz {
		t.Errorf("%v, %v at %v", err, pin.D, pin.F)
	}
	if err := lamp.Off(); err != nil || pin.D != 0 {
		t.Errorf("%v, %v", err, pin.D)
	}
	if lamp.Set(gpio.DutyMax+1) == nil {
		t.Error("more than full")
	}
}

func TestChannelWritesTheKernelsFiles(t *testing.T) {
	root := t.TempDir()
	folder := filepath.Join(root, "pwmchip0", "pwm1")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"period", "duty_cycle", "enable"} {
		if err := os.WriteFile(filepath.Join(folder, key), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, err := OpenChannel(root, "pwmchip0", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := (PWM{c, 10 * physic.KiloHertz}).Set(gpio.DutyMax / 4); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"period": "100000", "duty_cycle": "25000", "enable": "1"} {
		if got, err := os.ReadFile(filepath.Join(folder, key)); err != nil || !strings.HasPrefix(string(got), want) {
			t.Errorf("%s: %q, %v; want %s", key, got, err, want)
		}
	}
	if _, err := OpenChannel(root, "pwmchip7", 0); err == nil || !strings.Contains(err.Error(), "none such; there are") {
		t.Error(err)
	}
}

var led = Limits{Current: 5 * physic.Ampere, Voltage: 4 * physic.Volt, Pulse: 100 * time.Microsecond, Energy: 2 * physic.MilliJoule, Duty: 0.01}

func TestStrobeLimits(t *testing.T) {
	if p := led.Power(); p != 20*physic.Watt {
		t.Errorf("power %v", p)
	}
	if e := led.EnergyOf(50 * time.Microsecond); e != physic.MilliJoule {
		t.Errorf("energy %v", e)
	}
	hungry := led
	hungry.Energy = physic.MilliJoule
	for name, c := range map[string]struct {
		limits Limits
		width  time.Duration
		want   string
	}{
		"well":       {led, 100 * time.Microsecond, ""},
		"long":       {led, 101 * time.Microsecond, "longest pulse"},
		"energy":     {hungry, 60 * time.Microsecond, "the limit is 1mJ"},
		"no width":   {led, 0, "width"},
		"no current": {Limits{Duty: 1}, time.Microsecond, "current"},
		"no duty":    {Limits{Current: 1, Voltage: 1}, time.Microsecond, "duty"},
	} {
		err := c.limits.Check(c.width)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}

// TestALampThatWasOnTooLongCoolsLonger than the pulse that it was to have.
func TestALampThatWasOnTooLongCoolsLonger(t *testing.T) {
	g := NewGuard(led)
	const width = 100 * time.Microsecond
	if err := g.Allow(0, width); err != nil {
		t.Fatal(err)
	}
	if err := g.Shone(0, width); err != nil {
		t.Error(err)
	}
	if err := g.Shone(0, 5*width); err == nil || !strings.Contains(err.Error(), "500µs") {
		t.Errorf("on for five times as long as allowed: %v", err)
	}
	if err := g.Allow(499*width, width); !errors.Is(err, ErrTooHot) {
		t.Errorf("allowed again too soon: %v", err)
	}
	if err := g.Allow(500*width, width); err != nil {
		t.Error(err)
	}
}

// TestTheGuardKeepsTheDuty: whatever is asked for, the time that the lamp is on
// stays within its part of any time from pulse to pulse.
func TestTheGuardKeepsTheDuty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := NewGuard(led)
		at, lastAt, lastWidth, any := time.Duration(0), time.Duration(0), time.Duration(0), false
		for range rapid.IntRange(1, 50).Draw(t, "pulses") {
			at += time.Duration(rapid.Int64Range(1, int64(20*time.Millisecond)).Draw(t, "pause"))
			width := time.Duration(rapid.Int64Range(1, int64(150*time.Microsecond)).Draw(t, "width"))
			if err := g.Allow(at, width); err != nil {
				if !errors.Is(err, ErrTooHot) {
					t.Fatal(err)
				}
				continue
			}
			if width > led.Pulse {
				t.Fatalf("a pulse of %v was allowed", width)
			}
			if any && float64(lastWidth) > led.Duty*float64(at-lastAt)+1 {
				t.Fatalf("%v on in %v", lastWidth, at-lastAt)
			}
			lastAt, lastWidth, any = at, width, true
		}
	})
}
