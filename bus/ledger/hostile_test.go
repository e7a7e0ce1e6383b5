package ledger_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
	"kensa/bus/session"
	"kensa/bus/session/sessiontest"
)

// arena is a receiver that knows node-1 and node-2, and a thief on its broker.
type arena struct {
	t          *testing.T
	one, other *ledger.Identity
	store      ledger.Store
	seen       *seen
	thief      *bad
	acks       chan ledger.Ack // that node-1 would get
}

func newArena(t *testing.T) *arena {
	t.Helper()
	address := sessiontest.FreeAddress(t)
	b := &embedded{address: address}
	b.start(t)
	a := &arena{
		t: t, one: identity(t, "node-1"), other: identity(t, "node-2"), store: ledgertest.NewStore(), seen: newSeen(),
		thief: connect(t, address, "thief", faults{}), acks: make(chan ledger.Ack, 100),
	}
	receiver := startReceiver(t, address, a.store, keys{"node-1": a.one.Public(), "node-2": a.other.Public()}, a.seen, faults{})
	if err := a.thief.Subscribe(t.Context(), ledger.Topic(ledger.KindAck, "node-1"), 1, func(m session.Message) {
		ack, _, err := ledger.OpenAck(m.Payload)
		if err != nil {
			t.Error(err)
		}
		a.acks <- ack
	}); err != nil {
		t.Fatal(err)
	}
	a.thief.Start(context.WithoutCancel(t.Context()))
	t.Cleanup(func() {
		a.thief.Close()
		receiver.close()
		b.kill(t)
	})
	for _, s := range []*session.Session{a.thief.Session, receiver.session} {
		if _, err := s.Await(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func (a *arena) send(topic string, payload []byte) {
	a.t.Helper()
	if _, err := a.thief.Send(a.t.Context(), session.Message{Topic: topic, QoS: 1, Payload: payload}); err != nil {
		a.t.Fatal(err)
	}
}

func (a *arena) refusals(r ledger.Reason) int {
	a.seen.mu.Lock()
	defer a.seen.mu.Unlock()
	return a.seen.refused[r]
}

func TestHostileRecordsAreRefused(t *testing.T) {
	a := newArena(t)
	topic, genuine := ledger.Topic(ledger.KindYield, "node-1"), seal(t, a.one, ledgertest.Record(), 1)
	for _, c := range []struct {
		topic   string
		payload []byte
		want    ledger.Reason
	}{
		{topic, []byte("{}"), ledger.Malformed},
		{topic, seal(t, identity(t, "node-1"), ledgertest.Record(), 1), ledger.Forged},
		{topic, seal(t, a.other, ledgertest.Record(), 1), ledger.Forged},
		{ledger.Topic(ledger.KindYield, "stranger"), genuine, ledger.NotEnrolled},
		{"kensa/v1/yield/63/node-1", genuine, ledger.WrongTopic},
		{topic, []byte("[]"), ledger.Malformed},
		{topic, slices.Concat([]byte("["), seal(t, a.other, ledgertest.Record(), 1), []byte("]")), ledger.Forged},
		{ledger.Topic(ledger.KindHorizon, "node-1"), genuine, ledger.Malformed},
	} {
		before := a.refusals(c.want)
		a.send(c.topic, c.payload)
		eventually(t, "refusal as "+string(c.want), func() bool { return a.refusals(c.want) == before+1 })
	}
	wantAll(t, a.store, "node-1", 0)
}

// One bad envelope of a parcel does not spoil the others.
func TestParcelWithAForgery(t *testing.T) {
	a := newArena(t)
	parcel := bytes.Join([][]byte{seal(t, a.one, ledgertest.Record(), 1), seal(t, a.other, ledgertest.Record(), 2), seal(t, a.one, ledgertest.Record(), 2)}, []byte(","))
	a.send(ledger.Topic(ledger.KindYield, "node-1"), slices.Concat([]byte("["), parcel, []byte("]")))
	if ack := <-a.acks; ack.Seq != 2 || a.refusals(ledger.Forged) != 1 {
		t.Errorf("acknowledged %d with %d forgeries; want 2 with 1", ack.Seq, a.refusals(ledger.Forged))
	}
	wantOnce(t, a.seen, "node-1", 2)
}

// A node that signs two records of one number has lost its database; nothing new
// of that epoch is taken any more. The node is told what the number stands for.
func TestConflictClosesTheEpoch(t *testing.T) {
	a := newArena(t)
	topic := ledger.Topic(ledger.KindYield, "node-1")
	for range 2 { // a repetition is acknowledged again
		a.send(topic, seal(t, a.one, ledgertest.Record(), 1))
		if ack := <-a.acks; ack.Seq != 1 {
			t.Errorf("acknowledged %d; want 1", ack.Seq)
		}
	}
	changed := ledgertest.Record()
	changed.Complete = false
	a.send(topic, seal(t, a.one, changed, 1))
	a.send(topic, seal(t, a.one, ledgertest.Record(), 2))
	eventually(t, "closing of the epoch", func() bool { return a.refusals(ledger.Conflict) == 2 })
	wantAll(t, a.store, "node-1", 1)
	wantOnce(t, a.seen, "node-1", 1)
	digest, _, err := a.store.Digest(t.Context(), ledger.Stream{Node: "node-1", Epoch: ledgertest.EpochA}, 1)
	if ack := <-a.acks; err != nil || ack.Seq != 1 || ack.Digest != hex.EncodeToString(digest[:]) {
		t.Errorf("told %+v, %v; want the digest of the record that was first", ack, err)
	}
	select {
	case ack := <-a.acks:
		t.Errorf("a closed epoch was acknowledged: %+v", ack)
	default:
	}
}

// word is an acknowledgement of node-1's records.
func word(t testing.TB, s *ledger.Signer, epoch string, seq uint64) []byte {
	t.Helper()
	text, err := s.SealAck(ledger.Ack{Node: "node-1", Epoch: epoch, Seq: seq})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Nobody but the receiver that is trusted empties the outbox.
func TestForgedAcknowledgements(t *testing.T) {
	address := sessiontest.FreeAddress(t)
	b := &embedded{address: address}
	b.start(t)
	defer b.kill(t)
	i, o := identity(t, "node-1"), ledgertest.NewOutbox()
	sender, p := startSender(t, address, o, i, faults{})
	defer p.close()
	receiver := startReceiver(t, address, ledgertest.NewStore(), keys{"node-1": i.Public()}, newSeen(), faults{})
	produce(t, o, i, 1)
	drain(t, sender)
	receiver.close()
	produce(t, o, i, 3)
	thief, stranger := connect(t, address, "thief", faults{}), identity(t, "thief")
	thief.Start(t.Context())
	defer thief.Close()
	if _, err := thief.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := sender.Stats().Ignored
	changed := bytes.Replace(word(t, service(t), ledgertest.EpochA, 2), []byte(`"seq":2`), []byte(`"seq":4`), 1)
	record, err := json.Marshal(ledger.Word{Body: json.RawMessage(`{}`), Key: service(t).Public(), Signature: make([]byte, 64)})
	if err != nil {
		t.Fatal(err)
	}
	forgeries := [][]byte{
		[]byte("?"), []byte(`{"node":"node-1","epoch":"` + ledgertest.EpochA + `","seq":4}`), // unsigned, as before version 1
		changed, record, bytes.Repeat([]byte(" "), 2000),
		word(t, service(t), ledgertest.EpochB, 4), // genuine, of another epoch
		word(t, &stranger.Signer, ledgertest.EpochA, 4),
	}
	for _, payload := range forgeries {
		if err := thief.Publish(t.Context(), session.Message{Topic: ledger.Topic(ledger.KindAck, "node-1"), QoS: 1, Payload: payload}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "complaint", func() bool {
		st := sender.Stats()
		return st.Ignored == before+uint64(len(forgeries)) && st.Problem != nil && errors.Is(st.Stranger, ledger.ErrStranger)
	})
	if acknowledged, last, err := o.Bounds(t.Context()); acknowledged != 1 || last != 4 || err != nil {
		t.Errorf("outbox %d of %d, %v; want 1 acknowledged", acknowledged, last, err)
	}
}

// The first key is kept over restarts; a configured one must be there.
func TestPinnedKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "receiver.pub")
	if _, err := ledger.OpenPin(path, true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no configured key: %v; want it refused", err)
	}
	one, other := identity(t, "one").Public(), identity(t, "other").Public()
	for run := range 2 {
		p, err := ledger.OpenPin(path, run > 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(p.Admit(one), p.Admit(one)); err != nil {
			t.Error(err)
		}
		if err := p.Admit(other); !errors.Is(err, ledger.ErrStranger) {
			t.Errorf("another key: %v; want it refused", err)
		}
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.OpenPin(path, false); err == nil {
		t.Error("a damaged file passed: any key would be the first again")
	}
}
