package appliance

import (
	"fmt"
	"math"

	"kensa/firmware/station"
)

// drift is how the pixel grows with the temperature at the optics, by the
// calibration; nil where it is not to be corrected. The pixel's size in the recipe
// is that of the temperature at which the scale was calibrated.
//
// Only the scale is corrected: nothing here moves the focus.
func (a *Appliance) drift() func() station.Drift {
	enabled, _ := a.calibration.Parameter("temperature", "enabled")
	if enabled == 0 || !a.config.Calibration.Temperature {
		return nil
	}
	if a.climate == nil {
		a.log.Warn("sizes are not corrected by temperature: no sensor is configured (environment.sensor)")
		return nil
	}
	perKelvin, _ := a.calibration.Parameter("temperature", "scale_ppm_per_k")
	reference, _ := a.calibration.Parameter("temperature", "reference_celsius")
	if _, procedure := scaleOf(a.calibration); procedure != "" {
		if at := a.calibration.Sections[procedure].Temperature; at != nil {
			reference = *at
		}
	}
	slope, _ := a.calibration.Sections["temperature"].Figure("scale")
	a.log.Info("sizes are corrected by temperature", "ppm_per_k", perKelvin, "from_celsius", reference)
	return func() station.Drift {
		now := a.climateNow()
		if now == nil {
			return station.Drift{Told: ", no temperature"}
		}
		warmer := now.Temperature.Celsius() - reference
		return station.Drift{Part: 1e-6 * perKelvin * warmer, Uncertainty: 1e-6 * slope.Uncertainty * math.Abs(warmer),
			Told: fmt.Sprintf(", scale %+.0f ppm at %.1f °C", perKelvin*warmer, now.Temperature.Celsius())}
	}
}
