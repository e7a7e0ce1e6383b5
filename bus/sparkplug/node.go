package sparkplug

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kensa/bus/session"
	"kensa/bus/sparkplug/payload"
)

// Errors of a publication.
var (
	// ErrOffline means that the host cannot be told now: there is no connection, the
	// primary host is offline, the births are not out, or the device is declared dead.
	ErrOffline = errors.New("no live Sparkplug session")
	errClosed  = errors.New("edge node closed")
)

// Node is an edge node with one device. Make one with New.
type Node struct {
	config  Config
	session *session.Session
	numbers BdSeqStore
	log     *slog.Logger
	board   *board

	mu      sync.Mutex
	link    link
	bdSeq   uint8         // of the last CONNECT
	born    *session.Link // whose births are out; nil while there is none
	device  bool          // whether the device is to be alive
	ready   bool          // born, and the device too
	told    chan struct{} // closed and replaced when ready may have changed
	rebirth bool          // asked for
	answers []event       // to be told, one by one
	host    presence
	leave   *session.Link // whose host is offline
	latest  uint64        // the highest number of any report
	// bornNumber is what latest was when the last births were made: they have that
	// report's values, so that it is history now.
	bornNumber uint64
	namesake   watchNamesake
	state      State
	closed     bool

	wake    chan struct{} // holds one
	offers  chan offer
	stopped chan struct{} // closed when run takes no more offers
	voice   voice         // used by run alone
	execute func(Command)

	cancel context.CancelFunc
	wait   sync.WaitGroup
}

// link is a connection and the bdSeq that its CONNECT carried.
type link struct {
	*session.Link
	bdSeq uint8
}

// State is where a node stands.
type State struct {
	// Live tells that births are out on the present connection.
	Live  bool
	Since time.Time // of the last birth
	BdSeq uint8     // of the last birth
	// Births counts NBIRTHs, Rebirths those that a host asked for. A node whose
	// rebirths never end has a namesake on the broker, or loses messages.
	Births, Rebirths uint64
	Messages         uint64 // all that were handed to a connection
	// Refused counts messages of hosts that could not be taken: malformed, of a
	// wrong type or size, unknown, retained. Refusal is why the last was not.
	Refused uint64
	Refusal string
	Dropped uint64 // answers not told one by one because too many came at once
	// WaitsForHost tells that there is a connection but no primary host on it.
	WaitsForHost bool
	// Namesake is why another client seems to have this node's name; empty where
	// nothing points to one. It is kept for ten minutes after the last sign.
	Namesake string
}

// New makes a node that publishes the metrics of Fab and the extra ones over a
// session, whose last will and life it takes over: Start starts it and Close
// closes it. Set the session's subscriptions and hooks of others before Start.
func New(config Config, line *session.Session, numbers BdSeqStore, log *slog.Logger, extra ...Metric) (*Node, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	all := append(Fab(), extra...)
	if config.Terse {
		all = terse(all)
	}
	board, err := newBoard(all)
	if err != nil {
		return nil, err
	}
	n := &Node{
		config: config, session: line, numbers: numbers, log: log, board: board,
		device: true, told: make(chan struct{}), wake: make(chan struct{}, 1), offers: make(chan offer), stopped: make(chan struct{}),
		voice: voice{config: config, board: board},
	}
	n.voice.onBirth = n.birthSent
	line.Will(n.will)
	line.OnUp(n.up)
	line.OnDown(n.down)
	for filter, handler := range map[string]func(session.Message){
		config.nodeTopic("NCMD"): n.nodeCommand, config.deviceTopic("DCMD"): n.deviceCommand, config.nodeTopic("NBIRTH"): n.heardBirth,
	} {
		if err := line.Subscribe(context.Background(), filter, 1, handler); err != nil {
			return nil, err
		}
	}
	if err := n.followHost(); err != nil {
		return nil, err
	}
	return n, nil
}

// Start connects and returns at once. The node lives until ctx ends or Close.
func (n *Node) Start(ctx context.Context) {
	ctx, n.cancel = context.WithCancel(ctx)
	// The session must outlive ctx by the node's own NDEATH.
	n.session.Start(context.WithoutCancel(ctx))
	n.wait.Go(func() { n.run(ctx) })
}

// Close tells the hosts that the node is dead, disconnects, and waits for all
// goroutines. Where the broker does not answer it takes a few seconds, and
// after a fresh loss as long as the session's write time-out.
func (n *Node) Close() {
	if n.cancel == nil {
		n.session.Close()
		return
	}
	n.cancel()
	n.wait.Wait()
}

// State tells where the node stands.
func (n *Node) State() State {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.state
	s.Live = n.live()
	s.Messages = n.voice.sent.Load()
	s.WaitsForHost = n.link.Link != nil && !n.hostOnline()
	s.Namesake = n.namesake.news()
	return s
}

// live tells, under mu, that data may be sent.
func (n *Node) live() bool { return n.born != nil && n.born == n.link.Link }

// Await waits until the births of node and device are out: who has results to
// send waits here after an ErrOffline.
func (n *Node) Await(ctx context.Context) error {
	for {
		n.mu.Lock()
		ready, told := n.ready, n.told
		n.mu.Unlock()
		if ready {
			return nil
		}
		select {
		case <-told:
		case <-n.stopped:
			return errClosed
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrOffline, ctx.Err())
		}
	}
}

// Ready tells that reports can be delivered now.
func (n *Node) Ready() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ready
}

func (n *Node) isClosed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closed
}

func (n *Node) up(ctx context.Context, l *session.Link) {
	n.mu.Lock()
	n.link = link{l, n.bdSeq}
	n.mu.Unlock()
	n.poke()
	n.awaitHost(ctx, l)
}

func (n *Node) down(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.live() && errors.Is(err, session.ErrLost) {
		n.namesake.lost(time.Since(n.state.Since))
	}
	n.link, n.born, n.ready, n.answers, n.rebirth, n.leave = link{}, nil, false, nil, false, nil
}

func (n *Node) birthSent(birth []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.namesake.sent(birth)
}

// poke has run look for work.
func (n *Node) poke() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Update sets the present values of metrics, by name. Those that changed are
// told soon, several changes of one metric as one; while there is no connection
// the next birth tells them. It never waits. An error means that a name is not
// declared or a value is not of the declared type; then none is set.
func (n *Node) Update(values map[string]payload.Value) error {
	values = n.declared(values)
	if err := n.board.check(values); err != nil {
		return err
	}
	if n.board.set(values, time.Now(), true) {
		n.poke()
	}
	return nil
}

// SetDevice says whether the inspection chuck is there, as it is at first. A
// device that is gone is declared dead, and its values wait for its next birth.
func (n *Node) SetDevice(alive bool) {
	n.mu.Lock()
	n.device = alive
	n.mu.Unlock()
	n.poke()
}
