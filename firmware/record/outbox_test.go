package record

import (
	"errors"
	"math"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

func TestOutboxKeepsOrderAndNumbersGoOn(t *testing.T) {
	path := filepath.Join(folder(t), "kensa.db")
	s := openAt(t, path)
	for n := range 5 {
		commit(t, s, sample(n, 3, 0, 0), both)
	}
	list, err := s.Pending(ctx, Ledger, 1, 3)
	if err != nil || len(list) != 3 {
		t.Fatalf("pending %v, %v", list, err)
	}
	for i, m := range list {
		if want := uint64(i + 2); m.Seq != want || m.Plane != Ledger || string(m.Payload) != string(payload(s.Epoch(), Ledger, want)) {
			t.Errorf("message %+v; want seq %d", m, want)
		}
	}
	if n, err := s.Acknowledge(ctx, Ledger, s.Epoch(), 5); err != nil || n != 5 {
		t.Errorf("acknowledged %d, %v", n, err)
	}
	if list, err := s.Pending(ctx, MES, 0, 100); err != nil || len(list) != 5 {
		t.Errorf("the other plane has %v, %v", list, err)
	}
	s.Close()
	s = openAt(t, path)
	commit(t, s, sample(9, 3, 0, 0), both)
	if list, err := s.Pending(ctx, Ledger, 0, 100); err != nil || len(list) != 1 || list[0].Seq != 6 {
		t.Errorf("after all were acknowledged and a restart: %v, %v", list, err)
	}
}

func TestAcknowledgeRefuses(t *testing.T) {
	s := open(t)
	commit(t, s, sample(1, 3, 0, 0), both)
	for _, c := range []struct {
		name  string
		plane Plane
		epoch string
		upTo  uint64
		want  error
	}{
		{"another epoch", Ledger, "deadbeef", 1, ErrEpoch},
		{"no epoch", Ledger, "", 1, ErrEpoch},
		{"a seq never given", Ledger, s.Epoch(), 2, ErrAhead},
		{"the highest number", Ledger, s.Epoch(), math.MaxUint64, ErrAhead},
		{"an unknown plane", "telex", s.Epoch(), 1, nil},
	} {
		n, err := s.Acknowledge(ctx, c.plane, c.epoch, c.upTo)
		if err == nil || n != 0 || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %d, %v; want %v", c.name, n, err, c.want)
		}
	}
	if n, err := s.Numbering(ctx, Ledger); err != nil || n.Waiting() != 1 || n.Oldest.IsZero() {
		t.Errorf("numbering %+v, %v", n, err)
	}
	if list, err := s.Pending(ctx, Ledger, math.MaxUint64, 10); err != nil || len(list) != 0 {
		t.Errorf("pending after the highest number: %v, %v", list, err)
	}
}

// TestOutboxAgainstModel runs commits, failed commits, acknowledgements and
// restarts in any order, against two counters.
func TestOutboxAgainstModel(t *testing.T) {
	path := filepath.Join(folder(t), "kensa.db")
	broken := errors.New("broken")
	wafers := 0
	rapid.Check(t, func(t *rapid.T) {
		s, err := Open(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { s.Close() }()
		n, err := s.Numbering(ctx, Ledger)
		if err != nil {
			t.Fatal(err)
		}
		last, acknowledged := n.Last, n.Acknowledged
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				wafers++
				if err := s.Commit(ctx, sample(wafers, 1, 0, 0), both); err != nil {
					t.Fatal(err)
				}
				last++
			case 2:
				wafers++
				err := s.Commit(ctx, sample(wafers, 1, 0, 0), func(x *Tx) error { return errors.Join(both(x), broken) })
				if !errors.Is(err, broken) {
					t.Fatal(err)
				}
			case 3:
				upTo := rapid.Uint64Range(last-min(last, 5), last+1).Draw(t, "upTo")
				_, err := s.Acknowledge(ctx, Ledger, s.Epoch(), upTo)
				if (upTo > last) != errors.Is(err, ErrAhead) || upTo <= last && err != nil {
					t.Fatalf("acknowledge %d of %d: %v", upTo, last, err)
				}
				if upTo <= last {
					acknowledged = max(acknowledged, upTo)
				}
			case 4:
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if s, err = Open(ctx, path); err != nil {
					t.Fatal(err)
				}
			}
			checkPending(t, s, acknowledged, last)
		}
	})
}

func checkPending(t *rapid.T, s *Store, acknowledged, last uint64) {
	list, err := s.Pending(ctx, Ledger, 0, 1000)
	if err != nil || uint64(len(list)) != last-acknowledged {
		t.Fatalf("%d pending, %v; want %d", len(list), err, last-acknowledged)
	}
	for i, m := range list {
		seq := acknowledged + uint64(i) + 1
		if m.Seq != seq || string(m.Payload) != string(payload(s.Epoch(), Ledger, seq)) {
			t.Fatalf("message %d: %+v; want seq %d", i, m, seq)
		}
	}
}

func TestUpdatePublishesWithoutAWafer(t *testing.T) {
	s := open(t)
	err := s.Update(ctx, func(x *Tx) error {
		if x.Wafer() != nil {
			t.Error("there is a wafer")
		}
		return put(x, MES, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := s.Pending(ctx, MES, 0, 10); err != nil || len(list) != 1 || len(list[0].Payload) != 0 {
		t.Errorf("pending %v, %v", list, err)
	}
}

func TestBdSeqSurvivesRestart(t *testing.T) {
	path := filepath.Join(folder(t), "kensa.db")
	s := openAt(t, path)
	if n, found, err := s.LoadBdSeq(ctx); err != nil || found {
		t.Errorf("a new store has %d, %v, %v", n, found, err)
	}
	for _, n := range []uint8{0, 255, 7} {
		if err := s.SaveBdSeq(ctx, n); err != nil {
			t.Fatal(err)
		}
		s.Close()
		s = openAt(t, path)
		if got, found, err := s.LoadBdSeq(ctx); err != nil || !found || got != n {
			t.Errorf("loaded %d, %v, %v; want %d", got, found, err, n)
		}
	}
	if err := s.Update(ctx, func(x *Tx) error { return x.SetValue(bdSeqValue, []byte("300")) }); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.LoadBdSeq(ctx)
	wantError(t, err, ErrDamaged)
}

// TestPlanesOutbox holds a plane's outbox to the contract that a sender relies
// on: old acknowledgements pass, those beyond the last message do not.
func TestPlanesOutbox(t *testing.T) {
	s := open(t)
	o := s.Outbox(Ledger)
	bounds := func(acknowledged, last uint64) {
		t.Helper()
		if a, l, err := o.Bounds(ctx); err != nil || a != acknowledged || l != last {
			t.Errorf("bounds %d, %d, %v; want %d, %d", a, l, err, acknowledged, last)
		}
	}
	bounds(0, 0)
	for n := range 3 {
		commit(t, s, sample(n, 1, 0, 0), both)
	}
	bounds(0, 3)
	for _, seq := range []uint64{2, 1, 2} {
		if err := o.Acknowledge(ctx, seq); err != nil {
			t.Error(err)
		}
		bounds(2, 3)
	}
	if list, err := o.Pending(ctx, 0, 10); err != nil || len(list) != 1 || list[0].Seq != 3 {
		t.Errorf("pending %v, %v", list, err)
	}
	wantError(t, o.Acknowledge(ctx, 4), ErrAhead)
	bounds(2, 3)
}
