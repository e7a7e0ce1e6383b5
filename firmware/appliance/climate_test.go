package appliance

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"periph.io/x/conn/v3/i2c/i2ctest"

	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
	"kensa/firmware/alarm"
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
	gauge := func() prometheus.Gauge { return prometheus.NewGauge(prometheus.GaugeOpts{Name: "x"}) }
	a := &Appliance{alarms: alarm.NewSet(time.Now), raised: map[alarm.ID]bool{},
		climate: &climate{sensor: environment.NewSHT3x(bus, 0x44, func(time.Duration) {}), temperature: gauge(), humidity: gauge()}}
	a.watchClimate()
	if c := a.climateNow(); c == nil || c.String() != "85.5 °C, 50 % relative humidity" {
		t.Fatalf("measured %v", c)
	}
	told := healthOfClimate(a.climateNow())
	if told[sparkplug.HealthTemperature] != payload.Double(85.5) || told[sparkplug.HealthHumidity] != payload.Double(50) {
		t.Errorf("the host is told %v", told)
	}
	a.watchClimate()
	if c := a.climateNow(); c != nil {
		t.Errorf("%v, from a sensor that fails", c)
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
