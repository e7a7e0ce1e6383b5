package v4l2

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// system is the part of the kernel that a camera needs. Tests record it and play
// it back.
type system interface {
	open(path string) (fd int, err error)
	close(fd int) error
	ioctl(fd int, request uintptr, argument unsafe.Pointer) error
	// mapMemory maps length bytes of a device at an offset.
	mapMemory(fd int, offset int64, length int) ([]byte, error)
	unmapMemory([]byte) error
	// wait waits until the device has a frame or a fault, or wake is written to;
	// it reports which of the two.
	wait(fd, wake int) (device, woken bool, err error)
}

// kernel is the real system.
type kernel struct{}

// open opens the device by itself: os.File would register it with the run-time's
// poller, which makes drivers start their read() emulation, and then they refuse
// every change of format as busy.
func (kernel) open(path string) (int, error) {
	return unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}

func (kernel) close(fd int) error { return unix.Close(fd) }

func (kernel) ioctl(fd int, request uintptr, argument unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(argument))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

func (kernel) mapMemory(fd int, offset int64, length int) ([]byte, error) {
	return unix.Mmap(fd, offset, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func (kernel) unmapMemory(memory []byte) error { return unix.Munmap(memory) }

func (kernel) wait(fd, wake int) (device, woken bool, err error) {
	polled := [2]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(polled[:], -1)
		if !errors.Is(err, unix.EINTR) {
			return polled[0].Revents != 0, polled[1].Revents != 0, err
		}
	}
}
