package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
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
	for _, a := range slices.Backward(n.acks) { // the newest may settle the others
		if acknowledged, last, err = s.acknowledged(ctx, a, acknowledged, last); err != nil {
			s.keep(n)
			return fmt.Errorf("outbox: %w", err)
		}
	}
	s.publishBounds(acknowledged, last)
	if from := n.replay.From; n.replay.Epoch != s.Epoch() { // none, or begun meanwhile
	} else if from > last+1 {
		s.suspect(fmt.Sprintf("asked for record %d", from), acknowledged, last)
	} else if !s.doubt {
		s.confirmed, s.sent, s.silences = from-1, from-1, 0
	}
	if s.doubt && acknowledged == last {
		err = s.begin(ctx, last)
	}
	return err
}

// acknowledged lets go of what the receiver has, and returns the bounds after it.
// It has this sender's records up to a seq if it has this sender's record of that
// seq, for records of a database that went another way differ from the fork on.
func (s *Sender) acknowledged(ctx context.Context, a Ack, acknowledged, last uint64) (uint64, uint64, error) {
	if a.Epoch != s.Epoch() { // begun meanwhile
		return acknowledged, last, nil
	}
	if a.Seq > last {
		s.suspect(fmt.Sprintf("has record %d", a.Seq), acknowledged, last)
		return acknowledged, last, nil
	}
	if a.Seq > acknowledged {
		same, err := s.same(ctx, a)
		switch {
		case err != nil:
			return acknowledged, last, err
		case !same && a.Seq == acknowledged+1:
			err := s.begin(ctx, acknowledged)
			if err == nil {
				return s.outbox.Bounds(ctx)
			}
			return acknowledged, last, err
		case !same:
			s.suspect(fmt.Sprintf("has another record %d", a.Seq), acknowledged, last)
			return acknowledged, last, nil
		}
		if err := s.outbox.Acknowledge(ctx, a.Seq); err != nil {
			return acknowledged, last, err
		}
		acknowledged = a.Seq
	}
	if a.Seq > 0 {
		s.progress(a.Seq)
	}
	return acknowledged, last, nil
}

// same compares the record that an acknowledgement ends with.
func (s *Sender) same(ctx context.Context, a Ack) (bool, error) {
	rows, err := s.outbox.Pending(ctx, a.Seq-1, 1)
	if err != nil {
		return false, err
	}
	if len(rows) == 0 || rows[0].Seq != a.Seq { // no longer held: nothing to compare, or to lose
		return true, nil
	}
	var e Envelope
	if err := decode(rows[0].Envelope, maxEnvelope, &e); err != nil {
		return false, fmt.Errorf("row %d: %w", a.Seq, err)
	}
	digest := sha256.Sum256(e.Body)
	return hex.EncodeToString(digest[:]) == a.Digest, nil
}

// suspect has the records sent one by one from the first that is held. The
// receiver answers each with what it has of its number, until one differs or all
// are done; begin follows.
func (s *Sender) suspect(what string, acknowledged, last uint64) {
	if s.doubt {
		return
	}
	s.doubt, s.window = true, 1
	s.confirmed, s.sent = acknowledged, acknowledged
	s.log.Warn("ledger sender: the database is older than its epoch; a new one begins", "node", s.identity.Node, "receiver", what, "last here", last)
}

// begin gives the records after a seq to a new epoch.
func (s *Sender) begin(ctx context.Context, after uint64) error {
	epoch, err := s.outbox.Begin(ctx, after, s.reseal)
	if err != nil {
		return fmt.Errorf("new epoch: %w", err)
	}
	s.confirmed, s.sent, s.silences, s.window, s.doubt = 0, 0, 0, s.config.Window, false
	acknowledged, last, err := s.outbox.Bounds(ctx)
	if err != nil { // then asked again with the next turn
		acknowledged, last = 0, 0
	}
	s.mu.Lock()
	s.epoch, s.news = epoch, news{}
	s.stats.Acknowledged, s.stats.Last = acknowledged, last
	s.stats.Epochs++
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	s.log.Warn("ledger sender: new epoch", "node", s.identity.Node, "epoch", epoch, "records", last)
	return err
}

func (s *Sender) reseal(e Entry, epoch string, seq uint64) ([]byte, error) {
	r, _, err := Open(e.Envelope, s.identity.Public())
	if err != nil {
		return nil, fmt.Errorf("row %d: %w", e.Seq, err)
	}
	return s.identity.Seal(r, epoch, seq)
}

// Epoch is that of the records now sent.
func (s *Sender) Epoch() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// keep puts news back that the outbox could not take now. It wakes nobody, so
// that a full disk is tried again with the timer only.
func (s *Sender) keep(n news) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.news.acks = append(n.acks, s.news.acks...)
	if s.news.replay.From == 0 {
		s.news.replay = n.replay
	}
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
	envelope, err := s.identity.sealHorizon(s.Epoch(), first)
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
