// Package linetest gives tests a real GPIO chip of the kernel's simulator
// (Documentation/admin-guide/gpio/gpio-sim.rst), and the tool's end of its lines.
package linetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/gpio"
)

// configfs is where simulated chips are made.
const configfs = "/sys/kernel/config/gpio-sim"

// InMachine skips a test anywhere but in the virtual machine.
func InMachine(t testing.TB) {
	t.Helper()
	if os.Getenv("KENSA_VM") == "" {
		t.Skip("needs the virtual machine: make test-vm")
	}
}

// Chip is a simulated GPIO chip.
type Chip struct {
	Label  string
	t      testing.TB
	folder string // of its lines' controls in sysfs
	pulls  map[string]int
	values map[string]int
	names  []string
}

// New makes a chip with lines of the names given, in that order; an empty name
// is a line without one. It goes when the test ends.
func New(t testing.TB, label string, lines ...string) *Chip {
	t.Helper()
	InMachine(t)
	c := &Chip{Label: label, t: t, pulls: map[string]int{}, values: map[string]int{}, names: lines}
	device := filepath.Join(configfs, label)
	bank := filepath.Join(device, "bank0")
	c.make(bank)
	c.write(filepath.Join(bank, "label"), label)
	c.write(filepath.Join(bank, "num_lines"), fmt.Sprint(len(lines)))
	for n, name := range lines {
		if name == "" {
			continue
		}
		folder := filepath.Join(bank, fmt.Sprintf("line%d", n))
		c.make(folder)
		c.write(filepath.Join(folder, "name"), name)
	}
	c.write(filepath.Join(device, "live"), "1")
	t.Cleanup(func() { c.remove(device, bank) })
	c.folder = filepath.Join("/sys/devices/platform", c.read(filepath.Join(device, "dev_name")), c.read(filepath.Join(bank, "chip_name")))
	for n, name := range lines {
		c.pulls[name] = c.open(n, "pull", unix.O_WRONLY)
		c.values[name] = c.open(n, "value", unix.O_RDONLY)
	}
	return c
}

func (c *Chip) open(n int, control string, mode int) int {
	c.t.Helper()
	fd, err := unix.Open(filepath.Join(c.folder, fmt.Sprintf("sim_gpio%d", n), control), mode|unix.O_CLOEXEC, 0)
	if err != nil {
		c.t.Fatalf("gpio-sim: %s of line %d: %v", control, n, err)
	}
	return fd
}

func (c *Chip) remove(device, bank string) {
	var errs []error
	for _, name := range c.names {
		errs = append(errs, unix.Close(c.pulls[name]), unix.Close(c.values[name]))
	}
	errs = append(errs, os.WriteFile(filepath.Join(device, "live"), []byte("0"), 0))
	for n, name := range c.names {
		if name != "" {
			errs = append(errs, unix.Rmdir(filepath.Join(bank, fmt.Sprintf("line%d", n))))
		}
	}
	errs = append(errs, unix.Rmdir(bank), unix.Rmdir(device))
	if err := errors.Join(errs...); err != nil {
		c.t.Errorf("gpio-sim: chip not removed: %v", err)
	}
}

var pulls = map[gpio.Level][]byte{gpio.Low: []byte("pull-down"), gpio.High: []byte("pull-up")}

// Drive pulls a line, as what is wired to it does. It may be called from any
// goroutine.
func (c *Chip) Drive(name string, l gpio.Level) {
	if _, err := unix.Pwrite(c.pulls[name], pulls[l], 0); err != nil {
		c.t.Errorf("gpio-sim: line %s not driven: %v", name, err)
	}
}

// Pulse drives a line high and low again.
func (c *Chip) Pulse(name string) {
	c.Drive(name, gpio.High)
	c.Drive(name, gpio.Low)
}

// Read is the level of a line's voltage, as what is wired to it sees it.
func (c *Chip) Read(name string) gpio.Level {
	c.t.Helper()
	var b [8]byte
	n, err := unix.Pread(c.values[name], b[:], 0)
	if err != nil || n == 0 {
		c.t.Fatalf("gpio-sim: line %s not read: %v", name, err)
	}
	return b[0] == '1'
}

// Wire is the file that shows Read's level as 0 or 1, for another program.
func (c *Chip) Wire(name string) string {
	return filepath.Join(c.folder, fmt.Sprintf("sim_gpio%d", slices.Index(c.names, name)), "value")
}

func (c *Chip) make(folder string) {
	c.t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		c.t.Fatalf("gpio-sim: %v", err)
	}
}

func (c *Chip) write(path, text string) {
	c.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0); err != nil {
		c.t.Fatalf("gpio-sim: %v", err)
	}
}

func (c *Chip) read(path string) string {
	c.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatalf("gpio-sim: %v", err)
	}
	return strings.TrimSpace(string(text))
}
