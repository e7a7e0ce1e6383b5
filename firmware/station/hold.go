package station

import (
	"context"
	"errors"
)

// Hold is by whose wish the station takes no more wafers; several may wish it.
type Hold uint8

// Holds.
const (
	OperatorPause Hold = 1 << iota
	HostPause
	HostStop
)

// String is the holds in words, the operator's first.
func (h Hold) String() string {
	switch {
	case h&OperatorPause != 0:
		return "paused by the operator"
	case h&HostStop != 0:
		return "stopped by the host"
	case h&HostPause != 0:
		return "paused by the host"
	}
	return ""
}

// Errors of commands.
var (
	// ErrStopped means that the station runs no more.
	ErrStopped = errors.New("station: stopped")
	// ErrBusy means that there is a wafer on the chuck, or something of the last one
	// is still to come.
	ErrBusy = errors.New("station: a wafer is being inspected")
)

// Pause lets the wafer on the chuck be finished and then keeps READY down until
// Resume.
func (s *Station) Pause(ctx context.Context) error {
	_, _, err := s.Hold(ctx, OperatorPause)
	return err
}

// Resume lets READY rise again, whoever held it: it is for the person at the tool.
func (s *Station) Resume(ctx context.Context) error {
	_, err := s.Release(ctx, OperatorPause|HostPause|HostStop)
	return err
}

// Hold lets the wafer on the chuck be finished and then keeps READY down until
// all holds are released. before are the holds that there were, busy whether
// there is a wafer to be finished.
func (s *Station) Hold(ctx context.Context, h Hold) (before Hold, busy bool, err error) {
	err = s.command(ctx, func() {
		before, busy = s.state.Holds, s.wafer != nil
		s.hold(s.state.Holds | h)
	})
	return before, busy, err
}

// Release takes holds away; before are those that there were.
func (s *Station) Release(ctx context.Context, h Hold) (before Hold, err error) {
	err = s.command(ctx, func() {
		before = s.state.Holds
		s.hold(s.state.Holds &^ h)
	})
	return before, err
}

func (s *Station) hold(h Hold) { s.state.Holds, s.state.Paused = h, h != 0 }

// Abort leaves what is still to come of the wafer on the chuck uninspected, so
// that it is recorded as incomplete when the tool takes it away, and stops as
// Hold does with HostStop. busy tells whether there was a wafer.
func (s *Station) Abort(ctx context.Context) (busy bool, err error) {
	err = s.command(ctx, func() {
		if busy = s.wafer != nil && !s.wafer.closed; busy {
			s.wafer.aborted = true
		}
		s.hold(s.state.Holds | HostStop)
	})
	return busy, err
}

// Select has the wafers to come inspected by another job, whose inspectors are
// the station's from then on; those of the job before are given back for closing.
// ErrBusy leaves everything as it was.
func (s *Station) Select(ctx context.Context, job Job) (before Job, err error) {
	failed := ErrBusy
	err = s.command(ctx, func() {
		if s.wafer != nil || s.inFlight > 0 || s.pairing.Waiting() > 0 {
			return
		}
		failed, before = nil, s.job
		close(s.work)
		s.working.Wait() // they have nothing to do
		s.job, s.work = job, make(chan task, s.config.Queue)
		s.pairing.Forget() // the motion is another
		s.startWorkers()
	})
	if err != nil {
		return before, err
	}
	return before, failed
}

func (s *Station) startWorkers() {
	for _, inspector := range s.job.Inspectors {
		s.working.Go(func() { s.inspectAll(inspector) })
	}
}

// command runs f in the station's goroutine and waits for it.
func (s *Station) command(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case s.control <- func() { f(); s.enterWorking(); s.Observer.StateChanged(s.state); close(done) }:
		<-done
		return nil
	case <-s.stopped:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}
