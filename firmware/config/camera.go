package config

import (
	"fmt"
	"strings"
	"time"

	"kensa/hw/camera/v4l2"
)

// Camera is how a real camera is set up; `kensa camera show` lists what it
// offers.
type Camera struct {
	// Input of the camera, such as a frame grabber's sockets, from 0; -1 leaves
	// the one that is chosen.
	Input int `toml:"input"`
	// Format of the pixels, such as GREY, Y12 or YUYV; empty takes the first that
	// fits, those that need no unpacking before the others.
	Format string `toml:"format"`
	// Width and Height of the frames in pixels; 0 takes the recipe's, and where that
	// has none, what the camera is set to.
	Width  int `toml:"width"`
	Height int `toml:"height"`
	// Rate of the frames a second; 0 leaves it to the camera.
	Rate float64 `toml:"rate"`
	// Buffers is how many frames the driver may fill ahead, those that wait for
	// inspection included: cycle.queue and 3 at least, and in trigger.mode free as
	// many more as come while a pulse is on its way.
	Buffers int `toml:"buffers"`
	// Controls are set before the camera starts, in order, as "NAME=VALUE", such as
	// "exposure_auto=Manual Mode" and "exposure_time_absolute=20".
	Controls []string `toml:"controls"`
	// Exposure is the control that sets the exposure, such as exposure_time_absolute,
	// for `kensa calibrate`; ExposureUnit is what one step of it means. Empty: whoever
	// calibrates is asked to set each exposure.
	Exposure     string        `toml:"exposure"`
	ExposureUnit time.Duration `toml:"exposure_unit"`
	// Fields are how many frames make a wafer where a camera stands alone, without
	// lines to a tool, and the recipe has no plan of the wafer.
	Fields int `toml:"fields"`
}

// Device is the path of a real camera.
func (s Source) Device() (path string, ok bool) { return strings.CutPrefix(s.Camera, "v4l2:") }

// V4L2 is the setup of the real camera for frames of a size, which counts where
// the configuration gives none.
func (c Config) V4L2(width, height int) v4l2.Config {
	if c.Camera.Width != 0 || c.Camera.Height != 0 {
		width, height = c.Camera.Width, c.Camera.Height
	}
	path, _ := c.Source.Device()
	return v4l2.Config{
		Path:    path,
		Mode:    v4l2.Mode{Input: c.Camera.Input, Format: c.Camera.Format, Width: width, Height: height, Rate: c.Camera.Rate},
		Buffers: c.Camera.Buffers, Controls: c.Camera.Controls, Thread: c.Realtime,
	}
}

// DriverBuffers are those that a driver needs for itself: one that it fills, one
// to go on with.
const DriverBuffers = 2

func (c Config) checkCamera() error {
	if c.Camera.Width < 0 || c.Camera.Height < 0 || (c.Camera.Width == 0) != (c.Camera.Height == 0) {
		return fmt.Errorf("camera.width, camera.height: %d, %d; want both, or 0 for both", c.Camera.Width, c.Camera.Height)
	}
	if c.Camera.Fields < 1 || c.Camera.Fields > 100_000 {
		return fmt.Errorf("camera.fields: %d; want 1 to 100000", c.Camera.Fields)
	}
	if u := c.Camera.ExposureUnit; u <= 0 || u > time.Second {
		return fmt.Errorf("camera.exposure_unit: %v; want more than 0, to 1 s", u)
	}
	if err := c.Realtime.Check(); err != nil {
		return fmt.Errorf("realtime.%w", err)
	}
	device, real := c.Source.Device()
	folder, replayed := c.Source.Replay()
	switch {
	case c.Source.Camera == "simulated", replayed && folder != "":
		return nil
	case real && device != "":
		if least := c.Cycle.Queue + DriverBuffers + 1; c.Camera.Buffers < least {
			return fmt.Errorf("camera.buffers: %d; want %d or more: cycle.queue (%d), %d for the driver and 1 that waits for its pulse",
				c.Camera.Buffers, least, c.Cycle.Queue, DriverBuffers)
		}
		_, err := v4l2.New(c.V4L2(0, 0)) // opens nothing
		return err
	}
	return fmt.Errorf(`source.camera: %q; want "simulated", "replay:DIR" or "v4l2:DEVICE"`, c.Source.Camera)
}
