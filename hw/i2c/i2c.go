// Package i2c is an I²C bus of the kernel's, as periph's i2c.Bus. It is ours,
// and not periph's own, because errors must keep their cause: a part that does
// not answer is another fault than a bus that is not there.
package i2c

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	"kensa/hw/internal/devfile"
)

// ErrNoAnswer means that nothing acknowledged the address or a byte: the part
// is not powered, not wired, or has another address.
var ErrNoAnswer = errors.New("no answer (NACK)")

// The kernel's I2C_RDWR (linux/i2c-dev.h).
const (
	rdwr     = 0x0707
	flagRead = 0x0001
	maxBytes = 8192
)

// message is struct i2c_msg.
type message struct {
	address, flags, length uint16
	buffer                 unsafe.Pointer
}

// transfer is struct i2c_rdwr_ioctl_data.
type transfer struct {
	messages unsafe.Pointer
	count    uint32
}

// Bus is one bus. It may be used from any goroutine.
type Bus struct {
	name string
	mu   sync.Mutex
	file *os.File
}

var _ i2c.BusCloser = (*Bus)(nil)

// Open takes a bus by its device's name, such as i2c-1.
func Open(name string) (*Bus, error) {
	f, err := os.OpenFile(filepath.Join("/dev", name), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		there, globErr := filepath.Glob("/dev/i2c-*")
		return nil, errors.Join(fmt.Errorf("i2c: bus %s: none such; %s; the module i2c-dev makes them", name, devfile.There(there)), globErr)
	}
	if err != nil {
		return nil, fmt.Errorf("i2c: bus %s: %w%s", name, err, devfile.Remedy(filepath.Join("/dev", name), err))
	}
	return &Bus{name: name, file: f}, nil
}

// String implements conn.Resource.
func (b *Bus) String() string { return b.name }

// SetSpeed implements i2c.Bus; the kernel has it in the device tree.
func (b *Bus) SetSpeed(physic.Frequency) error {
	return fmt.Errorf("i2c: bus %s: its speed is set by the device tree", b.name)
}

// Tx implements i2c.Bus: write, then read without a stop between.
func (b *Bus) Tx(address uint16, w, r []byte) error {
	if address > 0x7f || len(w) > maxBytes || len(r) > maxBytes {
		return fmt.Errorf("i2c: address %#x, %d bytes out, %d in; want 7 bits, and %d bytes at most", address, len(w), len(r), maxBytes)
	}
	var messages [2]message
	count := 0
	for _, part := range []struct {
		flags uint16
		bytes []byte
	}{{0, w}, {flagRead, r}} {
		if len(part.bytes) > 0 {
			messages[count] = message{address, part.flags, uint16(len(part.bytes)), unsafe.Pointer(&part.bytes[0])}
			count++
		}
	}
	if count == 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := transfer{unsafe.Pointer(&messages[0]), uint32(count)}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, b.file.Fd(), rdwr, uintptr(unsafe.Pointer(&t)))
	return explain(b.name, address, errno)
}

// explain names what went wrong. Drivers tell a missing acknowledgement as ENXIO
// (Documentation/i2c/fault-codes.rst) or, the elder ones, as EREMOTEIO.
func explain(bus string, address uint16, errno syscall.Errno) error {
	switch errno {
	case 0:
		return nil
	case unix.ENXIO, unix.EREMOTEIO:
		return fmt.Errorf("i2c: %s, address %#x: %w: %w", bus, address, ErrNoAnswer, errno)
	}
	return fmt.Errorf("i2c: %s, address %#x: %w", bus, address, errno)
}

// Close implements i2c.BusCloser.
func (b *Bus) Close() error { return b.file.Close() }
