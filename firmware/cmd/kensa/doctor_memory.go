package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"kensa/firmware/appliance"
	"kensa/firmware/config"
)

// checkMemory compares the frames that may be held at once with the machine's
// memory: more than half of it would leave too little for the rest, and the kernel
// ends a program that takes all.
func checkMemory(_ context.Context, c config.Config) (string, error) {
	var machine unix.Sysinfo_t
	if err := unix.Sysinfo(&machine); err != nil {
		return "", fmt.Errorf("sysinfo: %w", err)
	}
	total := float64(machine.Totalram) * float64(machine.Unit)
	width, height, err := frameSize(c)
	if err != nil || width <= 0 || height <= 0 {
		return mib(total) + ", frames as the camera gives them", nil // checkRecipe tells of the error
	}
	frames := framesHeld(c)
	need := float64(frames) * float64(width) * float64(height) * bytesPerPixel(c)
	if need > total/2 {
		return "", fmt.Errorf("%d frames of %d×%d pixels may be held at once, %s; want at most half of the machine's %s", frames, width, height, mib(need), mib(total))
	}
	return fmt.Sprintf("%s, up to %s of it for frames", mib(total), mib(need)), nil
}

func frameSize(c config.Config) (width, height int, err error) {
	if c.Camera.Width != 0 || c.Recipe.File == "" {
		return c.Camera.Width, c.Camera.Height, nil
	}
	r, err := config.LoadRecipe(appliance.RecipePath(c))
	return r.Frame.Width, r.Frame.Height, err
}

// framesHeld counts those that wait, those that are inspected and those that the
// source fills.
func framesHeld(c config.Config) int {
	held := c.Cycle.Queue + config.DriverBuffers + 1
	if _, real := c.Source.Device(); real {
		held = c.Camera.Buffers
	}
	return held + cmp.Or(c.Cycle.Workers, runtime.NumCPU())
}

func bytesPerPixel(c config.Config) float64 {
	if strings.HasPrefix(c.Camera.Format, "Y1") { // Y10 to Y16
		return 2
	}
	return 1
}

func mib(bytes float64) string { return fmt.Sprintf("%.0f MiB", bytes/(1<<20)) }
