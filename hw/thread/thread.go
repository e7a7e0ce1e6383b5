// Package thread gives the goroutines that follow the hardware a thread of
// their own and the urgency that the configuration asks for.
//
// Latency without it is the scheduler's: on a busy box an ordinary thread may
// wait for milliseconds. SCHED_FIFO needs CAP_SYS_NICE or an RLIMIT_RTPRIO of
// the priority; CPUs kept free of other work (isolcpus) give the least jitter.
package thread

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Settings are how the threads of the trigger and the camera run.
type Settings struct {
	// Priority is the SCHED_FIFO priority, 1 to 99; 0 leaves the ordinary scheduler.
	Priority int `toml:"priority"`
	// CPUs are the processors on which they may run, from 0; none means all.
	CPUs []int `toml:"cpus"`
}

// Check reports a value out of range.
func (s Settings) Check() error {
	if s.Priority < 0 || s.Priority > 99 {
		return fmt.Errorf("priority: %d; want 0 to 99", s.Priority)
	}
	for _, cpu := range s.CPUs {
		if cpu < 0 || cpu >= 1024 {
			return fmt.Errorf("cpus: %d; want 0 to 1023", cpu)
		}
	}
	return nil
}

// Lock keeps the calling goroutine on its thread for good, and applies the
// settings to that thread. On an error the thread goes on as far as it could be
// set up: late is better than not at all.
func (s Settings) Lock() error {
	runtime.LockOSThread()
	var errs []error
	if len(s.CPUs) > 0 {
		var set unix.CPUSet
		for _, cpu := range s.CPUs {
			set.Set(cpu)
		}
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			errs = append(errs, fmt.Errorf("thread: cpus %v: %w", s.CPUs, err))
		}
	}
	if s.Priority > 0 {
		attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: uint32(s.Priority)}
		err := unix.SchedSetAttr(0, &attr, 0)
		if errors.Is(err, unix.EPERM) {
			err = fmt.Errorf("%w; the service needs CAP_SYS_NICE or LimitRTPRIO=%d", err, s.Priority)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("thread: priority %d: %w", s.Priority, err))
		}
	}
	return errors.Join(errs...)
}
