package line

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Monotonic reads CLOCK_MONOTONIC, the clock of the kernel's edge events and of
// V4L2's frames.
func Monotonic() time.Duration {
	var ts unix.Timespec
	// The call cannot fail for a clock that every kernel has.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return time.Duration(ts.Nano())
}

// brief is the last part of a wait, which Go's scheduler is not told of. Of a wait that
// it is told of it takes the thread's right to run Go code away, and an urgent thread
// then waits for one that is not: seen in the virtual machine, a strobe of 100 µs was
// on for 1.8 s.
const brief = time.Millisecond

// WaitUntil sleeps until a time on the clock of Monotonic, as exactly as the
// kernel wakes this thread.
func WaitUntil(at time.Duration) {
	if early := at - brief; early > Monotonic() {
		ts := unix.NsecToTimespec(int64(early))
		for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil) == unix.EINTR {
			continue
		}
	}
	ts := unix.NsecToTimespec(int64(at))
	for sleepUntold(&ts) == unix.EINTR {
		continue
	}
}

func sleepUntold(until *unix.Timespec) unix.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, uintptr(unsafe.Pointer(until)), 0, 0, 0)
	return errno
}
