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
	s.begin(ctx)
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

// begin finds where the last run of the program left off.
func (s *Sender) begin(ctx context.Context) {
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

// absorb takes the news: first what the receiver has, then what it wants.
func (s *Sender) absorb(ctx context.Context) error {
	s.mu.Lock()
	n := s.news
	s.news = news{}
	s.mu.Unlock()
	if n.up {
		s.repeat()
	}
	acknowledged, last, err := s.outbox.Bounds(ctx)
	if err != nil {
		s.keep(n)
		return fmt.Errorf("outbox: %w", err)
	}
	if n.acked > last || n.replay > last+1 {
		// The database was put back to an older state: its numbers are used up.
		return fmt.Errorf("the receiver has more than was ever committed here: %d, last is %d; "+
			"the database is older than its epoch, begin a new one", max(n.acked, n.replay-min(n.replay, 1)), last)
	}
	if n.acked > acknowledged {
		if err := s.outbox.Acknowledge(ctx, n.acked); err != nil {
			s.keep(n)
			return fmt.Errorf("outbox: %w", err)
		}
		acknowledged = n.acked
	}
	if n.acked > 0 {
		s.progress(n.acked)
	}
	s.publishBounds(acknowledged, last)
	if n.replay > 0 {
		s.confirmed, s.sent, s.silences = n.replay-1, n.replay-1, 0
	}
	return nil
}

// keep puts news back that the outbox could not take now. It wakes nobody, so
// that a full disk is tried again with the timer only.
func (s *Sender) keep(n news) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.news.acked = max(s.news.acked, n.acked)
	if s.news.replay == 0 {
		s.news.replay = n.replay
	}
}

func (s *Sender) progress(acked uint64) {
	s.confirmed, s.sent, s.silences = max(s.confirmed, acked), max(s.sent, acked), 0
	s.window = min(2*s.window, s.config.Window)
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
		s.sent = s.confirmed
		s.mu.Lock()
		s.stats.Repeated++
		s.mu.Unlock()
	}
}

// fill sends as much as the window has room for. Without a connection it sends
// nothing; the next one wakes run.
func (s *Sender) fill(ctx context.Context) error {
	for {
		room := s.window - int(s.sent-s.confirmed)
		if room <= 0 {
			return nil
		}
		entries, err := s.outbox.Pending(ctx, s.sent, room)
		if err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
		first := s.Stats().Last + 1
		if len(entries) > 0 {
			first = entries[0].Seq
		}
		if first > s.sent+1 {
			if sent, err := s.skip(ctx, first); !sent {
				return err
			}
		}
		if sent, err := s.sendAll(ctx, entries); !sent || len(entries) < room {
			return err
		}
	}
}

// skip says that what comes before first is no longer held.
func (s *Sender) skip(ctx context.Context, first uint64) (sent bool, err error) {
	envelope, err := s.identity.sealHorizon(s.epoch, first)
	if err != nil {
		return false, err
	}
	if sent, err = s.send(ctx, KindHorizon, envelope); sent {
		s.sent, s.confirmed = first-1, max(s.confirmed, first-1)
	}
	return sent, err
}

func (s *Sender) sendAll(ctx context.Context, entries []Entry) (sent bool, err error) {
	for _, e := range entries {
		if e.Seq != s.sent+1 {
			return false, fmt.Errorf("outbox: row %d follows %d", e.Seq, s.sent)
		}
		if sent, err := s.send(ctx, KindYield, e.Envelope); !sent {
			return false, err
		}
		s.sent = e.Seq
		s.mu.Lock()
		s.stats.Sent++
		s.mu.Unlock()
	}
	return true, nil
}

// send reports whether the message went out. A connection that is down is no
// error: the session's state tells of it.
func (s *Sender) send(ctx context.Context, k Kind, envelope []byte) (bool, error) {
	_, err := s.bus.Send(ctx, session.Message{Topic: Topic(k, s.identity.Node), QoS: 1, Payload: envelope})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, session.ErrDown), errors.Is(err, session.ErrLost), errors.Is(err, session.ErrClosed), ctx.Err() != nil:
		return false, nil
	}
	return false, err
}

// note makes a problem seen, and logs it when it is new.
func (s *Sender) note(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	known := s.stats.Problem != nil && s.stats.Problem.Error() == err.Error()
	s.stats.Problem = err
	s.mu.Unlock()
	if !known {
		s.log.Warn("ledger sender", "node", s.identity.Node, "error", err)
	}
}
