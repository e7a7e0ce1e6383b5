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

// checkMemory compares what the frames that may be held at once take with the
// machine's memory: more than half of it would leave too little for the rest, and the kernel
// ends a program that takes all.
func checkMemory(_ context.Context, c config.Config) (string, error) {
	var machine unix.Sysinfo_t
	if err := unix.Sysinfo(&machine); err != nil {
		return "", fmt.Errorf("sysinfo: %w", err)
	}
	total := float64(machine.Totalram) * float64(machine.Unit)
	width, height, mode, err := frames(c)
	if err != nil || width <= 0 || height <= 0 {
		return mib(total) + ", frames as the camera gives them", nil // checkRecipe tells of the error
	}
	held, workers := framesHeld(c), cmp.Or(c.Cycle.Workers, runtime.NumCPU())
	pixels := float64(width) * float64(height)
	need := float64(held+workers) * pixels * bytesPerPixel(c)
	if mode == config.Unpatterned {
		need += float64(workers) * pixels * unpatternedBytes
	}
	if need > total/2 {
		return "", fmt.Errorf("%d frames of %d×%d pixels that wait and %d under inspection may take %s; want at most half of the machine's %s",
			held, width, height, workers, mib(need), mib(total))
	}
	return fmt.Sprintf("%s, up to %s of it for frames and their inspection", mib(total), mib(need)), nil
}

// unpatternedBytes is how many bytes a pixel the search of a bare wafer takes at its
// peak, in planes of floats: measured with frames of 12 megapixels.
const unpatternedBytes = 32

// frames tells their size, 0 where only the camera knows, and how they are inspected.
func frames(c config.Config) (width, height int, mode config.Mode, err error) {
	if c.Recipe.File == "" {
		return c.Camera.Width, c.Camera.Height, config.BareRecipe().Mode, nil
	}
	r, err := config.LoadRecipe(appliance.RecipePath(c))
	if c.Camera.Width != 0 {
		return c.Camera.Width, c.Camera.Height, r.Mode, err
	}
	return r.Frame.Width, r.Frame.Height, r.Mode, err
}

// framesHeld counts those that wait and those that the source fills.
func framesHeld(c config.Config) int {
	if _, real := c.Source.Device(); real {
		return c.Camera.Buffers
	}
	return c.Cycle.Queue + config.DriverBuffers + 1
}

func bytesPerPixel(c config.Config) float64 {
	if strings.HasPrefix(c.Camera.Format, "Y1") { // Y10 to Y16
		return 2
	}
	return 1
}

func mib(bytes float64) string { return fmt.Sprintf("%.0f MiB", bytes/(1<<20)) }
