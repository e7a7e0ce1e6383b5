package record

import (
	"context"
	"sync"
	"testing"
	"time"
)

// TestEverybodyAtOnce lets a committer, a sender, a display, an export and a
// pruning work side by side, as on the appliance.
func TestEverybodyAtOnce(t *testing.T) {
	const wafers = 20
	s := open(t)
	working, done := context.WithCancel(ctx)
	var wait sync.WaitGroup
	repeat := func(what string, work func() error) {
		wait.Go(func() {
			for working.Err() == nil {
				if err := work(); err != nil {
					t.Errorf("%s: %v", what, err)
					return
				}
			}
		})
	}
	var sent courier
	repeat("send", func() error { return sent.carry(s) })
	repeat("display", func() error { _, err := s.Wafers(ctx, Filter{Limit: 20}); return err })
	repeat("lots", func() error { _, err := s.Lots(ctx, 5); return err })
	repeat("prune", func() error {
		_, err := s.Prune(ctx, Retention{Images: time.Minute, Count: 7}, start.Add(time.Hour))
		return err
	})
	for n := range wafers {
		commit(t, s, sample(n, 5, 3, 3), func(x *Tx) error { return numbered(x, Ledger) })
	}
	done()
	wait.Wait()
	for len(sent) < wafers {
		before := len(sent)
		if err := sent.carry(s); err != nil || len(sent) == before {
			t.Fatalf("%d messages sent, %v", before, err)
		}
	}
	sent.check(t, s.Epoch())
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

// courier is the messages that a sender took out of the ledger's outbox.
type courier []Message

// carry takes some of those that wait.
func (c *courier) carry(s *Store) error {
	var last uint64
	if n := len(*c); n > 0 {
		last = (*c)[n-1].Seq
	}
	list, err := s.Pending(ctx, Ledger, last, 7)
	if err != nil || len(list) == 0 {
		return err
	}
	*c = append(*c, list...)
	return s.Outbox(Ledger).Acknowledge(ctx, list[len(list)-1].Seq)
}

// check wants every message once, in order.
func (c courier) check(t *testing.T, epoch string) {
	t.Helper()
	for n, m := range c {
		if m.Seq != uint64(n+1) || string(m.Payload) != string(payload(epoch, Ledger, m.Seq)) {
			t.Fatalf("message %d: seq %d, %q", n+1, m.Seq, m.Payload)
		}
	}
}
