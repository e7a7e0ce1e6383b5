package ledger_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
	"kensa/bus/session"
)

// wantAll checks that a store has 1 to n of a node, each as it was sealed.
func wantAll(t *testing.T, store ledger.Store, node string, n int) {
	t.Helper()
	s := ledger.Stream{Node: node, Epoch: ledgertest.EpochA}
	if got, err := store.Position(t.Context(), s); err != nil || got != uint64(n) {
		t.Errorf("%s: committed up to %d, %v; want %d", node, got, err, n)
	}
	for seq := range n {
		if _, ok, err := store.Digest(t.Context(), s, uint64(seq+1)); !ok || err != nil {
			t.Fatalf("%s: seq %d is not there: %v", node, seq+1, err)
		}
	}
}

// wantOnce checks that the receiver reported each record once and in order.
func wantOnce(t *testing.T, s *seen, node string, n int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.order[ledger.Stream{Node: node, Epoch: ledgertest.EpochA}]
	want := make([]uint64, n)
	for i := range want {
		want[i] = uint64(i + 1)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: reported %d records; want 1 to %d, each once, in order", node, len(got), n)
	}
}

func TestRecordsArriveOnceInOrder(t *testing.T) {
	onBothBrokers(t, func(t *testing.T, b server, address string) {
		b.start(t)
		defer b.kill(t)
		i, o, store, s := identity(t, "node-1"), ledgertest.NewOutbox(), ledgertest.NewStore(), newSeen()
		produce(t, o, i, 500)
		receiver := startReceiver(t, address, store, keys{"node-1": i.Public()}, s, faults{})
		defer receiver.close()
		sender, p := startSender(t, address, o, i, faults{})
		defer p.close()
		drain(t, sender)
		produce(t, o, i, 500)
		sender.Notify()
		drain(t, sender)
		wantAll(t, store, "node-1", 1000)
		wantOnce(t, s, "node-1", 1000)
		if st := sender.Stats(); st.Pending() != 0 || st.Acknowledged != 1000 || st.Problem != nil {
			t.Errorf("stats %+v", st)
		}
	})
}

// Records are lost, doubled, swapped; acknowledgements too.
func TestBadLink(t *testing.T) {
	onBothBrokers(t, func(t *testing.T, b server, address string) {
		b.start(t)
		defer b.kill(t)
		store, s, f := ledgertest.NewStore(), newSeen(), faults{lose: .005, double: .02, swap: .01}
		known := keys{}
		var senders []*ledger.Sender
		for n := range 3 {
			i, o := identity(t, fmt.Sprintf("node-%d", n)), ledgertest.NewOutbox()
			known[i.Node] = i.Public()
			produce(t, o, i, 150)
			sender, p := startSender(t, address, o, i, f)
			defer p.close()
			senders = append(senders, sender)
		}
		receiver := startReceiver(t, address, store, known, s, f)
		defer receiver.close()
		for n, sender := range senders {
			drain(t, sender)
			wantAll(t, store, fmt.Sprintf("node-%d", n), 150)
			wantOnce(t, s, fmt.Sprintf("node-%d", n), 150)
		}
	})
}

// The broker dies with all it holds, the receiver and the sender are restarted,
// commits fail, at random; afterwards every record is there once.
func TestRandomFaults(t *testing.T) {
	const rounds = 25 // two faults in each
	onBothBrokers(t, func(t *testing.T, b server, address string) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		dice := rand.New(rand.NewPCG(seed, 0))
		b.start(t)
		defer func() { b.kill(t) }()
		i, o := identity(t, "node-1"), ledgertest.NewOutbox()
		store := &flaky{Store: ledgertest.NewStore(), chance: .1}
		f, known := faults{lose: .002, double: .01, swap: .005}, keys{"node-1": i.Public()}
		receiver := startReceiver(t, address, store, known, newSeen(), f)
		sender, p := startSender(t, address, o, i, f)
		total := 0
		for range rounds {
			n := dice.IntN(60)
			produce(t, o, i, n)
			total += n
			sender.Notify()
			switch dice.IntN(4) {
			case 0:
				b.kill(t)
				b.start(t)
			case 1:
				receiver.close()
				receiver = startReceiver(t, address, store, known, newSeen(), f)
			case 2:
				p.close()
				sender, p = startSender(t, address, o, i, f)
			case 3: // let it work
				time.Sleep(time.Duration(dice.IntN(30)) * time.Millisecond)
			}
		}
		store.heal()
		drain(t, sender)
		p.close()
		receiver.close()
		wantAll(t, store, "node-1", total)
	})
}

