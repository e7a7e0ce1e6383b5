package ledgertest

import (
	"errors"
	"fmt"
	"testing"

	"kensa/bus/ledger"
)

// OpenOutbox gives an empty outbox, and a function that commits a row with this
// payload.
type OpenOutbox func(t *testing.T) (o ledger.Outbox, add func(payload string))

// TestOutbox holds an outbox to its contract.
func TestOutbox(t *testing.T, open OpenOutbox) {
	for name, test := range map[string]func(outboxTest){
		"order":       outboxTest.order,
		"acknowledge": outboxTest.acknowledge,
		"replace":     outboxTest.replace,
		"begin":       outboxTest.begin,
	} {
		t.Run(name, func(t *testing.T) {
			o, add := open(t)
			test(outboxTest{t, o, func(payloads ...string) {
				for _, p := range payloads {
					add(p)
				}
			}})
		})
	}
}

// outboxTest is an outbox under test.
type outboxTest struct {
	*testing.T
	ledger.Outbox
	add func(payloads ...string)
}

func (t outboxTest) bounds(acknowledged, last uint64) {
	t.Helper()
	a, l, err := t.Bounds(t.Context())
	if err != nil || a != acknowledged || l != last {
		t.Errorf("bounds %d, %d, %v; want %d, %d", a, l, err, acknowledged, last)
	}
}

func (t outboxTest) pending(after uint64, limit int, want ...string) {
	t.Helper()
	entries, err := t.Pending(t.Context(), after, limit)
	if err != nil || len(entries) != len(want) {
		t.Fatalf("pending after %d: %d rows, %v; want %d", after, len(entries), err, len(want))
	}
	for n, e := range entries {
		if string(e.Envelope) != want[n] || n > 0 && e.Seq != entries[n-1].Seq+1 {
			t.Errorf("row %d: seq %d, %s; want %s", n, e.Seq, e.Envelope, want[n])
		}
	}
}

func (t outboxTest) acknowledged(seq uint64) {
	t.Helper()
	if err := t.Acknowledge(t.Context(), seq); err != nil {
		t.Fatalf("acknowledge %d: %v", seq, err)
	}
}

func (t outboxTest) order() {
	t.bounds(0, 0)
	t.pending(0, 10)
	t.add("one", "two", "three")
	t.bounds(0, 3)
	t.pending(0, 10, "one", "two", "three")
	t.pending(0, 2, "one", "two")
	t.pending(2, 10, "three")
}

func (t outboxTest) acknowledge() {
	t.add("one", "two", "three")
	t.acknowledged(2)
	t.acknowledged(1) // an old one passes
	t.bounds(2, 3)
	t.pending(2, 10, "three")
	if err := t.Acknowledge(t.Context(), 4); err == nil {
		t.Error("an acknowledgement beyond the last row passed")
	}
	t.acknowledged(3)
	t.bounds(3, 3)
	t.add("four")
	t.bounds(3, 4)
	t.pending(3, 10, "four")
}

func (t outboxTest) replace() {
	t.add("one", "two", "three")
	t.acknowledged(1)
	if err := t.Replace(t.Context(), 2, []byte("void")); err != nil {
		t.Fatal(err)
	}
	for _, seq := range []uint64{0, 1, 4} {
		if err := t.Replace(t.Context(), seq, []byte("void")); err == nil {
			t.Errorf("row %d, which does not wait, was replaced", seq)
		}
	}
	t.bounds(1, 3)
	t.pending(1, 10, "void", "three")
}

func (t outboxTest) begin() {
	t.add("four", "five", "six", "seven")
	t.acknowledged(1)
	epoch, err := t.Begin(t.Context(), 2, func(e ledger.Entry, epoch string, seq uint64) ([]byte, error) {
		return fmt.Appendf(nil, "%s as %d", e.Envelope, seq), nil
	})
	if err != nil || len(epoch) != 32 {
		t.Fatalf("begin: epoch %q, %v", epoch, err)
	}
	t.bounds(0, 2)
	t.pending(0, 10, "six as 1", "seven as 2")
	t.add("eight")
	t.bounds(0, 3)
	failure := errors.New("no")
	if _, err := t.Begin(t.Context(), 0, func(ledger.Entry, string, uint64) ([]byte, error) { return nil, failure }); !errors.Is(err, failure) {
		t.Errorf("begin that cannot seal: %v", err)
	}
	t.pending(0, 10, "six as 1", "seven as 2", "eight")
	if another, err := t.Begin(t.Context(), 3, nil); err != nil || another == epoch {
		t.Errorf("begin with nothing left: %q, %v; want another epoch", another, err)
	}
	t.bounds(0, 0)
	t.add("nine")
	t.pending(0, 10, "nine")
}
