package line

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/warthog618/go-gpiocdev/uapi"

	"kensa/hw/internal/devfile"
)

// Errors that a caller can act on.
var (
	ErrNoChip = errors.New("no such chip")
	ErrNoLine = errors.New("no such line")
	ErrTaken  = errors.New("taken")
)

// devices is where the kernel shows its GPIO chips.
const devices = "/dev"

// chip is an open GPIO character device.
type chip struct {
	file  *os.File
	name  string // of the device, such as gpiochip0
	label string // of the driver, such as pinctrl-bcm2711
	lines int
}

func openChip(path string) (*chip, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, devfile.Remedy(path, err))
	}
	info, err := uapi.GetChipInfo(f.Fd())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return &chip{file: f, name: uapi.BytesToString(info.Name[:]), label: uapi.BytesToString(info.Label[:]), lines: int(info.Lines)}, nil
}

// findChip opens the chip of a label or a device's name.
func findChip(name string) (*chip, error) {
	paths, err := filepath.Glob(filepath.Join(devices, "gpiochip*"))
	if err != nil {
		return nil, err
	}
	var found *chip
	var others []string
	var refused error
	for _, path := range paths {
		c, err := openChip(path)
		if err != nil {
			refused = err
			continue
		}
		if c.name == name || c.label == name {
			if found != nil {
				err := fmt.Errorf("chip %q: %s and %s have that label; want a device's name", name, found.name, c.name)
				return nil, errors.Join(err, found.file.Close(), c.file.Close())
			}
			found = c
			continue
		}
		others = append(others, fmt.Sprintf("%s (%s, %d lines)", c.name, c.label, c.lines))
		if err := c.file.Close(); err != nil {
			return nil, err
		}
	}
	switch {
	case found != nil:
		return found, nil
	case refused != nil:
		return nil, fmt.Errorf("chip %q: %w", name, refused)
	}
	return nil, fmt.Errorf("chip %q: %w; %s", name, ErrNoChip, devfile.There(others))
}

// find is the offset of a line by its name or number. Names need not be unique
// within a chip, as far as the kernel cares.
func (c *chip) find(name string) (int, error) {
	var named []string
	var hits []int
	for offset := range c.lines {
		info, err := uapi.GetLineInfoV2(c.file.Fd(), offset)
		if err != nil {
			return 0, fmt.Errorf("%s: line %d: %w", c.name, offset, err)
		}
		switch own := uapi.BytesToString(info.Name[:]); own {
		case "":
		case name:
			hits = append(hits, offset)
		default:
			named = append(named, own)
		}
	}
	if number, err := strconv.Atoi(name); err == nil && len(hits) == 0 {
		if number < 0 || number >= c.lines {
			return 0, fmt.Errorf("line %d: %w; %s (%s) has 0 to %d", number, ErrNoLine, c.name, c.label, c.lines-1)
		}
		return number, nil
	}
	switch len(hits) {
	case 1:
		return hits[0], nil
	case 0:
		return 0, fmt.Errorf("line %q: %w; %s (%s) has %d lines, named: %s", name, ErrNoLine, c.name, c.label, c.lines, strings.Join(named, ", "))
	}
	return 0, fmt.Errorf("line %q: lines %v of %s have that name; want a number", name, hits, c.name)
}

// explain turns the kernel's refusal of a request into who holds which line.
func (c *chip) explain(err error, offsets []int) error {
	if !errors.Is(err, syscall.EBUSY) {
		return fmt.Errorf("%s lines %v: %w", c.name, offsets, err)
	}
	for _, offset := range offsets {
		info, infoErr := uapi.GetLineInfoV2(c.file.Fd(), offset)
		if infoErr != nil || !info.Flags.IsUsed() {
			continue
		}
		return fmt.Errorf("line %d (%s) of %s: %w by %q", offset, uapi.BytesToString(info.Name[:]), c.name, ErrTaken, holder(info))
	}
	return fmt.Errorf("%s lines %v: %w", c.name, offsets, ErrTaken)
}

// holder is who has a line; empty of a line that is free.
func holder(info uapi.LineInfoV2) string {
	consumer := uapi.BytesToString(info.Consumer[:])
	if consumer == "" && info.Flags.IsUsed() {
		return "the kernel"
	}
	return consumer
}

// Holder finds a line without taking it, and says who has it; empty where it is
// free.
func Holder(s Spec) (who string, err error) {
	c, err := findChip(s.Chip)
	if err != nil {
		return "", fmt.Errorf("line: %w", err)
	}
	defer c.file.Close()
	offset, err := c.find(s.Line)
	if err != nil {
		return "", fmt.Errorf("line: %w", err)
	}
	info, err := uapi.GetLineInfoV2(c.file.Fd(), offset)
	if err != nil {
		return "", fmt.Errorf("line: %s: line %d: %w", c.name, offset, err)
	}
	return holder(info), nil
}
