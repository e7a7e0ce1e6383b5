package ledger_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
	"kensa/bus/session"
	"kensa/bus/session/sessiontest"
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

// belated is a session whose new connection is told of late, when all could long
// send on it.
type belated struct {
	*session.Session
	tell chan struct{}
}

func (b *belated) OnUp(f func(context.Context, *session.Link)) {
	b.Session.OnUp(func(ctx context.Context, l *session.Link) {
		<-b.tell
		f(ctx, l)
	})
}

// What the sender would send on a connection before it is told of it, it would take for
// lost with the connection before, and send twice.
func TestNothingIsSentAheadOfTheConnection(t *testing.T) {
	b := &embedded{address: sessiontest.FreeAddress(t)}
	b.start(t)
	defer b.kill(t)
	i, o, store := identity(t, "node-1"), ledgertest.NewOutbox(), ledgertest.NewStore()
	receiver := startReceiver(t, b.address, store, keys{"node-1": i.Public()}, newSeen(), faults{})
	defer receiver.close()
	if _, err := receiver.session.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	bus := &belated{connect(t, b.address, "node-1", faults{}).Session, make(chan struct{})}
	sender, err := ledger.NewSender(bus, o, i, trusting(t), ledgertest.EpochA, ledger.SenderConfig{}, silent)
	if err != nil {
		t.Fatal(err)
	}
	sender.Start(t.Context())
	defer sender.Close()
	bus.Start(t.Context())
	defer bus.Close()
	if _, err := bus.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(3) {
		produce(t, o, i, 1)
		for sender.Stats().Last <= n { // until it has seen the row
			sender.Notify()
			runtime.Gosched()
		}
	}
	close(bus.tell)
	drain(t, sender)
	if st := sender.Stats(); st.Sent != 3 || st.Repeated != 0 {
		t.Errorf("%d records sent, %d repetitions; want each of 3 once", st.Sent, st.Repeated)
	}
	wantAll(t, store, "node-1", 3)
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

var rounds = flag.Int("faults", 25, "how many faults TestRandomFaults makes on each broker, besides those of link and disk")

// The broker dies with all it holds or holds still, the receiver and the sender are restarted,
// commits fail, at random; afterwards every record is there once.
func TestRandomFaults(t *testing.T) {
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
		for range *rounds {
			n := dice.IntN(60)
			produce(t, o, i, n)
			total += n
			sender.Notify()
			switch dice.IntN(5) {
			case 0:
				b.kill(t)
				b.start(t)
			case 1:
				receiver.close()
				receiver = startReceiver(t, address, store, known, newSeen(), f)
			case 2:
				p.close()
				sender, p = startSender(t, address, o, i, f)
			case 3: // hold still without a word, as a machine that swaps does
				b.pause(t, time.Duration(dice.IntN(50))*time.Millisecond)
			case 4: // let it work
				time.Sleep(time.Duration(dice.IntN(30)) * time.Millisecond)
			}
		}
		store.heal()
		drain(t, sender)
		p.close()
		receiver.close()
		wantAll(t, store, "node-1", total)
		t.Logf("%d records over %d faults", total, *rounds)
	})
}

// A receiver whose database is older than the acknowledgements it gave asks for
// what is gone. The sender says so, and both go on.
func TestReceiverThatLostItsDatabase(t *testing.T) {
	address := sessiontest.FreeAddress(t)
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
