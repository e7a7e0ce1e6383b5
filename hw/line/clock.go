package line

import (
	"time"

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
