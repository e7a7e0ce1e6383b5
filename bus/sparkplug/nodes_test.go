package sparkplug_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kensa/bus/session"
	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var names = sparkplug.Config{Group: "Fab 2", Node: "kensa-1", Device: "chuck", Aliases: true, DataTypes: true}

const (
	nbirth = "spBv1.0/Fab 2/NBIRTH/kensa-1"
	ndata  = "spBv1.0/Fab 2/NDATA/kensa-1"
	ndeath = "spBv1.0/Fab 2/NDEATH/kensa-1"
	ncmd   = "spBv1.0/Fab 2/NCMD/kensa-1"
	dcmd   = "spBv1.0/Fab 2/DCMD/kensa-1/chuck"
	dbirth = "spBv1.0/Fab 2/DBIRTH/kensa-1/chuck"
	ddata  = "spBv1.0/Fab 2/DDATA/kensa-1/chuck"
	ddeath = "spBv1.0/Fab 2/DDEATH/kensa-1/chuck"

	rebirth = "Node Control/Rebirth"
)

// memory is a store that lasts as long as the test.
type memory struct {
	mu    sync.Mutex
	n     uint8
	found bool
	err   error
}

func (m *memory) LoadBdSeq(context.Context) (uint8, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n, m.found, m.err
}

func (m *memory) SaveBdSeq(_ context.Context, n uint8) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n, m.found = n, true
	return nil
}

var clients atomic.Int64

// newNode starts a node that reaches its broker over the wire.
func newNode(t *testing.T, w *wire, store sparkplug.BdSeqStore) *sparkplug.Node {
	t.Helper()
	n := makeNode(t, names, store, w)
	n.Start(t.Context())
	return n
}

// makeNode makes a node of any configuration that reaches its brokers over wires.
// It is closed with the test; the caller starts it.
func makeNode(t *testing.T, config sparkplug.Config, store sparkplug.BdSeqStore, wires ...*wire) *sparkplug.Node {
	t.Helper()
	c := session.Default()
	// A name of its own: a broker that sees the next CONNECT of a name before the
	// last DISCONNECT of it publishes the will.
	c.ClientID = fmt.Sprintf("kensa-%d", clients.Add(1))
	for _, w := range wires {
		c.Brokers = append(c.Brokers, "tcp://"+w.address)
	}
	c.ReconnectMin, c.ReconnectMax = time.Millisecond, 50*time.Millisecond
	c.WriteTimeout = time.Second // Close may wait as long for a connection that was just cut
	s, err := session.New(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	n, err := sparkplug.New(config, s, store, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// births hears NBIRTH and DBIRTH and gives them back.
func (h *host) births(t *testing.T, bdSeq int64) (node, device heard) {
	t.Helper()
	node = h.expect(t, nbirth)
	checkSent(t, node, 0)
	checkBdSeq(t, node, bdSeq)
	device = h.expect(t, dbirth)
	checkSent(t, device, 1)
	return node, device
}

// checkSent checks what all messages of the node have in common.
func checkSent(t *testing.T, m heard, seq uint8) {
	t.Helper()
	if m.Seq == nil || *m.Seq != seq {
		t.Errorf("%s: seq %v, want %d", m.topic, m.Seq, seq)
	}
	if m.qos != 0 || m.kept {
		t.Errorf("%s: QoS %d, retained %v; want 0 and false", m.topic, m.qos, m.kept)
	}
	checkTimes(t, m)
	if !slices.IsSortedFunc(m.Metrics, func(a, b payload.Metric) int { return a.Timestamp.Compare(b.Timestamp) }) {
		t.Errorf("%s: metrics are not in the order of their times", m.topic)
	}
}

// checkTimes allows a clock that is read in another process or thread some leeway.
func checkTimes(t *testing.T, m heard) {
	t.Helper()
	for _, at := range append([]payload.Metric{{Name: "payload", Timestamp: m.Timestamp}}, m.Metrics...) {
		if at.Name == "" {
			t.Errorf("%s: a metric without name", m.topic)
		}
		if d := time.Since(at.Timestamp); d < -time.Minute || d > time.Hour {
			t.Errorf("%s: %s: timestamp %v, which is %v ago", m.topic, at.Name, at.Timestamp, d)
		}
	}
}

func checkBdSeq(t *testing.T, m heard, want int64) {
	t.Helper()
	metric, ok := m.Find("bdSeq")
	if got, isInt := metric.Value.Int(); !ok || !isInt || metric.Value.Type() != payload.TypeInt64 || got != want {
		t.Errorf("%s: bdSeq %v %v, want Int64 %d", m.topic, metric.Value.Type(), metric.Value, want)
	}
}

func checkDeath(t *testing.T, m heard, bdSeq int64) {
	t.Helper()
	checkBdSeq(t, m, bdSeq)
	if m.Seq != nil || m.kept || len(m.Metrics) != 1 {
		t.Errorf("NDEATH with seq %v, retained %v, %d metrics; want none, false, 1", m.Seq, m.kept, len(m.Metrics))
	}
}

func checkValue(t *testing.T, m heard, name string, want payload.Value) {
	t.Helper()
	if got, ok := m.Find(name); !ok || !got.Value.Equal(want) {
		t.Errorf("%s: %s is %v %v, want %v %v", m.topic, name, got.Value.Type(), got.Value, want.Type(), want)
	}
}

func update(t *testing.T, n *sparkplug.Node, name string, v payload.Value) {
	t.Helper()
	if err := n.Update(map[string]payload.Value{name: v}); err != nil {
		t.Fatal(err)
	}
}