// A receiver whose database is older than the acknowledgements it gave asks for
// what is gone. The sender says so, and both go on.
func TestReceiverThatLostItsDatabase(t *testing.T) {
	address := freeAddress(t)
	b := &embedded{address: address}
	b.start(t)
	defer b.kill(t)
	i, o, s := identity(t, "node-1"), ledgertest.NewOutbox(), newSeen()
	sender, p := startSender(t, address, o, i, faults{})
	defer p.close()
	receiver := startReceiver(t, address, ledgertest.NewStore(), keys{"node-1": i.Public()}, s, faults{})
	produce(t, o, i, 10)
	drain(t, sender)
	receiver.close()
	fresh := ledgertest.NewStore()
	receiver = startReceiver(t, address, fresh, keys{"node-1": i.Public()}, s, faults{})
	defer receiver.close()
	produce(t, o, i, 5)
	drain(t, sender)
	stream := ledger.Stream{Node: "node-1", Epoch: ledgertest.EpochA}
	if got, err := fresh.Position(t.Context(), stream); err != nil || got != 15 {
		t.Errorf("position %d, %v; want 15", got, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.skipped, []string{"node-1 1-10"}) {
		t.Errorf("skipped %q; want records 1 to 10", s.skipped)
	}
}

// eventually waits for something that must become true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

func TestHostileRecordsAreRefused(t *testing.T) {
	address := freeAddress(t)
	b := &embedded{address: address}
	b.start(t)
	defer b.kill(t)
	i, other, s, store := identity(t, "node-1"), identity(t, "node-2"), newSeen(), ledgertest.NewStore()
	known := keys{"node-1": i.Public(), "node-2": other.Public()}
	receiver := startReceiver(t, address, store, known, s, faults{})
	defer receiver.close()
	thief := connect(t, address, "thief", faults{})
	acks := make(chan ledger.Ack, 100)
	if err := thief.Subscribe(t.Context(), ledger.Topic(ledger.KindAck, "node-1"), 1, func(m session.Message) {
		var a ledger.Ack
		if err := json.Unmarshal(m.Payload, &a); err != nil {
			t.Error(err)
		}
		acks <- a
	}); err != nil {
		t.Fatal(err)
	}
	thief.Start(t.Context())
	defer thief.Close()
	if _, err := thief.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	topic := ledger.Topic(ledger.KindYield, "node-1")
	send := func(topic string, payload []byte) {
		t.Helper()
		if _, err := thief.Send(t.Context(), session.Message{Topic: topic, QoS: 1, Payload: payload}); err != nil {
			t.Fatal(err)
		}
	}
	genuine := seal(t, i, ledgertest.Record(), 1)
	changed := ledgertest.Record()
	changed.Complete = false
	for _, c := range []struct {
		topic   string
		payload []byte
		want    ledger.Reason
	}{
		{topic, []byte("{}"), ledger.Malformed},
		{topic, seal(t, identity(t, "node-1"), ledgertest.Record(), 1), ledger.Forged},
		{topic, seal(t, other, ledgertest.Record(), 1), ledger.Forged},
		{ledger.Topic(ledger.KindYield, "stranger"), genuine, ledger.NotEnrolled},
		{"kensa/v1/yield/63/node-1", genuine, ledger.WrongTopic},
		{ledger.Topic(ledger.KindHorizon, "node-1"), genuine, ledger.Malformed},
	} {
		s.mu.Lock()
		before := s.refused[c.want]
		s.mu.Unlock()
		send(c.topic, c.payload)
		eventually(t, "refusal as "+string(c.want), func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.refused[c.want] == before+1
		})
	}
	for range 2 { // a repetition is acknowledged again
		send(topic, genuine)
		if a := <-acks; a.Seq != 1 {
			t.Errorf("acknowledged %d; want 1", a.Seq)
		}
	}
	send(topic, seal(t, i, changed, 1))
	send(topic, seal(t, i, ledgertest.Record(), 2))
	eventually(t, "closing of the epoch", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.refused[ledger.Conflict] == 2
	})
	wantAll(t, store, "node-1", 1)
	wantOnce(t, s, "node-1", 1)
	select {
	case a := <-acks:
		t.Errorf("a closed epoch was acknowledged: %+v", a)
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
