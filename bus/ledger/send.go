package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kensa/bus/session"
)

// run is the sender's only goroutine. It alone reads the outbox and sends.
func (s *Sender) run(ctx context.Context) {
	s.resume(ctx)
	for ctx.Err() == nil {
		err := s.absorb(ctx)
		if err == nil {
			err = s.fill(ctx)
		}
		if ctx.Err() != nil { // what failed then, failed because of that
			return
		}
		s.note(err)
		timer := time.NewTimer(s.config.Patience << min(s.silences, 4))
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer.C:
			s.silence()
		}
		timer.Stop()
	}
}

// resume finds where the last run of the program left off.
func (s *Sender) resume(ctx context.Context) {
	for ctx.Err() == nil {
		acknowledged, last, err := s.outbox.Bounds(ctx)
		if err == nil {
			s.confirmed, s.sent = acknowledged, acknowledged
			s.publishBounds(acknowledged, last)
			return
		}
		s.note(err)
		select {
		case <-ctx.Done():
		case <-time.After(s.config.Patience):
		}
	}
}

// Epoch is that of the records now sent.
func (s *Sender) Epoch() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

func (s *Sender) progress(acked uint64) {
	s.confirmed, s.sent, s.silences = max(s.confirmed, acked), max(s.sent, acked), 0
	if !s.doubt {
		s.window = min(2*s.window, s.config.Window)
	}
	s.mu.Lock()
	s.stats.LastAck, s.stats.Problem = time.Now(), nil
	s.mu.Unlock()
}

func (s *Sender) publishBounds(acknowledged, last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Last = last
	if acknowledged > s.stats.Acknowledged {
		s.stats.Acknowledged = acknowledged
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// silence is the receiver's: what is on its way may be lost, or the receiver may
// be behind. So that repetitions do not bury it, only one record is sent again;
// each acknowledgement then doubles the window.
func (s *Sender) silence() {
	if s.sent > s.confirmed {
		s.silences++
		s.window = 1
		s.repeat()
	}
}

// repeat goes back to what is confirmed.
func (s *Sender) repeat() {
	if s.sent > s.confirmed {
		s.sent, s.mistrust = s.confirmed, true
		s.mu.Lock()
		s.stats.Repeated++
		s.mu.Unlock()
	}
}

// fill sends as much as the window has room for. Without a connection it sends
// nothing; the next one wakes run.
func (s *Sender) fill(ctx context.Context) error {
	for last := s.Stats().Last; s.sent < last; {
		room := min(s.window-int(s.sent-s.confirmed), maxParcelRecords)
		if room <= 0 {
			return nil
		}
		entries, err := s.outbox.Pending(ctx, s.sent, room)
		if err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
		if len(entries) == 0 || entries[0].Seq != s.sent+1 {
			if sent, err := s.forego(ctx); !sent {
				return err
			}
			if len(entries) > 0 && entries[0].Seq <= s.sent { // more went meanwhile
				continue
			}
		}
		if entries, err = s.sound(ctx, entries, last); err != nil {
			return err
		}
		if sent, err := s.sendAll(ctx, entries); !sent {
			return err
		}
	}
	return nil
}

// forego says that what the outbox let go unacknowledged is no longer held. It
// reports false where there is no connection to say it on.
func (s *Sender) forego(ctx context.Context) (sent bool, err error) {
	acknowledged, _, err := s.outbox.Bounds(ctx)
	if err != nil {
		return false, fmt.Errorf("outbox: %w", err)
	}
	if acknowledged <= s.sent {
		return true, nil
	}
	return s.skip(ctx, acknowledged+1)
}

// skip says that what comes before first is no longer held.
func (s *Sender) skip(ctx context.Context, first uint64) (sent bool, err error) {
	envelope, err := s.identity.sealHorizon(s.Epoch(), first)
	if err != nil {
		return false, err
	}
	if sent, err = s.send(ctx, KindHorizon, envelope); sent {
		s.sent, s.confirmed = first-1, max(s.confirmed, first-1)
	}
	return sent, err
}

// sendAll sends in parcels, or reports that there is no connection.
func (s *Sender) sendAll(ctx context.Context, entries []Entry) (sent bool, err error) {
	for len(entries) > 0 {
		payload, n := pack(entries, s.config.Parcel)
		if sent, err := s.send(ctx, KindYield, payload); !sent {
			return false, err
		}
		s.sent = entries[n-1].Seq
		s.mu.Lock()
		s.stats.Sent += uint64(n)
		s.stats.Messages++
		s.mu.Unlock()
		entries = entries[n:]
	}
	return true, nil
}

// send reports whether the message went out. A connection that is down is no
// error: the session's state tells of it. One that run has not been told of yet is
// none: what went out on it would be taken for lost with the one before.
func (s *Sender) send(ctx context.Context, k Kind, envelope []byte) (bool, error) {
	if !s.up {
		return false, nil
	}
	_, err := s.bus.Send(ctx, session.Message{Topic: Topic(k, s.identity.Node), QoS: 1, Payload: envelope})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, session.ErrDown), errors.Is(err, session.ErrLost), errors.Is(err, session.ErrClosed), ctx.Err() != nil:
		s.up = false
		return false, nil
	}
	return false, err
}

// note makes a problem seen, and logs it when it is new.
func (s *Sender) note(err error) {
	s.mu.Lock()
	known := s.stats.Problem != nil && err != nil && s.stats.Problem.Error() == err.Error()
	if s.stats.Stuck = err; err != nil {
		s.stats.Problem = err
	}
	s.mu.Unlock()
	if err == nil {
		return
	}
	if !known {
		s.log.Warn("ledger sender", "node", s.identity.Node, "error", err)
	}
}
