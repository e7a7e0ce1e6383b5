package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// damage is a row that says nothing any more.
type damage struct {
	seq uint64
	Cause
	error
}

func (d damage) Unwrap() error { return d.error }

// own reads a row as the receiver will, and wants it to be what was signed.
func (s *Sender) own(e Entry) (Received, error) {
	r, err := openEntry(e.Envelope, s.identity.Public())
	if err == nil && (r.Record.Node != s.identity.Node || r.Record.Epoch != s.Epoch() || r.Record.Seq != e.Seq) {
		err = fmt.Errorf("it is record %d of %s, epoch %s", r.Record.Seq, r.Record.Node, r.Record.Epoch)
	}
	return r, err
}

// sound returns the rows up to the first that is missing or cannot be read, which
// it declares void, so that it is there to be sent with the next turn.
func (s *Sender) sound(ctx context.Context, entries []Entry, last uint64) ([]Entry, error) {
	for n, e := range entries {
		err := s.look(e, s.sent+uint64(n)+1)
		if err == nil {
			s.mistrust = false
			continue
		}
		return entries[:n], s.annul(ctx, err)
	}
	if len(entries) == 0 && s.sent < last {
		return nil, s.annul(ctx, damage{s.sent + 1, Missing, errors.New("not there")})
	}
	return entries, nil
}

// look examines a row as closely as is worth it: that it is JSON, lest it spoils
// its parcel, and in full the first after a repetition, for a receiver that
// refuses a row is silent, or asks for it again.
func (s *Sender) look(e Entry, seq uint64) (err error) {
	switch {
	case e.Seq != seq:
		return damage{seq, Missing, fmt.Errorf("not there, though %d is", e.Seq)}
	case s.mistrust:
		_, err = s.own(e)
	case !json.Valid(e.Envelope):
		err = errors.New("not JSON")
	}
	if err != nil {
		return damage{seq, Unreadable, err}
	}
	return nil
}

// annul puts a void in the place of a damaged row. Another error it returns.
func (s *Sender) annul(ctx context.Context, why error) error {
	var d damage
	if !errors.As(why, &d) {
		return why
	}
	envelope, err := s.identity.sealVoid(s.Epoch(), d.seq, d.Cause)
	if err == nil {
		err = s.outbox.Replace(ctx, d.seq, envelope)
	}
	if err != nil {
		return fmt.Errorf("outbox: row %d is %s (%w) and cannot be declared void: %w", d.seq, d.Cause, d.error, err)
	}
	s.mu.Lock()
	s.stats.Voids++
	s.mu.Unlock()
	s.log.Error("ledger sender: a record is lost, its number void", "node", s.identity.Node, "epoch", s.Epoch(), "seq", d.seq, "error", d.error)
	if s.config.OnVoid != nil {
		s.config.OnVoid(fmt.Errorf("record %d of epoch %s is %s: %w", d.seq, s.Epoch(), d.Cause, d.error))
	}
	return nil
}
