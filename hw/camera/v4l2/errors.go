package v4l2

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"kensa/hw/internal/devfile"
)

// explained adds to an error of the kernel what it means for a camera, and what to
// do where that is certain.
func explained(path, doing string, err error) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("camera %s: no such device; there are: %s: %w", path, names(List()), err)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("camera %s: permission denied%s: %w", path, devfile.Remedy(path, err), err)
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("camera %s: %s: in use by %s: %w", path, doing, holders(path), err)
	case errors.Is(err, unix.ENOTTY):
		return fmt.Errorf("camera %s: not a V4L2 device: %w", path, err)
	}
	return fmt.Errorf("camera %s: %s: %w", path, doing, err)
}

// names lists cameras for an error.
func names(found []Found) string {
	var all []string
	for _, f := range found {
		all = append(all, fmt.Sprintf("%s (%s)", f.Path, f.Name))
	}
	if all == nil {
		return "none"
	}
	return strings.Join(all, ", ")
}

// holders names the other programs that have a device open, as far as this one
// may see them.
func holders(path string) string {
	var own unix.Stat_t
	if unix.Stat(path, &own) != nil {
		return "another program"
	}
	var found []string
	processes, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	for _, process := range processes {
		if pid := filepath.Base(process); pid != strconv.Itoa(os.Getpid()) && holds(process, own.Rdev) {
			name, _ := os.ReadFile(filepath.Join(process, "comm")) // it may have ended
			found = append(found, fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), pid))
		}
	}
	if found == nil {
		return "another program"
	}
	return strings.Join(found, ", ")
}

// holds reports whether a process has a device open.
func holds(process string, number uint64) bool {
	files, err := os.ReadDir(filepath.Join(process, "fd"))
	if err != nil {
		return false
	}
	for _, file := range files {
		var s unix.Stat_t
		if unix.Stat(filepath.Join(process, "fd", file.Name()), &s) == nil && s.Mode&unix.S_IFMT == unix.S_IFCHR && uint64(s.Rdev) == number {
			return true
		}
	}
	return false
}
