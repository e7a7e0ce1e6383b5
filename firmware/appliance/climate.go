package appliance

import (
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"periph.io/x/conn/v3/physic"

	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
	"kensa/firmware/alarm"
	"kensa/firmware/config"
	"kensa/firmware/display"
	"kensa/firmware/record"
	"kensa/hw/environment"
	"kensa/hw/i2c"
)

// climate measures the surroundings, from the watch's goroutine.
type climate struct {
	sensor                environment.Sensor
	temperature, humidity prometheus.Gauge
	latest                atomic.Pointer[record.Climate] // nil while the sensor fails
	limits                []limit
	outside               bool // as last measured
}

// limit is a range that a measured value must stay in.
type limit struct {
	what, unit      string
	of              func(*record.Climate) float64
	lowest, highest float64
	// slack is how far within the range a value must be before it counts as back: the
	// sensors' noise at a limit is no news.
	slack float64
}

// limitsOf are those that are configured.
func limitsOf(c config.Environment) []limit {
	var all []limit
	if r := c.TemperatureLimits; len(r) == 2 {
		all = append(all, limit{"temperature", "°C", func(c *record.Climate) float64 { return c.Temperature.Celsius() }, r[0], r[1], 0.2})
	}
	if r := c.HumidityLimits; len(r) == 2 {
		all = append(all, limit{"humidity", "%", (*record.Climate).Percent, r[0], r[1], 1})
	}
	return all
}

// outsideOf tells which limits the surroundings are beyond; before is whether they
// were.
func outsideOf(c *record.Climate, limits []limit, before bool) string {
	var said []string
	for _, l := range limits {
		slack := 0.0
		if before {
			slack = min(l.slack, (l.highest-l.lowest)/4)
		}
		if v := l.of(c); v < l.lowest+slack || v > l.highest-slack {
			said = append(said, fmt.Sprintf("%s %.1f %s; limits are %g to %g", l.what, v, l.unit, l.lowest, l.highest))
		}
	}
	return strings.Join(said, ", ")
}

// openEnvironment takes the sensor.
func (a *Appliance) openEnvironment() error {
	sensor, err := OpenSensor(a.config.Environment, a.onClose)
	if err != nil || sensor == nil {
		return err
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	a.climate = &climate{sensor: sensor, limits: limitsOf(a.config.Environment), temperature: gauge("kensa_environment_celsius", "Temperature at the optics."),
		humidity: gauge("kensa_environment_humidity_percent", "Relative humidity at the optics.")}
	for _, g := range []prometheus.Gauge{a.climate.temperature, a.climate.humidity} {
		if err := a.registry.Register(g); err != nil {
			return err
		}
	}
	_ = a.climate.measure() // so that the first wafer knows; what fails the watch tells
	return nil
}

// OpenSensor takes the configured sensor; nil where there is none. What closes it
// it gives to onClose, to be called in the reverse order.
func OpenSensor(c config.Environment, onClose func(func() error)) (environment.Sensor, error) {
	if c.Sensor == "" {
		return nil, nil
	}
	bus, err := i2c.Open(c.Bus)
	if err != nil {
		return nil, fmt.Errorf("[environment]: %w", err)
	}
	onClose(bus.Close)
	var sensor environment.Sensor = environment.NewSHT3x(bus, c.Address, time.Sleep)
	if c.Sensor == "bme280" {
		if sensor, err = environment.NewBME280(bus, c.Address); err != nil {
			return nil, fmt.Errorf("[environment]: %w", err)
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

// watchClimate measures once, and tells of a sensor that fails and of surroundings
// beyond their limits. Of those nothing is known while the sensor fails: what was
// wrong stays wrong.
func (a *Appliance) watchClimate() {
	c := a.climate
	if c == nil {
		return
	}
	err := c.measure()
	detail := ""
	if err != nil {
		detail = err.Error()
	}
	a.alarmWhen(err != nil, alarm.SensorFailed, detail)
	if now := c.latest.Load(); now != nil {
		beyond := outsideOf(now, c.limits, c.outside)
		c.outside = beyond != ""
		a.alarmWhen(c.outside, alarm.ClimateOutside, beyond)
	}
	a.screen.climate(climateShown(c.latest.Load(), c.outside))
}

// climateShown is what the display shows, rounded as the host's metrics are.
func climateShown(c *record.Climate, outside bool) display.Climate {
	none := display.Number(math.NaN())
	shown := display.Climate{Temperature: none, Humidity: none, Outside: outside}
	if c != nil {
		shown.Temperature, shown.Humidity = display.Number(tenths(c.Temperature.Celsius())), display.Number(math.Round(c.Percent()))
	}
	return shown
}

func tenths(v float64) float64 { return math.Round(10*v) / 10 }

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
		sparkplug.HealthTemperature: payload.Double(tenths(c.Temperature.Celsius())),
		sparkplug.HealthHumidity:    payload.Double(math.Round(c.Percent())),
	}
}
