// Package intake brings nodes' records from the broker into the store and onto
// the charts.
//
// A record is taken from enrolled nodes only, committed, put on its chart, and
// then acknowledged. What is refused is counted by node and reason.
package intake

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"kensa/bus/ledger"
	"kensa/bus/session"
	"kensa/warning/detect"
	"kensa/warning/store"
)

// Node is what is known of a node.
type Node struct {
	Node     string `json:"node"`
	Enrolled bool   `json:"enrolled"`
	Epoch    string `json:"epoch"` // the latest
	// Seq is how far that epoch is committed without gaps.
	Seq uint64 `json:"seq"`
	// Records counts those here, of all epochs; Lost those that the node could
	// not send again.
	Records uint64 `json:"records"`
	Lost    uint64 `json:"lost"`
	// Latest is the newest record's own time, Received when it came. Both are
	// nil before the first.
	Latest   *time.Time               `json:"latest"`
	Received *time.Time               `json:"received"`
	Refused  map[ledger.Reason]uint64 `json:"refused"`
	// Refusal is the last refused record's error; empty where there was none.
	Refusal string `json:"refusal"`
}

// maxStrangers bounds the names that anyone on the broker can make up.
const maxStrangers = 200

// Intake is the service's way in.
type Intake struct {
	session   *session.Session
	receiver  *ledger.Receiver
	store     *store.Store
	board     *detect.Board
	enrolment *Enrolment
	log       *slog.Logger

	mu        sync.Mutex
	nodes     map[string]*Node
	strangers int
	elsewhere uint64 // refused without a node's name, or beyond maxStrangers
}

// New loads what the store has. Signer signs what nodes are told. Nothing is received before Start.
func New(ctx context.Context, config session.Config, s *store.Store, e *Enrolment, signer *ledger.Signer, log *slog.Logger) (*Intake, error) {
	i := &Intake{store: s, board: detect.NewBoard(), enrolment: e, log: log, nodes: make(map[string]*Node)}
	if err := s.Replay(ctx, func(r ledger.Record, received time.Time) {
		i.count(r, received)
		i.board.Add(r)
	}, i.countLost); err != nil {
		return nil, err
	}
	var err error
	if i.session, err = session.New(config, log); err != nil {
		return nil, err
	}
	i.receiver, err = ledger.NewReceiver(i.session, s, e, signer, ledger.ReceiverConfig{
		OnCommit: i.committed, OnRefuse: i.refused, OnSkip: i.skipped,
	}, log)
	return i, err
}

// Start begins to receive. A broker that is not there is waited for.
func (i *Intake) Start(ctx context.Context) {
	i.receiver.Start()
	i.session.Start(ctx)
}

// Close stops receiving. What was not committed was not acknowledged.
func (i *Intake) Close() {
	i.receiver.Close()
	i.session.Close()
}

// Broker is the state of the connection.
func (i *Intake) Broker() session.State { return i.session.State() }

// Board has the charts.
func (i *Intake) Board() *detect.Board { return i.board }

func (i *Intake) committed(records []ledger.Received) {
	now := time.Now()
	for _, r := range records {
		if n := r.Record; r.Void != "" {
			i.log.Error("record lost: its node declares it void", "node", n.Node, "epoch", n.Epoch, "seq", n.Seq, "reason", r.Void)
			i.skipped(ledger.Stream{Node: n.Node, Epoch: n.Epoch}, n.Seq, n.Seq)
			continue
		}
		i.count(r.Record, now)
		if w := i.board.Add(r.Record); w != nil {
			i.log.Warn("early warning: yield has fallen", "node", w.Node, "product", w.Product, "seq", w.Seq, "average", w.Average, "limit", -w.Limit)
		}
	}
}

func (i *Intake) count(r ledger.Record, received time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := i.node(r.Node)
	n.Epoch, n.Seq, n.Latest, n.Received = r.Epoch, r.Seq, &r.Time, &received
	n.Records++
}

func (i *Intake) skipped(s ledger.Stream, from, to uint64) {
	i.countLost(store.Lost{Stream: s, From: from, To: to})
}

func (i *Intake) countLost(l store.Lost) {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := i.node(l.Node)
	n.Lost += l.To - l.From + 1
	if n.Epoch == "" || n.Epoch == l.Epoch {
		n.Epoch, n.Seq = l.Epoch, max(n.Seq, l.To)
	}
}

// refused counts, and logs the 1st, 10th, 100th … of its kind: anyone on the
// broker can send nonsense as fast as he likes.
func (i *Intake) refused(node string, reason ledger.Reason, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.nodes[node] == nil {
		if node == "" || i.strangers >= maxStrangers {
			i.elsewhere++
			i.logRefusal(i.elsewhere, "", reason, err)
			return
		}
		i.strangers++
	}
	n := i.node(node)
	n.Refused[reason]++
	n.Refusal = err.Error()
	i.logRefusal(n.Refused[reason], node, reason, err)
}

func (i *Intake) logRefusal(count uint64, node string, reason ledger.Reason, err error) {
	power := uint64(1)
	for power < count {
		power *= 10
	}
	if power == count {
		i.log.Warn("record refused", "node", node, "reason", reason, "count", count, "error", err)
	}
}

// node finds or makes a node; mu is held.
func (i *Intake) node(name string) *Node {
	n := i.nodes[name]
	if n == nil {
		n = &Node{Node: name, Refused: make(map[ledger.Reason]uint64)}
		i.nodes[name] = n
	}
	return n
}

// Nodes are all known nodes by name: those that sent, and those enrolled that
// have not yet.
func (i *Intake) Nodes() []Node {
	enrolled := i.enrolment.Nodes()
	i.mu.Lock()
	defer i.mu.Unlock()
	all := make(map[string]Node)
	for name, n := range i.nodes {
		c := *n
		c.Refused = maps.Clone(n.Refused)
		all[name] = c
	}
	for _, name := range enrolled {
		n, ok := all[name]
		if !ok {
			n = Node{Node: name, Refused: map[ledger.Reason]uint64{}}
		}
		n.Enrolled = true
		all[name] = n
	}
	nodes := []Node{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		nodes = append(nodes, all[name])
	}
	return nodes
}

// Elsewhere counts refused messages that belong to no node shown.
func (i *Intake) Elsewhere() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.elsewhere
}

// Positions tells how far each epoch of each node is committed.
func (i *Intake) Positions(ctx context.Context) ([]ledger.Position, error) {
	return i.store.Positions(ctx)
}
