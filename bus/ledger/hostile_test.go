package ledger_test

import (
	"context"
	"testing"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
	"kensa/bus/session"
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
	address := freeAddress(t)
	b := &embedded{address: address}
	b.start(t)
	a := &arena{
		t: t, one: identity(t, "node-1"), other: identity(t, "node-2"), store: ledgertest.NewStore(), seen: newSeen(),
		thief: connect(t, address, "thief", faults{}), acks: make(chan ledger.Ack, 100),
	}
	receiver := startReceiver(t, address, a.store, keys{"node-1": a.one.Public(), "node-2": a.other.Public()}, a.seen, faults{})
	if err := a.thief.Subscribe(t.Context(), ledger.Topic(ledger.KindAck, "node-1"), 1, func(m session.Message) {
		ack, err := ledger.DecodeAck(m.Payload)
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
		{ledger.Topic(ledger.KindHorizon, "node-1"), genuine, ledger.Malformed},
	} {
		before := a.refusals(c.want)
		a.send(c.topic, c.payload)
		eventually(t, "refusal as "+string(c.want), func() bool { return a.refusals(c.want) == before+1 })
	}
	wantAll(t, a.store, "node-1", 0)
}

// A node that signs two records of one number has lost its database; nothing of
// that epoch is acknowledged any more.
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
	select {
	case ack := <-a.acks:
		t.Errorf("a closed epoch was acknowledged: %+v", ack)
	default:
	}
}

// An acknowledgement that cannot be must not empty the outbox.
func TestForgedAcknowledgements(t *testing.T) {
	address := freeAddress(t)
	b := &embedded{address: address}
	b.start(t)
	defer b.kill(t)
	i, o := identity(t, "node-1"), ledgertest.NewOutbox()
	produce(t, o, i, 3)
	sender, p := startSender(t, address, o, i, faults{})
	defer p.close()
	thief := connect(t, address, "thief", faults{})
	thief.Start(t.Context())
	defer thief.Close()
	for _, bus := range []*bad{thief, p.bus} {
		if _, err := bus.Await(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, payload := range []string{
		"?", `{"node":"node-2","epoch":"` + ledgertest.EpochA + `","seq":3}`,
		`{"node":"node-1","epoch":"` + ledgertest.EpochB + `","seq":3}`,
		`{"node":"node-1","epoch":"` + ledgertest.EpochA + `","seq":4}`, // more than there is
	} {
		if err := thief.Publish(t.Context(), session.Message{Topic: ledger.Topic(ledger.KindAck, "node-1"), QoS: 1, Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "complaint", func() bool {
		st := sender.Stats()
		return st.Ignored == 3 && st.Problem != nil
	})
	if acknowledged, last, err := o.Bounds(t.Context()); acknowledged != 0 || last != 3 || err != nil {
		t.Errorf("outbox %d of %d, %v; want nothing acknowledged", acknowledged, last, err)
	}
}
