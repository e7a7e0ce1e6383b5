package ledgertest

import (
	"crypto/sha256"
	"errors"
	"fmt"
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

// TestOutbox holds an outbox to its contract. open returns an empty one, and a
// function that commits a row with this payload.
func TestOutbox(t *testing.T, open func(t *testing.T) (o ledger.Outbox, add func(payload string))) {
	o, add := open(t)
	ctx := t.Context()
	bounds := func(acknowledged, last uint64) {
		t.Helper()
		a, l, err := o.Bounds(ctx)
		if err != nil || a != acknowledged || l != last {
			t.Errorf("bounds %d, %d, %v; want %d, %d", a, l, err, acknowledged, last)
		}
	}
	pending := func(after uint64, limit int, want ...string) {
		t.Helper()
		entries, err := o.Pending(ctx, after, limit)
		if err != nil || len(entries) != len(want) {
			t.Fatalf("pending after %d: %d rows, %v; want %d", after, len(entries), err, len(want))
		}
		for n, e := range entries {
			if string(e.Envelope) != want[n] || n > 0 && e.Seq != entries[n-1].Seq+1 {
				t.Errorf("row %d: seq %d, %s; want %s", n, e.Seq, e.Envelope, want[n])
			}
		}
	}
	bounds(0, 0)
	pending(0, 10)
	for _, payload := range []string{"one", "two", "three"} {
		add(payload)
	}
	bounds(0, 3)
	pending(0, 10, "one", "two", "three")
	pending(0, 2, "one", "two")
	pending(2, 10, "three")
	if err := o.Acknowledge(ctx, 2); err != nil {
		t.Fatal(err)
	}
	if err := o.Acknowledge(ctx, 1); err != nil {
		t.Errorf("an old acknowledgement: %v; want it to pass", err)
	}
	bounds(2, 3)
	pending(2, 10, "three")
	if err := o.Acknowledge(ctx, 4); err == nil {
		t.Error("an acknowledgement beyond the last row passed")
	}
	if err := o.Acknowledge(ctx, 3); err != nil {
		t.Fatal(err)
	}
	bounds(3, 3)
	add("four")
	bounds(3, 4)
	pending(3, 10, "four")
	for _, payload := range []string{"five", "six", "seven"} {
		add(payload)
	}
	epoch, err := o.Begin(ctx, 5, func(e ledger.Entry, epoch string, seq uint64) ([]byte, error) {
		return fmt.Appendf(nil, "%s as %d", e.Envelope, seq), nil
	})
	if err != nil || len(epoch) != 32 {
		t.Fatalf("begin: epoch %q, %v", epoch, err)
	}
	bounds(0, 2)
	pending(0, 10, "six as 1", "seven as 2")
	add("eight")
	bounds(0, 3)
	failure := errors.New("no")
	if _, err := o.Begin(ctx, 0, func(ledger.Entry, string, uint64) ([]byte, error) { return nil, failure }); !errors.Is(err, failure) {
		t.Errorf("begin that cannot seal: %v", err)
	}
	pending(0, 10, "six as 1", "seven as 2", "eight")
	if another, err := o.Begin(ctx, 3, nil); err != nil || another == epoch {
		t.Errorf("begin with nothing left: %q, %v; want another epoch", another, err)
	}
	bounds(0, 0)
	add("nine")
	pending(0, 10, "nine")
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
	commit(Received(b, 5, "b5"), Received(a2, 1, "new"))
	for range 2 {
		position(a, 3)
		position(a2, 1)
		position(b, 5)
		wantLatest(t, store, map[ledger.Stream]uint64{a2: 1, b: 5})
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
