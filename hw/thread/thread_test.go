package thread

import (
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLockKeepsToItsProcessor(t *testing.T) {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		t.Fatal(err)
	}
	cpu := 0
	for !allowed.IsSet(cpu) {
		cpu++
	}
	ended := make(chan error)
	go func() { // its thread ends with it
		err := Settings{CPUs: []int{cpu}}.Lock()
		var set unix.CPUSet
		if err == nil {
			err = unix.SchedGetaffinity(0, &set)
		}
		if err == nil && (set.Count() != 1 || !set.IsSet(cpu)) {
			t.Errorf("processors %v; want %d alone", set, cpu)
		}
		ended <- err
	}()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestPriorityIsSetOrItsNeedIsNamed: root has it, others are told what is missing.
func TestPriorityIsSetOrItsNeedIsNamed(t *testing.T) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := Settings{Priority: 5}.Lock()
		attr, getErr := unix.SchedGetAttr(0, 0)
		switch {
		case err != nil && !strings.Contains(err.Error(), "CAP_SYS_NICE"):
			t.Error(err)
		case err == nil && (getErr != nil || attr.Policy != unix.SCHED_FIFO || attr.Priority != 5):
			t.Errorf("%+v, %v", attr, getErr)
		}
	}()
	<-ended
	runtime.KeepAlive(ended)
}

func TestCheck(t *testing.T) {
	for _, s := range []Settings{{Priority: -1}, {Priority: 100}, {CPUs: []int{-1}}, {CPUs: []int{1024}}} {
		if s.Check() == nil {
			t.Errorf("%+v: no error", s)
		}
	}
	if err := (Settings{Priority: 99, CPUs: []int{0, 3}}).Check(); err != nil {
		t.Error(err)
	}
}
