package line

import (
	"context"
	"time"

	"kensa/hw/internal/monitor"
)

// inbox keeps the edges of one line for its reader. Its fields are guarded by
// state.
type inbox struct {
	state    monitor.Monitor
	sequence uint64
	events   ring
	setups   int // times that the line was set up anew, so that a waiting WaitForEdge sees it
	closed   bool
	failure  error // why, where nobody closed it
}

// anew forgets the edges that were not read and numbers the next from 1. The
// state is locked.
func (b *inbox) anew() {
	b.sequence, b.events = 0, ring{}
	b.setups++
}

// Next implements Input. Edges from before Close can still be read after it.
func (b *inbox) Next(ctx context.Context) (event Event, err error) {
	err = b.until(ctx, func() (ok bool) {
		event, ok = b.events.pop()
		return ok
	})
	return event, err
}

// WaitForEdge implements gpio.PinIn. It takes its edges from the same buffer as
// Next; a negative timeout waits without end.
func (b *inbox) WaitForEdge(timeout time.Duration) (edge bool) {
	ctx := context.Background()
	if timeout >= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	var setups int
	b.state.Look(func() { setups = b.setups })
	err := b.until(ctx, func() bool {
		if b.setups != setups {
			return true
		}
		_, edge = b.events.pop()
		return edge
	})
	return err == nil && edge
}

// until waits for a condition or for Close.
func (b *inbox) until(ctx context.Context, holds func() bool) error {
	var closed bool
	var failure error
	err := b.state.Until(ctx, func() bool {
		if holds() {
			return true
		}
		closed, failure = b.closed, b.failure
		return closed
	})
	switch {
	case failure != nil:
		return failure
	case closed:
		return ErrClosed
	}
	return err
}

// close ends every wait.
func (b *inbox) close() { b.state.Change(func() { b.closed = true }) }
