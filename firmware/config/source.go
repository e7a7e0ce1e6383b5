package config

import (
	"path/filepath"
	"strings"
)

// Source is where pulses and frames come from.
type Source struct {
	// Camera is "simulated", "replay:DIR" for a folder of images, one field a file,
	// as if a camera had taken them (PNG, JPEG, TIFF, PGM), or "v4l2:DEVICE" for a
	// real camera, such as v4l2:/dev/v4l/by-id/usb-…-video-index0.
	Camera string `toml:"camera"`
	// Flat is the file of the camera's dark levels and gains, relative to the state
	// folder, that every frame is corrected by. Empty corrects nothing. A golden
	// should be learnt with the same: kensa train --flat FILE.
	Flat string `toml:"flat"`
	// Lot names the wafers of a real tool whose handler does not: the lot, and a
	// number of their own. Empty: each such wafer raises an alarm.
	Lot string `toml:"lot"`
}

// Replay is the folder of a replayed source.
func (s Source) Replay() (dir string, ok bool) { return strings.CutPrefix(s.Camera, "replay:") }

// FlatPath is where the source's flat field lies; empty where there is none.
func (c Config) FlatPath() string {
	if c.Source.Flat == "" || filepath.IsAbs(c.Source.Flat) {
		return c.Source.Flat
	}
	return filepath.Join(c.Storage.State, c.Source.Flat)
}

// Live reports whether the source is real: its wafers' times matter.
func (s Source) Live() bool {
	_, replay := s.Replay()
	return !replay && s.Camera != "simulated"
}
