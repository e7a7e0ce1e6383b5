package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// absorb takes the news: first what the receiver has, then what it wants.
func (s *Sender) absorb(ctx context.Context) error {
	s.mu.Lock()
	n := s.news
	s.news = news{}
	s.mu.Unlock()
	if n.up {
		s.up = true
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
		s.confirmed, s.sent, s.silences, s.mistrust = from-1, from-1, 0, true
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
		found, err := s.compared(ctx, a)
		next := a.Seq == acknowledged+1
		switch {
		case err != nil:
			return acknowledged, last, err
		case found == other && next:
			err := s.begin(ctx, acknowledged)
			if err == nil {
				return s.outbox.Bounds(ctx)
			}
			return acknowledged, last, err
		case found == other, found == skipped && !next:
			s.suspect(fmt.Sprintf("has another record %d", a.Seq), acknowledged, last)
			return acknowledged, last, nil
		case found == silent && !next:
			s.closer(acknowledged)
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

// comparison is of the receiver's record with the row of its number here.
type comparison int

const (
	same    comparison = iota
	other              // the receiver has another record of this number
	skipped            // it was told that none will come, but one is here
	silent             // the row says nothing: it is gone, void or damaged
)

// compared compares the record that an acknowledgement ends with. A row that says
// nothing agrees with any, and nothing is lost with it; but it says nothing of the
// rows before it either.
func (s *Sender) compared(ctx context.Context, a Ack) (comparison, error) {
	rows, err := s.outbox.Pending(ctx, a.Seq-1, 1)
	if err != nil {
		return silent, err
	}
	if len(rows) == 0 || rows[0].Seq != a.Seq {
		return silent, nil
	}
	var e Envelope
	if err := decode(rows[0].Envelope, maxEnvelope, &e); err == nil {
		if digest := sha256.Sum256(e.Body); hex.EncodeToString(digest[:]) == a.Digest {
			return same, nil
		}
	}
	own, err := s.own(rows[0]) // which checks the signature, and so is dear
	switch {
	case err != nil || own.Void != "":
		return silent, nil
	case a.Digest == "":
		return skipped, nil
	}
	return other, nil
}

// closer goes back to the first record that is held, alone: the receiver answers
// with what it has of that number, which says more than the answer to many did.
func (s *Sender) closer(acknowledged uint64) {
	s.confirmed, s.sent, s.window = acknowledged, acknowledged, 1
}

// suspect has the records sent one by one from the first that is held. The
// receiver answers each with what it has of its number, until one differs or all
// are done; begin follows.
func (s *Sender) suspect(what string, acknowledged, last uint64) {
	if s.doubt {
		return
	}
	s.doubt = true
	s.closer(acknowledged)
	s.log.Warn("ledger sender: the database is older than its epoch; a new one begins", "node", s.identity.Node, "receiver", what, "last here", last)
}

// begin gives the records after a seq to a new epoch. Those that cannot be read
// are void before that.
func (s *Sender) begin(ctx context.Context, after uint64) error {
	epoch, err := s.outbox.Begin(ctx, after, s.resealer(after))
	for errors.As(err, new(damage)) {
		if err = s.annul(ctx, err); err == nil {
			epoch, err = s.outbox.Begin(ctx, after, s.resealer(after))
		}
	}
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

// resealer signs the rows after a seq under their new numbers, all of them or
// none.
func (s *Sender) resealer(after uint64) Reseal {
	expected := after
	return func(e Entry, epoch string, seq uint64) ([]byte, error) {
		if expected++; e.Seq != expected {
			return nil, damage{expected, Missing, fmt.Errorf("not there, though %d is", e.Seq)}
		}
		own, err := s.own(e)
		switch {
		case err != nil:
			return nil, damage{e.Seq, Unreadable, err}
		case own.Void != "":
			return s.identity.sealVoid(epoch, seq, own.Void)
		}
		return s.identity.Seal(own.Record, epoch, seq)
	}
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
