package ledger

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"kensa/bus/session"
)

// process commits what a batch adds and then answers. An error means that the
// store failed; nothing of what it failed with is acknowledged.
func (r *Receiver) process(letters []letter) error {
	touched := make(map[Stream]*progress)
	var staged []Received
	for _, l := range letters {
		switch {
		case l.err != nil:
			r.refuse(l.node, l.err)
		case l.kind == KindHorizon:
			if err := r.commit(staged); err != nil {
				return err
			}
			staged = nil
			if err := r.horizon(l.horizon, touched); err != nil {
				return err
			}
		default:
			var err error
			if staged, err = r.record(l.item, staged, touched); err != nil {
				return err
			}
		}
	}
	if err := r.commit(staged); err != nil {
		return err
	}
	for s, p := range touched {
		if err := r.answer(s, p); err != nil {
			return err
		}
	}
	return nil
}

// refusal is an error with its reason.
type refusal struct {
	Reason
	error
}

func (r *Receiver) refuse(node string, err error) {
	reason := Malformed
	var why refusal
	switch {
	case errors.As(err, &why):
		reason = why.Reason
	case errors.Is(err, ErrForged):
		reason = Forged
	}
	if r.config.OnRefuse != nil {
		r.config.OnRefuse(node, reason, err)
	}
}

// record stages a record that continues its stream, and notes what is to be
// answered to it. Only the store's errors are returned.
func (r *Receiver) record(item Received, staged []Received, touched map[Stream]*progress) ([]Received, error) {
	rec := item.Record
	s := Stream{rec.Node, rec.Epoch}
	p, err := r.progress(s)
	if err != nil {
		return staged, err
	}
	touched[s] = p
	switch {
	case p.frozen && rec.Seq > p.committed:
		r.refuse(s.Node, refusal{Conflict, fmt.Errorf("epoch %s is closed by a conflict; the node must begin a new one", s.Epoch)})
	case rec.Seq == p.staged+1:
		p.staged, p.due = rec.Seq, true
		staged = append(staged, item)
	case rec.Seq > p.staged:
		p.gap = true
	default:
		err = r.duplicate(s, p, item, staged)
	}
	return staged, err
}

// duplicate notes that a record's number is taken, so that its node is told by
// what, and freezes the stream when it is by another record.
func (r *Receiver) duplicate(s Stream, p *progress, item Received, staged []Received) error {
	if seq := item.Record.Seq; p.repeated == 0 || seq < p.repeated {
		p.repeated = seq
	}
	known, held := item.Digest, false
	for _, other := range staged {
		if other.Record.Epoch == s.Epoch && other.Record.Node == s.Node && other.Record.Seq == item.Record.Seq {
			known, held = other.Digest, true
		}
	}
	if !held {
		digest, found, err := r.store.Digest(r.ctx, s, item.Record.Seq)
		if err != nil {
			return err
		}
		if found {
			known = digest
		}
	}
	if known != item.Digest && item.Void == "" { // a record counts for more than the word that it is lost
		p.frozen = true
		r.refuse(s.Node, refusal{Conflict, fmt.Errorf("epoch %s: seq %d is here with other content", s.Epoch, item.Record.Seq)})
		return nil
	}
	p.due = true
	return nil
}

func (r *Receiver) horizon(h Horizon, touched map[Stream]*progress) error {
	s := Stream{h.Node, h.Epoch}
	p, err := r.progress(s)
	if err != nil {
		return err
	}
	touched[s], p.due = p, true
	if p.frozen || h.First <= p.staged+1 {
		return nil
	}
	if err := r.store.Skip(r.ctx, s, h.First); err != nil {
		return err
	}
	r.log.Error("ledger receiver: records lost", "node", s.Node, "epoch", s.Epoch, "from", p.staged+1, "to", h.First-1)
	if r.config.OnSkip != nil {
		r.config.OnSkip(s, p.staged+1, h.First-1)
	}
	p.committed, p.staged, p.digest = h.First-1, h.First-1, ""
	return nil
}

func (r *Receiver) progress(s Stream) (*progress, error) {
	if p, ok := r.streams[s]; ok {
		return p, nil
	}
	seq, err := r.store.Position(r.ctx, s)
	if err != nil {
		return nil, err
	}
	if len(r.streams) >= maxStreams {
		r.trim()
	}
	p := &progress{committed: seq, staged: seq}
	r.streams[s] = p
	return p, nil
}

// trim makes room by forgetting streams that the store knows as well. A node
// may begin as many epochs as it likes. A frozen one that is forgotten freezes
// again, for its node begins with the record of the conflict each time.
func (r *Receiver) trim() {
	for s, p := range r.streams {
		if p.committed == p.staged && !p.due && !p.gap {
			delete(r.streams, s)
		}
	}
}

// commit makes the staged records durable; only then do positions move.
func (r *Receiver) commit(staged []Received) error {
	if len(staged) == 0 {
		return nil
	}
	if err := r.store.Commit(r.ctx, staged); err != nil {
		return err
	}
	for _, item := range staged {
		p := r.streams[Stream{item.Record.Node, item.Record.Epoch}]
		p.committed, p.digest = item.Record.Seq, ""
		if item.Void == "" {
			p.digest = hex.EncodeToString(item.Digest[:])
		}
	}
	if r.config.OnCommit != nil {
		r.config.OnCommit(staged)
	}
	return nil
}

// answer acknowledges, and asks for what is missing: once for each gap, and
// again when nothing has come for a while. A node that repeats what is here is
// told what that is; it finds out whether it is its own.
func (r *Receiver) answer(s Stream, p *progress) error {
	if p.repeated > 0 && p.repeated <= p.committed {
		if err := r.acknowledge(Position{s, p.repeated}); err != nil {
			return err
		}
	}
	if p.due && !p.frozen && p.repeated != p.committed {
		if p.digest != "" {
			r.say(KindAck, s.Node, Ack{AckSchema, s.Node, s.Epoch, p.committed, p.digest})
		} else if err := r.acknowledge(Position{s, p.committed}); err != nil {
			return err
		}
	}
	from := p.committed + 1
	if p.gap && !p.frozen && (p.asked != from || time.Since(p.askedAt) > r.config.ReplayPause) {
		p.asked, p.askedAt = from, time.Now()
		r.say(KindReplay, s.Node, Replay{ReplaySchema, s.Node, s.Epoch, from})
	}
	p.due, p.gap, p.repeated = false, false, 0
	return nil
}

// acknowledge says what the store has of a number.
func (r *Receiver) acknowledge(p Position) error {
	a := Ack{AckSchema, p.Node, p.Epoch, p.Seq, ""}
	digest, held, err := r.store.Digest(r.ctx, p.Stream, p.Seq)
	if err != nil {
		return err
	}
	if held {
		a.Digest = hex.EncodeToString(digest[:])
	}
	r.say(KindAck, p.Node, a)
	return nil
}

// say publishes without asking whether it arrives: the sender repeats what is
// not acknowledged, and is then answered again.
func (r *Receiver) say(k Kind, node string, v any) {
	payload, err := r.signer.sealWord(v)
	if err != nil {
		r.log.Error("ledger receiver", "error", err)
		return
	}
	_, err = r.bus.Send(r.ctx, session.Message{Topic: Topic(k, node), Payload: payload})
	if err != nil && !errors.Is(err, session.ErrDown) && !errors.Is(err, session.ErrLost) && !errors.Is(err, context.Canceled) {
		r.log.Warn("ledger receiver: no answer sent", "node", node, "error", err)
	}
}
