package ledger_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kensa/bus/broker"
	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
	"kensa/bus/session"
	"kensa/bus/session/sessiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that must happen.
const patience = 60 * time.Second

var silent = slog.New(slog.DiscardHandler)

// server is a broker that can die. Both kinds lose all they hold.
type server interface {
	start(t testing.TB)
	kill(t testing.TB)
	// pause stops it for a while, and with it whoever waits for it.
	pause(t testing.TB, d time.Duration)
}

// embedded is Kensa's own broker.
type embedded struct {
	address string
	broker  *broker.Broker
}

func (e *embedded) start(t testing.TB) {
	t.Helper()
	var err error
	if e.broker, err = broker.Start(e.address, silent); err != nil {
		t.Fatal(err)
	}
}

func (e *embedded) kill(t testing.TB) {
	t.Helper()
	if err := e.broker.Close(); err != nil {
		t.Error(err)
	}
}

// pause does nothing: this broker stands still only with the test.
func (*embedded) pause(testing.TB, time.Duration) {}

// mosquitto is Debian's broker, killed without warning.
type mosquitto struct {
	address string
	command *exec.Cmd
}

func (m *mosquitto) start(t testing.TB) {
	t.Helper()
	_, port, err := net.SplitHostPort(m.address)
	if err != nil {
		t.Fatal(err)
	}
	command := sessiontest.Mosquitto(t, t.TempDir(), fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n", port))
	m.command = exec.Command(command[0], command[1:]...)
	m.command.Stderr = io.Discard
	if err := m.command.Start(); err != nil {
		t.Fatal(err)
	}
}

func (m *mosquitto) kill(t testing.TB) {
	t.Helper()
	if err := m.command.Process.Kill(); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	if err := m.command.Wait(); err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
}

func (m *mosquitto) pause(t testing.TB, d time.Duration) {
	t.Helper()
	if err := m.command.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Error(err)
	}
	time.Sleep(d)
	if err := m.command.Process.Signal(syscall.SIGCONT); err != nil {
		t.Error(err)
	}
}

// onBothBrokers runs a test with Kensa's broker and with mosquitto.
func onBothBrokers(t *testing.T, test func(t *testing.T, s server, address string)) {
	t.Run("embedded", func(t *testing.T) {
		address := sessiontest.FreeAddress(t)
		test(t, &embedded{address: address}, address)
	})
	t.Run("mosquitto", func(t *testing.T) {
		address := sessiontest.FreeAddress(t)
		test(t, &mosquitto{address: address}, address)
	})
}

// keys enrols identities.
type keys map[string]ed25519.PublicKey

func (k keys) Key(node string) (ed25519.PublicKey, bool) {
	key, ok := k[node]
	return key, ok
}

// part is a sender or a receiver with its session.
type part struct {
	session *session.Session
	bus     *bad
	close   func()
}

var starts atomic.Int64

func connect(t testing.TB, address, id string, f faults) *bad {
	t.Helper()
	c := session.Default()
	// Each start has a name of its own: the embedded broker may lose the
	// subscriptions of a client that returns under the same name in the moment in
	// which it notices that the old connection ended.
	c.Brokers, c.ClientID = []string{"tcp://" + address}, fmt.Sprintf("%s-%d", id, starts.Add(1))
	c.ReconnectMin, c.ReconnectMax = time.Millisecond, 20*time.Millisecond
	s, err := session.New(c, silent)
	if err != nil {
		t.Fatal(err)
	}
	return &bad{Session: s, faults: f}
}

// seen notes what a receiver reports.
type seen struct {
	mu      sync.Mutex
	order   map[ledger.Stream][]uint64
	refused map[ledger.Reason]int
	skipped []string
	void    []uint64
}

func newSeen() *seen {
	return &seen{order: make(map[ledger.Stream][]uint64), refused: make(map[ledger.Reason]int)}
}

func (s *seen) config() ledger.ReceiverConfig {
	return ledger.ReceiverConfig{
		ReplayPause: 20 * time.Millisecond,
		OnCommit: func(records []ledger.Received) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, r := range records {
				key := ledger.Stream{Node: r.Record.Node, Epoch: r.Record.Epoch}
				s.order[key] = append(s.order[key], r.Record.Seq)
				if r.Void != "" {
					s.void = append(s.void, r.Record.Seq)
				}
			}
		},
		OnRefuse: func(_ string, reason ledger.Reason, _ error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.refused[reason]++
		},
		OnSkip: func(st ledger.Stream, from, to uint64) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.skipped = append(s.skipped, fmt.Sprintf("%s %d-%d", st.Node, from, to))
		},
	}
}

// receiverKey is one for all receivers of this package: they stand for one
// service that is started again.
var receiverKey = sync.OnceValues(func() (*ledger.Signer, error) {
	folder, err := os.MkdirTemp("", "kensa-ledger-test")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	return ledger.OpenSigner(folder, "service")
})

func service(t testing.TB) *ledger.Signer {
	t.Helper()
	s, err := receiverKey()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// trusting is the trust of a node that has not heard of a receiver yet.
func trusting(t testing.TB) *ledger.Pin {
	t.Helper()
	p, err := ledger.OpenPin(filepath.Join(t.TempDir(), "receiver.pub"), false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func startReceiver(t testing.TB, address string, store ledger.Store, k ledger.Keys, s *seen, f faults) *part {
	t.Helper()
	bus := connect(t, address, "receiver", f)
	r, err := ledger.NewReceiver(bus, store, k, service(t), s.config(), silent)
	if err != nil {
		t.Fatal(err)
	}
	r.Start()
	bus.Start(context.WithoutCancel(t.Context()))
	return &part{bus.Session, bus, func() {
		r.Close()
		bus.Close()
	}}
}

func startSender(t testing.TB, address string, o ledger.Outbox, i *ledger.Identity, f faults) (*ledger.Sender, *part) {
	t.Helper()
	return startTuned(t, address, o, i, f, ledger.SenderConfig{Patience: 30 * time.Millisecond})
}

func startTuned(t testing.TB, address string, o ledger.Outbox, i *ledger.Identity, f faults, config ledger.SenderConfig) (*ledger.Sender, *part) {
	t.Helper()
	bus := connect(t, address, i.Node, f)
	s, err := ledger.NewSender(bus, o, i, trusting(t), ledgertest.EpochA, config, silent)
	if err != nil {
		t.Fatal(err)
	}
	s.Start(context.WithoutCancel(t.Context()))
	bus.Start(context.WithoutCancel(t.Context()))
	return s, &part{bus.Session, bus, func() {
		s.Close()
		bus.Close()
	}}
}

// produce commits records to an outbox.
func produce(t testing.TB, o *ledgertest.Outbox, i *ledger.Identity, n int) {
	t.Helper()
	for range n {
		if err := o.Add(func(epoch string, seq uint64) ([]byte, error) {
			return i.Seal(ledgertest.Record(), epoch, seq)
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func drain(t testing.TB, s *ledger.Sender) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Drain(ctx); err != nil {
		t.Fatalf("%v; %+v", err, s.Stats())
	}
}
