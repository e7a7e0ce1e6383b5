package record

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// acknowledgement is what a plane's receiver has said, on its way into the database.
type acknowledgement struct {
	plane   Plane
	epoch   string
	upTo    uint64
	removed int
	refused error // what is wrong with this one alone
}

// round is acknowledgements that go in one transaction: that costs much less than one
// for each, and those of a wafer come within milliseconds of each other.
type round struct {
	list []*acknowledgement
	full chan struct{} // closed when nobody more is waited for
	done chan struct{} // closed after err was set
	err  error
}

// linger is how long a plane that has nothing more to send waits for the other.
const linger = 20 * time.Millisecond

// Acknowledge takes the plane's messages up to a seq out of the outbox, and
// reports how many went. What was acknowledged before is no error. ErrEpoch
// means that the acknowledgement is for another database, ErrAhead that it is
// for messages that were never written; both leave the outbox as it is.
//
// It may wait a moment for the other plane's. A power cut may undo it until the next
// wafer is committed: the messages are there again then, and are sent again, as after a
// cut just before it.
func (s *Store) Acknowledge(ctx context.Context, p Plane, epoch string, upTo uint64) (removed int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, s.explain(err)
	}
	a := &acknowledgement{plane: p, epoch: epoch, upTo: upTo}
	r, first := s.join(a)
	if first {
		s.await(ctx, r, a)
		r.err = s.note(context.WithoutCancel(ctx), r.list) // others rely on it
		close(r.done)
	}
	<-r.done
	if err := errors.Join(r.err, s.explain(a.refused)); err != nil {
		return 0, err
	}
	return a.removed, nil
}

// Acknowledge takes the messages up to a seq of this epoch out of the outbox.
func (o Outbox) Acknowledge(ctx context.Context, seq uint64) error {
	_, err := o.store.Acknowledge(ctx, o.plane, o.store.Epoch(), seq)
	return err
}

// join enters the round that waits, and has it begin, or opens one.
func (s *Store) join(a *acknowledgement) (r *round, first bool) {
	s.rounds.Lock()
	defer s.rounds.Unlock()
	if r = s.round; r != nil {
		s.round, r.list = nil, append(r.list, a)
		close(r.full)
		return r, false
	}
	s.round = &round{list: []*acknowledgement{a}, full: make(chan struct{}), done: make(chan struct{})}
	return s.round, true
}

// await returns when nobody can join the round any more.
func (s *Store) await(ctx context.Context, r *round, a *acknowledgement) {
	if s.leavesNothing(a) {
		timer := time.NewTimer(linger)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.full:
		case <-ctx.Done():
		}
	}
	s.rounds.Lock()
	defer s.rounds.Unlock()
	if s.round == r {
		s.round = nil
	}
}

// leavesNothing says that the plane has nothing more to send.
func (s *Store) leavesNothing(a *acknowledgement) bool {
	reach, known := s.reach(a.plane)
	return known && a.upTo == reach.last
}

func (s *Store) note(ctx context.Context, list []*acknowledgement) error {
	return s.transact(ctx, afterOthers, nil, func(t *Tx) (err error) {
		for _, a := range list {
			if a.epoch != t.epoch {
				a.refused = fmt.Errorf("acknowledge %s %d: %w: %.40q; this one is %q", a.plane, a.upTo, ErrEpoch, a.epoch, t.epoch)
				continue
			}
			a.removed, err = t.remove(a.plane, a.upTo)
			if errors.Is(err, ErrAhead) {
				a.refused, err = err, nil
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// remove takes the plane's messages up to a seq out of the outbox.
func (t *Tx) remove(p Plane, upTo uint64) (int, error) {
	r, known := t.planes[p]
	switch {
	case !known:
		return 0, errPlane(p)
	case upTo > r.last:
		return 0, fmt.Errorf("acknowledge %s %d: %w (%d)", p, upTo, ErrAhead, r.last)
	case upTo <= r.acknowledged:
		return 0, nil
	}
	result, err := t.do(t.often.remove).ExecContext(t.ctx, string(p), upTo)
	if err != nil {
		return 0, err
	}
	removed, err := result.RowsAffected()
	if err != nil {
		return 0, err
	}
	return int(removed), t.reach(p, r.removed(upTo))
}
