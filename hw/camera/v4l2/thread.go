package v4l2

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Thread is how the goroutine that takes frames from the driver runs. It has an
// operating-system thread to itself in any case.
type Thread struct {
	// Priority 1 to 99 runs it under SCHED_FIFO, before everything of lesser
	// priority; 0 leaves it to the ordinary scheduler.
	Priority int
	// CPU that it stays on; -1 for any.
	CPU int
}

// apply is called by the goroutine itself.
func (t Thread) apply() error {
	runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
	if t.CPU >= 0 {
		var set unix.CPUSet
		set.Set(t.CPU)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return fmt.Errorf("camera thread: processor %d: %w; this machine has %d", t.CPU, err, runtime.NumCPU())
		}
	}
	if t.Priority == 0 {
		return nil
	}
	err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: uint32(t.Priority)}, 0)
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("camera thread: real-time priority %d: %w; grant CAP_SYS_NICE or LimitRTPRIO=%d to the service", t.Priority, err, t.Priority)
	}
	if err != nil {
		return fmt.Errorf("camera thread: real-time priority %d: %w; want 1 to 99", t.Priority, err)
	}
	return nil
}
