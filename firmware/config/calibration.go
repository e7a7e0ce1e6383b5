package config

import (
	"fmt"
	"regexp"
)

// Calibration says what hardware stands here, as the calibration file must name
// it, and what the appliance does when the file does not fit.
type Calibration struct {
	// Objective in use: lower-case letters, digits and hyphens. Each has
	// calibrations of its own.
	Objective string `toml:"objective"`
	// Serial numbers of camera, lens and light. A calibration of other ones is
	// refused.
	Camera string `toml:"camera"`
	Lens   string `toml:"lens"`
	Light  string `toml:"light"`
	// ValidDays is how long a calibration holds after it was accepted.
	ValidDays int `toml:"valid_days"`
	// Required refuses to start without a calibration; otherwise the appliance runs
	// on what the recipe and this file say.
	Required bool `toml:"required"`
	// Expired is "refuse", or "alarm" to go on with an expired calibration and say so.
	Expired string `toml:"expired"`
	// Flat corrects frames by the calibration's dark and gain maps, unless
	// source.flat names a file. A golden must be learnt from frames corrected alike:
	// `kensa train --calibrated`.
	Flat bool `toml:"flat"`
	// Temperature corrects the pixel's size, and with it sizes and places of defects,
	// by the temperature at the optics when the wafer arrives. It needs a sensor
	// (environment), and a drift that was accepted by `kensa calibrate temperature
	// --enable`; without either nothing is corrected.
	Temperature bool `toml:"temperature"`
	// Keys is a folder, relative to the state folder, of minisign public keys (*.pub). If it is set, a calibration
	// must be signed by one of them.
	Keys string `toml:"keys"`
}

var objectiveName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

func (c Calibration) check() error {
	switch {
	case !objectiveName.MatchString(c.Objective):
		return fmt.Errorf("calibration.objective: %q; want 1 to 64 lower-case letters, digits and hyphens", c.Objective)
	case c.ValidDays < 1 || c.ValidDays > 3660:
		return fmt.Errorf("calibration.valid_days: %d; want 1 to 3660", c.ValidDays)
	case c.Expired != "refuse" && c.Expired != "alarm":
		return fmt.Errorf(`calibration.expired: %q; want "refuse" or "alarm"`, c.Expired)
	}
	return nil
}
