package appliance

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"periph.io/x/conn/v3/physic"

	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
	"kensa/firmware/alarm"
	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/hw/environment"
	"kensa/hw/i2c"
)

// climate measures the surroundings, from the watch's goroutine.
type climate struct {
	sensor                environment.Sensor
	temperature, humidity prometheus.Gauge
	latest                atomic.Pointer[record.Climate] // nil while the sensor fails
}

// openEnvironment takes the sensor.
func (a *Appliance) openEnvironment() error {
	sensor, err := openSensor(a.config.Environment, a.onClose)
	if err != nil || sensor == nil {
		return err
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	a.climate = &climate{sensor: sensor, temperature: gauge("kensa_environment_celsius", "Temperature at the optics."),
		humidity: gauge("kensa_environment_humidity_percent", "Relative humidity at the optics.")}
	for _, g := range []prometheus.Gauge{a.climate.temperature, a.climate.humidity} {
		if err := a.registry.Register(g); err != nil {
			return err
		}
	}
	a.watchClimate() // the first wafer is to know it too
	return nil
}

// openSensor takes the configured sensor; nil where there is none. What it opens it
// gives to onClose.
func openSensor(c config.Environment, onClose func(func() error)) (environment.Sensor, error) {
	if c.Sensor == "" {
		return nil, nil
	}
	bus, err := i2c.Open(c.Bus)
	if err != nil {
		return nil, err
	}
	onClose(bus.Close)
	var sensor environment.Sensor = environment.NewSHT3x(bus, c.Address, time.Sleep)
	if c.Sensor == "bme280" {
		if sensor, err = environment.NewBME280(bus, c.Address); err != nil {
			return nil, err
		}
	}
	onClose(sensor.Halt)
	return sensor, nil
}

// measure asks the sensor once.
func (c *climate) measure() error {
	var e physic.Env
	if err := c.sensor.Sense(&e); err != nil {
		c.latest.Store(nil)
		return err
	}
	now := &record.Climate{Temperature: e.Temperature, Humidity: e.Humidity}
	c.latest.Store(now)
	c.temperature.Set(now.Temperature.Celsius())
	c.humidity.Set(now.Percent())
	return nil
}

// watchClimate measures once, and tells of a sensor that fails.
func (a *Appliance) watchClimate() {
	if a.climate == nil {
		return
	}
	err := a.climate.measure()
	detail := ""
	if err != nil {
		detail = err.Error()
	}
	a.alarmWhen(err != nil, alarm.SensorFailed, detail)
}

// climateNow is what was measured last; nil where nothing measures or the sensor
// fails.
func (a *Appliance) climateNow() *record.Climate {
	if a.climate == nil {
		return nil
	}
	return a.climate.latest.Load()
}

// healthOfClimate are the host's metrics. They are rounded, so that a sensor's
// noise is no news.
func healthOfClimate(c *record.Climate) map[string]payload.Value {
	if c == nil {
		none := payload.Null(payload.TypeDouble)
		return map[string]payload.Value{sparkplug.HealthTemperature: none, sparkplug.HealthHumidity: none}
	}
	return map[string]payload.Value{
		sparkplug.HealthTemperature: payload.Double(math.Round(10*c.Temperature.Celsius()) / 10),
		sparkplug.HealthHumidity:    payload.Double(math.Round(c.Percent())),
	}
}
