package record

import (
	"database/sql"
	"fmt"
	"math"

	"periph.io/x/conn/v3/physic"
)

// Climate is the surroundings of the optics, as last measured before the wafer
// was closed.
type Climate struct {
	Temperature physic.Temperature
	Humidity    physic.RelativeHumidity
}

// Percent is the relative humidity in per cent.
func (c Climate) Percent() float64 { return float64(c.Humidity) / float64(physic.PercentRH) }

// String is such as "21.4 °C, 43 % relative humidity".
func (c Climate) String() string {
	return fmt.Sprintf("%.1f °C, %.0f %% relative humidity", c.Temperature.Celsius(), c.Percent())
}

// columns are those of the database; null of a wafer without a climate.
func (c *Climate) columns() (temperature, humidity any) {
	if c == nil {
		return nil, nil
	}
	return c.Temperature.Celsius(), c.Percent()
}

// climateOf is the reverse, to the nanokelvin and the least step of humidity.
func climateOf(temperature, humidity sql.NullFloat64) *Climate {
	if !temperature.Valid || !humidity.Valid {
		return nil
	}
	return &Climate{
		Temperature: physic.ZeroCelsius + physic.Temperature(math.Round(temperature.Float64*float64(physic.Celsius))),
		Humidity:    physic.RelativeHumidity(math.Round(humidity.Float64 * float64(physic.PercentRH))),
	}
}
