package appliance

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"aead.dev/minisign"

	"kensa/calibration"
	"kensa/calibration/store"
	"kensa/firmware/alarm"
	"kensa/firmware/config"
	"kensa/firmware/station"
	"kensa/vision/hotpath"
)

// ErrCalibration means that the calibration in use must not be used here.
var ErrCalibration = errors.New("calibration refused")

// CalibrationFolder is where a station's calibrations lie.
func CalibrationFolder(c config.Config) string { return filepath.Join(c.Storage.State, "calibration") }

// CalibratedStation is what stands here, as a calibration must name it. The
// frame's size is the recipe's, which a calibration is held against later.
func CalibratedStation(c config.Config) store.Station {
	k := c.Calibration
	return store.Station{Name: c.Station.Name, Objective: k.Objective, Camera: k.Camera, Lens: k.Lens, Light: k.Light}
}

// CalibrationKeys are those that a calibration must be signed by; nil where it
// need not be.
func CalibrationKeys(c config.Config) ([]minisign.PublicKey, error) {
	folder := c.Calibration.Keys
	if folder == "" {
		return nil, nil
	}
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(c.Storage.State, folder)
	}
	return store.Keys(folder)
}

// Calibration reads the calibration in use; nil where there is none and none is
// required. One that is another station's, changed or, where keys are configured,
// not signed by one of them is an error. So is an expired one, unless
// calibration.expired is "alarm".
func Calibration(c config.Config, now time.Time) (*store.Calibration, error) {
	keys, err := CalibrationKeys(c)
	if err != nil {
		return nil, fmt.Errorf("%w: calibration.%w", ErrCalibration, err)
	}
	used, err := store.Open(CalibrationFolder(c)).Trusted(c.Calibration.Objective, keys)
	if errors.Is(err, store.ErrNone) && !c.Calibration.Required {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCalibration, err)
	}
	err = used.Fits(CalibratedStation(c), now)
	if errors.Is(err, store.ErrExpired) && c.Calibration.Expired == "alarm" {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCalibration, err)
	}
	return used, nil
}

// openCalibration reads the calibration for the recipe's frames. The simulated
// bench is other hardware than the simulated tool: where one was calibrated for
// practice, the other runs without.
func (a *Appliance) openCalibration(r config.Recipe) error {
	used, err := Calibration(a.config, time.Now())
	if err != nil || used == nil {
		return err
	}
	here := CalibratedStation(a.config)
	here.Width, here.Height = r.Frame.Width, r.Frame.Height
	if err := used.Fits(here, used.Expires); err != nil {
		if a.config.Source.Camera == "simulated" && !a.config.Calibration.Required {
			a.log.Warn("the calibration is not of the simulated tool, and not used", "calibration", used.Name(), "reason", err)
			return nil
		}
		return fmt.Errorf("%w: %w", ErrCalibration, err)
	}
	a.calibration = used
	if flat, err := CalibratedFlat(used); err != nil {
		return fmt.Errorf("%w: %w", ErrCalibration, err)
	} else if a.config.Calibration.Flat {
		a.flat = flat
	}
	a.log.Info("calibration in use", "calibration", used.Name(), "expires", used.Expires.Format(time.DateOnly))
	return nil
}

// flatField is what corrects frames: the file that source.flat names, else the
// calibration's maps, else nil.
func (a *Appliance) flatField() (*hotpath.Flat, error) {
	if a.config.Source.Flat != "" {
		return Flat(a.config)
	}
	return a.flat, nil
}

// CalibratedFlat packs the calibration's dark and gain maps; nil where they were
// not measured. Dark levels become grey levels of an 8-bit image. What the pass
// over the frame cannot hold is cut to its limits: those are defective pixels.
func CalibratedFlat(c *store.Calibration) (*hotpath.Flat, error) {
	dark, gain := c.Map("flat", "dark"), c.Map("flat", "gain")
	if dark == nil || gain == nil {
		return nil, nil
	}
	if dark.Width != c.Station.Width || dark.Height != c.Station.Height || gain.Width != dark.Width || gain.Height != dark.Height {
		return nil, fmt.Errorf("flat: maps of %d×%d and %d×%d; the camera's frame is %d×%d",
			dark.Width, dark.Height, gain.Width, gain.Height, c.Station.Width, c.Station.Height)
	}
	grey := float32(math.Ldexp(1, 8-c.Station.Depth)) // 8-bit grey levels for each of the camera's
	levels := within(dark, grey, 0, hotpath.MaxDark, 0)
	return hotpath.NewFlat(dark.Width, dark.Height, levels, within(gain, 1, hotpath.MinGain, hotpath.MaxGain, 1))
}

// within scales a map's values and cuts them to limits; what is no number becomes
// otherwise.
func within(m *calibration.Map, scale, low, high, otherwise float32) []float32 {
	out := make([]float32, len(m.Values))
	for i, v := range m.Values {
		out[i] = max(low, min(high, v*scale))
		if math.IsNaN(float64(v)) {
			out[i] = otherwise
		}
	}
	return out
}

// cycle is the configured work cycle. Where its latency window is the default,
// the calibration's takes its place.
func (a *Appliance) cycle() station.Config {
	c, standard := a.config.Cycle, station.DefaultConfig()
	if a.calibration == nil || c.LatencyMin != standard.LatencyMin || c.LatencyMax != standard.LatencyMax {
		return c
	}
	low, hasLow := a.calibration.Parameter("trigger", "window_min_us")
	high, hasHigh := a.calibration.Parameter("trigger", "window_max_us")
	if hasLow && hasHigh && low >= 0 && high > low {
		c.LatencyMin, c.LatencyMax = microseconds(low), microseconds(high)
		a.log.Info("pairing window by calibration", "min", c.LatencyMin, "max", c.LatencyMax)
	}
	return c
}

func microseconds(v float64) time.Duration { return time.Duration(v * float64(time.Microsecond)) }

// maxScaleError is by how much the recipe's pixel may differ from the measured
// one: at the edge of a field of 1000 pixels that is one pixel.
const maxScaleError = 1e-3

// checkScale holds the recipe's pixel size against the calibration's.
func (a *Appliance) checkScale(r config.Recipe) {
	pixel, known := pixelSize(a.calibration)
	recipe := r.Layout.PixelSize.Micrometres()
	if off := recipe/pixel - 1; known && math.Abs(off) > maxScaleError {
		a.alarms.Raise(alarm.ScaleDiffers, fmt.Sprintf("recipe %s: %.4g µm; calibrated %.5g µm; %+.2f %%", r.Name, recipe, pixel, 100*off))
		return
	}
	a.alarms.Clear(alarm.ScaleDiffers.ID)
}

// pixelSize is the mean of the calibrated pixel's width and height, in µm.
func pixelSize(c *store.Calibration) (float64, bool) {
	pixel, procedure := scaleOf(c)
	return pixel, procedure != ""
}

// scaleOf is that mean and the procedure that measured it; empty where none did.
func scaleOf(c *store.Calibration) (pixel float64, procedure string) {
	procedure, section := c.Scale()
	if section == nil {
		return 0, ""
	}
	return (section.Parameters["pixel_x_um"] + section.Parameters["pixel_y_um"]) / 2, procedure
}

// watchCalibration raises an alarm when the calibration in use has expired.
func (a *Appliance) watchCalibration(now time.Time) {
	c := a.calibration
	if c == nil {
		return
	}
	a.alarmWhen(now.After(c.Expires), alarm.CalibrationExpired, fmt.Sprintf("number %d of objective %s on %s", c.Number, c.Station.Objective, c.Expires.Format(time.DateOnly)))
}
