package ledgertest

import (
	"crypto/sha256"
	"maps"
	"testing"
	"time"

	"kensa/bus/ledger"
)

// Epochs to test with.
const (
	EpochA = "000102030405060708090a0b0c0d0e0f"
	EpochB = "f0e0d0c0b0a090807060504030201000"
)

// Record is a valid relative record.
func Record() ledger.Record {
	d := -0.25
	return ledger.Record{
		Time: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Disclosure: ledger.Relative,
		Product: "0123456789abcdef", Complete: true, Deviation: &d,
	}
}

// Received is a record that passed the receiver, of this number. Its body is
// not JSON, which no store may mind.
func Received(s ledger.Stream, seq uint64, body string) ledger.Received {
	r := Record()
	r.Schema, r.Node, r.Epoch, r.Seq = ledger.RecordSchema, s.Node, s.Epoch, seq
	return ledger.Received{Record: r, Body: []byte(body), Digest: sha256.Sum256([]byte(body))}
}

// TestStore holds a store to its contract. open returns an empty one; reopen
// closes it and opens it again, as a restart would.
func TestStore(t *testing.T, open func(t *testing.T) (s ledger.Store, reopen func() ledger.Store)) {
	store, reopen := open(t)
	ctx := t.Context()
	a, b, a2 := ledger.Stream{Node: "a", Epoch: EpochA}, ledger.Stream{Node: "b", Epoch: EpochA}, ledger.Stream{Node: "a", Epoch: EpochB}
	position := func(s ledger.Stream, want uint64) {
		t.Helper()
		if got, err := store.Position(ctx, s); err != nil || got != want {
			t.Errorf("position of %v: %d, %v; want %d", s, got, err, want)
		}
	}
	commit := func(records ...ledger.Received) {
		t.Helper()
		if err := store.Commit(ctx, records); err != nil {
			t.Fatal(err)
		}
	}
	digest := func(s ledger.Stream, seq uint64, body string, held bool) {
		t.Helper()
		got, ok, err := store.Digest(ctx, s, seq)
		if err != nil || ok != held || held && got != sha256.Sum256([]byte(body)) {
			t.Errorf("digest of %v %d: %v, %v; want that of %q, %v", s, seq, ok, err, body, held)
		}
	}
	position(a, 0)
	digest(a, 1, "", false)
	commit(Received(a, 1, "a1"), Received(b, 1, "b1"), Received(a, 2, "a2"))
	commit(Received(a, 2, "other"), Received(a, 3, "a3")) // seq 2 stays as it is
	position(a, 3)
	position(b, 1)
	digest(a, 2, "a2", true)
	if err := store.Commit(ctx, []ledger.Received{Received(b, 2, "b2"), Received(a, 9, "a9")}); err == nil {
		t.Error("a batch with a gap passed")
	}
	position(a, 3)
	if err := store.Skip(ctx, b, 5); err != nil {
		t.Fatal(err)
	}
	if err := store.Skip(ctx, a, 2); err != nil {
		t.Errorf("skip to what is there: %v; want it to pass", err)
	}
	digest(b, 4, "", false)
	void := Received(b, 6, "void")
	void.Void = ledger.Unreadable
	commit(Received(b, 5, "b5"), void, Received(b, 7, "b7"), Received(a2, 1, "new"))
	for range 2 {
		position(a, 3)
		position(a2, 1)
		position(b, 7)
		digest(b, 6, "", false)
		digest(b, 7, "b7", true)
		wantLatest(t, store, map[ledger.Stream]uint64{a2: 1, b: 7})
		store = reopen()
	}
}

func wantLatest(t *testing.T, store ledger.Store, want map[ledger.Stream]uint64) {
	t.Helper()
	latest, err := store.Latest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[ledger.Stream]uint64)
	for _, p := range latest {
		got[p.Stream] = p.Seq
	}
	if !maps.Equal(got, want) {
		t.Errorf("latest positions %v; want %v", got, want)
	}
}
