package appliance

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"periph.io/x/conn/v3/i2c/i2ctest"
	"periph.io/x/conn/v3/physic"

	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
	"kensa/firmware/alarm"
	"kensa/firmware/config"
	"kensa/firmware/display"
	"kensa/hw/environment"
)

// TestTheClimateIsThatOfASensorThatAnswers: what a wafer's record and the host are
// told is the latest measurement, and nothing once the sensor fails.
func TestTheClimateIsThatOfASensorThatAnswers(t *testing.T) {
	// 85.523 °C and 50.0008 %, then an answer damaged on the bus.
	bus := &i2ctest.Playback{DontPanic: true, Ops: []i2ctest.IO{
		{Addr: 0x44, W: []byte{0x24, 0x00}}, {Addr: 0x44, R: []byte{0xbe, 0xef, 0x92, 0x80, 0x00, 0xa2}},
		{Addr: 0x44, W: []byte{0x24, 0x00}}, {Addr: 0x44, R: []byte{0xbe, 0xef, 0x93, 0x80, 0x00, 0xa2}},
	}}
	a := measuring(environment.NewSHT3x(bus, 0x44, func(time.Duration) {}), config.Environment{})
	a.watchClimate()
	if c := a.climateNow(); c == nil || c.String() != "85.5 °C, 50 % relative humidity" {
		t.Fatalf("measured %v", c)
	}
	if shown := a.screen.board.Status().Climate; shown == nil || *shown != (display.Climate{Temperature: 85.5, Humidity: 50}) {
		t.Errorf("shown %+v", shown)
	}
	told := healthOfClimate(a.climateNow())
	if told[sparkplug.HealthTemperature] != payload.Double(85.5) || told[sparkplug.HealthHumidity] != payload.Double(50) {
		t.Errorf("the host is told %v", told)
	}
	a.watchClimate()
	if c := a.climateNow(); c != nil {
		t.Errorf("%v, from a sensor that fails", c)
	}
	if shown := a.screen.board.Status().Climate; shown == nil || shown.Temperature == shown.Temperature {
		t.Errorf("shown %+v, of a sensor that fails", shown)
	}
	if told := healthOfClimate(nil); !told[sparkplug.HealthTemperature].IsNull() {
		t.Errorf("the host is told %v", told)
	}
	if set := a.alarms.Active(); len(set) != 1 || set[0].ID != alarm.SensorFailed.ID {
		t.Errorf("alarms %v", set)
	}
	if err := bus.Close(); err != nil {
		t.Error(err)
	}
}

// measuring is an appliance that has nothing but a sensor and a screen.
func measuring(sensor environment.Sensor, c config.Environment) *Appliance {
	gauge := func() prometheus.Gauge { return prometheus.NewGauge(prometheus.GaugeOpts{Name: "x"}) }
	return &Appliance{alarms: alarm.NewSet(time.Now), raised: map[alarm.ID]bool{},
		screen:  &screen{board: display.NewBoard(display.State{}), log: slog.New(slog.DiscardHandler)},
		climate: &climate{sensor: sensor, limits: limitsOf(c), temperature: gauge(), humidity: gauge()}}
}

// room answers with the surroundings that it is set to.
type room struct{ physic.Env }

func (r *room) Sense(e *physic.Env) error {
	*e = r.Env
	return nil
}

func (*room) Halt() error { return nil }

func (*room) String() string { return "room" }

// TestSurroundingsBeyondTheirLimitsAreAnAlarm until they are clearly back; what the
// sensor's noise does at a limit is no news.
func TestSurroundingsBeyondTheirLimitsAreAnAlarm(t *testing.T) {
	r := &room{}
	a := measuring(r, config.Environment{TemperatureLimits: []float64{20, 24}, HumidityLimits: []float64{30, 60}})
	for _, c := range []struct {
		celsius, percent float64
		detail           string // of the alarm; empty where there is none
	}{
		{22, 45, ""},
		{24, 60, ""},
		{24.1, 45, "temperature 24.1 °C; limits are 20 to 24"},
		{23.9, 45, "temperature 24.1 °C; limits are 20 to 24"}, // the same alarm
		{23.7, 45, ""},
		{23.9, 45, ""},
		{19.5, 61, "temperature 19.5 °C; limits are 20 to 24, humidity 61.0 %; limits are 30 to 60"},
		{22, 45, ""},
		{22, 29.9, "humidity 29.9 %; limits are 30 to 60"},
	} {
		r.Temperature = physic.ZeroCelsius + physic.Temperature(c.celsius*float64(physic.Celsius))
		r.Humidity = physic.RelativeHumidity(c.percent * float64(physic.PercentRH))
		a.watchClimate()
		said := ""
		for _, set := range a.alarms.Active() {
			said += set.Detail
		}
		if said != c.detail {
			t.Errorf("%v °C, %v %%: alarm %q; want %q", c.celsius, c.percent, said, c.detail)
		}
		if shown := a.screen.board.Status().Climate; shown.Outside != (c.detail != "") || fmt.Sprintf("%.1f", float64(shown.Temperature)) != fmt.Sprintf("%.1f", c.celsius) {
			t.Errorf("%v °C, %v %%: shown %+v", c.celsius, c.percent, *shown)
		}
	}
}
