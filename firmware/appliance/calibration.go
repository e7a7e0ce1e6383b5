package appliance

import (
	"path/filepath"

	"aead.dev/minisign"

	"kensa/calibration/store"
	"kensa/firmware/config"
)

// CalibrationFolder is where a station's calibrations lie.
func CalibrationFolder(c config.Config) string { return filepath.Join(c.Storage.State, "calibration") }

// CalibratedStation is what stands here, as a calibration must name it. The
// frame's size is not known before the camera is open.
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
