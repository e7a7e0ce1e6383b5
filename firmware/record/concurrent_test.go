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
	var sent []Message
	sendPending := func() error {
		var last uint64
		if len(sent) > 0 {
			last = sent[len(sent)-1].Seq
		}
		list, err := s.Pending(ctx, Ledger, last, 7)
		if err != nil || len(list) == 0 {
			return err
		}
		sent = append(sent, list...)
		return s.Outbox(Ledger).Acknowledge(ctx, sent[len(sent)-1].Seq)
	}
	repeat("send", sendPending)
	repeat("display", func() error { _, err := s.Wafers(ctx, Filter{Limit: 20}); return err })
	repeat("lots", func() error { _, err := s.Lots(ctx, 5); return err })
	repeat("prune", func() error {
		_, err := s.Prune(ctx, Retention{Images: time.Minute, Count: 7}, start.Add(time.Hour))
		return err
	})
	for n := range wafers {
		commit(t, s, sample(n, 5, 3, 3), func(x *Tx) error {
			seq, err := x.Next(Ledger)
			if err != nil {
				return err
			}
			return x.Publish(Ledger, payload(x.Epoch(), Ledger, seq))
		})
	}
	done()
	wait.Wait()
	for len(sent) < wafers {
		before := len(sent)
		if err := sendPending(); err != nil || len(sent) == before {
			t.Fatalf("%d messages sent, %v", before, err)
		}
	}
	for n, m := range sent {
		if m.Seq != uint64(n+1) || string(m.Payload) != string(payload(s.Epoch(), Ledger, m.Seq)) {
			t.Fatalf("message %d: seq %d, %q", n+1, m.Seq, m.Payload)
		}
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}
