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

// WaitUntil sleeps until a time on the clock of Monotonic, as exactly as the
// kernel wakes this thread.
func WaitUntil(at time.Duration) {
	ts := unix.NsecToTimespec(int64(at))
	for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil) == unix.EINTR {
		continue
	}
}

// brief is the last part of a wait that HoldUntil does not tell Go's scheduler of.
const brief = time.Millisecond

// HoldUntil is WaitUntil for the edges of a pulse. In a wait that it is told of, Go's
// scheduler takes the thread's right to run Go code away, and gets it back when
// another thread gives it; an urgent thread then waits for one that is not. Seen in
// the virtual machine beside busy programs, a strobe of 100 µs was on for 1.8 s. So
// the last millisecond of the wait keeps that right, which costs the program's other
// goroutines a processor for as long.
func HoldUntil(at time.Duration) {
	if early := at - brief; early > Monotonic() {
		WaitUntil(early)
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
