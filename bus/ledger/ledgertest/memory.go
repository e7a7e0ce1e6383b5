// Package ledgertest has what tests of the ledger share: an outbox and a store
// in memory, and the conformance suites that every outbox and store must pass.
package ledgertest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"

	"kensa/bus/ledger"
)

// Outbox is an outbox in memory.
type Outbox struct {
	mu           sync.Mutex
	rows         map[uint64][]byte
	acknowledged uint64
	last         uint64
	epoch        string
	epochs       uint64 // begun with Begin
}

// NewOutbox is empty, and begins with EpochA.
func NewOutbox() *Outbox { return &Outbox{epoch: EpochA, rows: make(map[uint64][]byte)} }

// Add commits a row. seal gets its number and gives its envelope.
func (o *Outbox) Add(seal func(epoch string, seq uint64) ([]byte, error)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	envelope, err := seal(o.epoch, o.last+1)
	if err != nil {
		return err
	}
	o.last++
	o.rows[o.last] = envelope
	return nil
}

// Bounds implements ledger.Outbox.
func (o *Outbox) Bounds(context.Context) (acknowledged, last uint64, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.acknowledged, o.last, nil
}

// Pending implements ledger.Outbox.
func (o *Outbox) Pending(_ context.Context, after uint64, limit int) ([]ledger.Entry, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var entries []ledger.Entry
	for seq := max(after, o.acknowledged) + 1; seq <= o.last && len(entries) < limit; seq++ {
		if envelope, held := o.rows[seq]; held {
			entries = append(entries, ledger.Entry{Seq: seq, Envelope: envelope})
		}
	}
	return entries, nil
}

// Acknowledge implements ledger.Outbox.
func (o *Outbox) Acknowledge(_ context.Context, seq uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if seq > o.last {
		return fmt.Errorf("acknowledge %d; last is %d", seq, o.last)
	}
	for o.acknowledged < seq {
		o.acknowledged++
		delete(o.rows, o.acknowledged)
	}
	return nil
}

// Replace implements ledger.Outbox.
func (o *Outbox) Replace(_ context.Context, seq uint64, envelope []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if seq <= o.acknowledged || seq > o.last {
		return fmt.Errorf("replace %d; %d to %d wait", seq, o.acknowledged+1, o.last)
	}
	o.rows[seq] = envelope
	return nil
}

// Damage does to a row what a bad disk may; nil takes it away.
func (o *Outbox) Damage(seq uint64, bytes []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if bytes == nil {
		delete(o.rows, seq)
		return
	}
	o.rows[seq] = bytes
}

// Begin implements ledger.Outbox.
func (o *Outbox) Begin(_ context.Context, after uint64, reseal ledger.Reseal) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.epochs++
	epoch := fmt.Sprintf("%032x", o.epochs)
	rows := make(map[uint64][]byte)
	for seq := max(after, o.acknowledged) + 1; seq <= o.last; seq++ {
		n := uint64(len(rows)) + 1
		if _, held := o.rows[seq]; !held {
			continue
		}
		envelope, err := reseal(ledger.Entry{Seq: seq, Envelope: o.rows[seq]}, epoch, n)
		if err != nil {
			return "", err
		}
		rows[n] = envelope
	}
	o.epoch, o.rows, o.acknowledged, o.last = epoch, rows, 0, uint64(len(rows))
	return epoch, nil
}

// Copy is the outbox as a backup has it.
func (o *Outbox) Copy() *Outbox {
	o.mu.Lock()
	defer o.mu.Unlock()
	return &Outbox{rows: maps.Clone(o.rows), acknowledged: o.acknowledged, last: o.last, epoch: o.epoch, epochs: o.epochs}
}

// Store is a receiver's store in memory.
type Store struct {
	mu      sync.Mutex
	order   []ledger.Stream
	streams map[ledger.Stream]*stream
}

type stream struct {
	position uint64
	records  map[uint64]ledger.Received
}

// NewStore is empty.
func NewStore() *Store { return &Store{streams: make(map[ledger.Stream]*stream)} }

func (s *Store) stream(key ledger.Stream) *stream {
	if s.streams[key] == nil {
		s.streams[key] = &stream{records: make(map[uint64]ledger.Received)}
		s.order = append(s.order, key)
	}
	return s.streams[key]
}

// Position implements ledger.Store.
func (s *Store) Position(_ context.Context, key ledger.Stream) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.streams[key]; st != nil {
		return st.position, nil
	}
	return 0, nil
}

// Latest implements ledger.Store.
func (s *Store) Latest(context.Context) ([]ledger.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	latest := make(map[string]ledger.Position)
	for _, key := range s.order {
		latest[key.Node] = ledger.Position{Stream: key, Seq: s.streams[key].position}
	}
	return slices.Collect(maps.Values(latest)), nil
}

// Digest implements ledger.Store.
func (s *Store) Digest(_ context.Context, key ledger.Stream, seq uint64) ([sha256.Size]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.streams[key]; st != nil {
		r, ok := st.records[seq]
		return r.Digest, ok, nil
	}
	return [sha256.Size]byte{}, false, nil
}

// Commit implements ledger.Store.
func (s *Store) Commit(_ context.Context, records []ledger.Received) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ends := make(map[ledger.Stream]uint64)
	var fresh []ledger.Received
	for _, r := range records {
		key := ledger.Stream{Node: r.Record.Node, Epoch: r.Record.Epoch}
		if _, ok := ends[key]; !ok {
			ends[key] = s.stream(key).position
		}
		switch seq := r.Record.Seq; {
		case seq == ends[key]+1:
			ends[key] = seq
			fresh = append(fresh, r)
		case seq > ends[key]:
			return fmt.Errorf("seq %d follows %d", seq, ends[key])
		}
	}
	for _, r := range fresh {
		st := s.stream(ledger.Stream{Node: r.Record.Node, Epoch: r.Record.Epoch})
		st.position = r.Record.Seq
		if r.Void == "" {
			st.records[r.Record.Seq] = r
		}
	}
	return nil
}

// Skip implements ledger.Store.
func (s *Store) Skip(_ context.Context, key ledger.Stream, first uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.stream(key); first > st.position+1 {
		st.position = first - 1
	}
	return nil
}

// Records are those of an epoch that are here, in order.
func (s *Store) Records(epoch string) (records []ledger.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.order {
		st := s.streams[key]
		for seq := uint64(1); key.Epoch == epoch && seq <= st.position; seq++ {
			if r, held := st.records[seq]; held {
				records = append(records, r.Record)
			}
		}
	}
	return records
}
