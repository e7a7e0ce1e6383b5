package record

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// A new epoch renumbers one plane, keeps over a restart, and leaves the audit
// log's chain, which begins with the first epoch, as it is.
func TestNewEpoch(t *testing.T) {
	path := filepath.Join(folder(t), "kensa.db")
	s := openAt(t, path)
	first := s.Epoch()
	for n := range 5 {
		commit(t, s, sample(n, 3, 0, 0), both)
	}
	if _, err := s.Acknowledge(ctx, Ledger, first, 1); err != nil {
		t.Fatal(err)
	}
	remake := func(_ Message, epoch string, seq uint64) ([]byte, error) { return payload(epoch, Ledger, seq), nil }
	epoch, err := s.Outbox(Ledger).Begin(ctx, 2, remake)
	if err != nil || epoch == first || epoch != s.Epoch() {
		t.Fatalf("epoch %q, %v; it was %q, the store says %q", epoch, err, first, s.Epoch())
	}
	commit(t, s, sample(9, 3, 0, 0), both)
	for range 2 {
		list, err := s.Pending(ctx, Ledger, 0, 100)
		if err != nil || len(list) != 4 {
			t.Fatalf("%d pending, %v; want the three after 2, and a new one", len(list), err)
		}
		for n, m := range list {
			if m.Seq != uint64(n+1) || !bytes.Equal(m.Payload, payload(epoch, Ledger, m.Seq)) {
				t.Errorf("row %d: seq %d, %s", n, m.Seq, m.Payload)
			}
		}
		if list, err := s.Pending(ctx, MES, 0, 100); err != nil || len(list) != 6 {
			t.Errorf("the other plane has %d, %v", len(list), err)
		}
		if err := s.Check(ctx); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openAt(t, path)
		if s.Epoch() != epoch {
			t.Errorf("epoch %q after a restart; want %q", s.Epoch(), epoch)
		}
	}
	if _, err := s.Acknowledge(ctx, Ledger, first, 1); !errors.Is(err, ErrEpoch) {
		t.Errorf("an acknowledgement of the first epoch: %v", err)
	}
}

func TestDiscard(t *testing.T) {
	s := open(t)
	for n := range 10 {
		commit(t, s, sample(n, 3, 0, 0), both)
	}
	o, now := s.Outbox(Ledger), time.Now()
	for _, c := range []struct {
		keep   uint64
		before time.Time
		want   string
	}{
		{0, time.Time{}, "none"},
		{10, now.Add(-time.Hour), "none"},
		{7, time.Time{}, "1-3"},
		{7, now.Add(-time.Hour), "none"},
		{5, now.Add(-time.Hour), "4-5"},
		{0, now.Add(time.Hour), "6-10"}, // all are older
	} {
		d, found, err := o.Discard(ctx, c.keep, c.before)
		got := "none"
		if found {
			got = fmt.Sprintf("%d-%d", d.From, d.To)
		}
		if err != nil || got != c.want {
			t.Errorf("keep %d, before %v: %s went, %v; want %s", c.keep, c.before, got, err, c.want)
		}
		if err := s.Check(ctx); err != nil {
			t.Error(err)
		}
	}
	commit(t, s, sample(11, 3, 0, 0), both)
	if list, err := s.Pending(ctx, Ledger, 0, 100); err != nil || len(list) != 1 || list[0].Seq != 11 {
		t.Errorf("pending %v, %v; want number 11", list, err)
	}
}

func TestSetAside(t *testing.T) {
	s := open(t)
	for n := range 2 {
		commit(t, s, sample(n, 3, 0, 0), both)
	}
	if err := s.Outbox(MES).SetAside(ctx, 2); err == nil {
		t.Error("a row that is not the first was set aside")
	}
	if err := s.Outbox(MES).SetAside(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Pending(ctx, MES, 0, 100); err != nil || len(list) != 1 || list[0].Seq != 2 {
		t.Errorf("pending %v, %v", list, err)
	}
	if kept, err := s.Value(ctx, "aside/mes/1"); err != nil || !bytes.Equal(kept, payload(s.Epoch(), MES, 1)) {
		t.Errorf("kept %q, %v", kept, err)
	}
}
