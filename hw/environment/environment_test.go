package environment

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"periph.io/x/conn/v3/i2c/i2ctest"
	"periph.io/x/conn/v3/physic"
)

func sense(t *testing.T, answer []byte) (e physic.Env, err error) {
	t.Helper()
	bus := &i2ctest.Playback{DontPanic: true, Ops: []i2ctest.IO{
		{Addr: 0x44, W: []byte{0x24, 0x00}}, {Addr: 0x44, R: answer},
	}}
	var waited time.Duration
	err = NewSHT3x(bus, 0x44, func(d time.Duration) { waited = d }).Sense(&e)
	if closeErr := bus.Close(); closeErr != nil {
		t.Error(closeErr)
	}
	if waited < 15500*time.Microsecond {
		t.Errorf("waited %v for the measurement; the data sheet says 15.5 ms at most", waited)
	}
	return e, err
}

// TestSHT3x takes the checksum's example of the data sheet, 0xBEEF → 0x92, and the
// ends of the scale.
func TestSHT3x(t *testing.T) {
	for name, c := range map[string]struct {
		answer      []byte
		temperature float64 // °C
		humidity    float64 // %
	}{
		"example":  {[]byte{0xbe, 0xef, 0x92, 0x80, 0x00, 0xa2}, 85.523, 50.0008},
		"the low":  {[]byte{0, 0, 0x81, 0, 0, 0x81}, -45, 0},
		"the high": {[]byte{0xff, 0xff, 0xac, 0xff, 0xff, 0xac}, 130, 100},
	} {
		e, err := sense(t, c.answer)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		celsius, percent := float64(e.Temperature-physic.ZeroCelsius)/float64(physic.Kelvin), float64(e.Humidity)/float64(physic.PercentRH)
		if celsius-c.temperature > 0.001 || c.temperature-celsius > 0.001 || percent-c.humidity > 0.001 || c.humidity-percent > 0.001 {
			t.Errorf("%s: %.4f °C, %.4f %%; want %v, %v", name, celsius, percent, c.temperature, c.humidity)
		}
	}
}

func TestADamagedMeasurementIsNone(t *testing.T) {
	for n := range 6 {
		answer := []byte{0xbe, 0xef, 0x92, 0xbe, 0xef, 0x92}
		answer[n] ^= 0x10
		if e, err := sense(t, answer); !errors.Is(err, ErrChecksum) || e != (physic.Env{}) {
			t.Errorf("byte %d damaged: %v, %v", n, e, err)
		}
	}
}

// deaf is a bus on which nothing answers.
type deaf struct{ i2ctest.Playback }

func (*deaf) Tx(uint16, []byte, []byte) error { return syscall.ENXIO }

func TestASensorThatIsNotThere(t *testing.T) {
	var e physic.Env
	if err := NewSHT3x(&deaf{}, 0x44, nil).Sense(&e); !errors.Is(err, syscall.ENXIO) {
		t.Errorf("SHT3x: %v", err)
	}
	if _, err := NewBME280(&deaf{}, 0x76); err == nil || !strings.Contains(err.Error(), "BME280 at 0x76") {
		t.Errorf("BME280: %v", err)
	}
	if _, err := NewBME280(&deaf{}, 0x10); err == nil {
		t.Error("an address that the part cannot have")
	}
}
