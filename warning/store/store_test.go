package store_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
	"kensa/warning/store"
)

func open(t *testing.T, folder string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKeepsTheContract(t *testing.T) {
	ledgertest.TestStore(t, func(t *testing.T) (ledger.Store, func() ledger.Store) {
		folder := t.TempDir()
		s := open(t, folder)
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s, func() ledger.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, folder)
			return s
		}
	})
}

func TestSecondProgramIsKeptOut(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder)
	if _, err := store.Open(t.Context(), folder); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second opening: %v; want ErrLocked", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, folder).Close(); err != nil {
		t.Error(err)
	}
}

func TestForeignFileIsRefused(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(folder+"/warning.db", []byte("these are not the bytes of a database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), folder); err == nil {
		t.Error("a foreign file was opened")
	}
}

func TestReplayGivesAllInOrder(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	a := ledger.Stream{Node: "a", Epoch: ledgertest.EpochA}
	body := `{"node":"a","seq":1}`
	if err := s.Commit(t.Context(), []ledger.Received{ledgertest.Received(a, 1, body), ledgertest.Received(a, 2, `{"node":"a","seq":2}`)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Skip(t.Context(), a, 9); err != nil {
		t.Fatal(err)
	}
	var seqs []uint64
	var losses []store.Lost
	if err := s.Replay(t.Context(), func(r ledger.Record, received time.Time) {
		seqs = append(seqs, r.Seq)
		if time.Since(received) > time.Hour || time.Since(received) < 0 {
			t.Errorf("received %v", received)
		}
	}, func(l store.Lost) { losses = append(losses, l) }); err != nil {
		t.Fatal(err)
	}
	if len(seqs) != 2 || seqs[0] != 1 || seqs[1] != 2 || len(losses) != 1 || losses[0] != (store.Lost{Stream: a, From: 3, To: 8}) {
		t.Errorf("replayed %v and %v", seqs, losses)
	}
}

func TestPing(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("a closed store answers")
	}
}
