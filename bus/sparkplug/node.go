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
	// ErrOffline means that the host cannot be told now: there is no connection,
	// its births are not out, or the device is declared dead.
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
	events  []event       // alarms to be told, one by one
	state   State
	closed  bool

	wake    chan struct{} // holds one
	offers  chan offer
	stopped chan struct{} // closed when run takes no more offers
	voice   voice         // used by run alone

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
	Refused          uint64 // commands that could not be read or are not known
	Dropped          uint64 // alarms not told one by one because too many came at once
}

// New makes a node that publishes the metrics of Fab and the extra ones over a
// session, whose last will and life it takes over: Start starts it and Close
// closes it. Set the session's subscriptions and hooks of others before Start.
func New(config Config, session *session.Session, numbers BdSeqStore, log *slog.Logger, extra ...Metric) (*Node, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	board, err := newBoard(append(Fab(), extra...))
	if err != nil {
		return nil, err
	}
	n := &Node{
		config: config, session: session, numbers: numbers, log: log, board: board,
		device: true, told: make(chan struct{}), wake: make(chan struct{}, 1), offers: make(chan offer), stopped: make(chan struct{}),
		voice: voice{config: config, board: board},
	}
	session.Will(n.will)
	session.OnUp(n.up)
	session.OnDown(n.down)
	if err := session.Subscribe(context.Background(), config.nodeTopic("NCMD"), 1, n.command); err != nil {
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

func (n *Node) isReady() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ready
}

func (n *Node) isClosed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closed
}

func (n *Node) up(_ context.Context, l *session.Link) {
	n.mu.Lock()
	n.link = link{l, n.bdSeq}
	n.mu.Unlock()
	n.poke()
}

func (n *Node) down(error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.link, n.born, n.ready, n.events, n.rebirth = link{}, nil, false, nil, false
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
	if err := n.board.check(values); err != nil {
		return err
	}
	if n.board.set(values, time.Now(), true) {
		n.poke()
	}
	return nil
}

// maxEvents bounds the alarms that wait to be told one by one.
const maxEvents = 256

// Alarm tells that an alarm was set or cleared, each in a message of its own and
// in order. It never waits. While there is no connection only the last one is
// kept, for the next birth.
func (n *Node) Alarm(a Alarm) error {
	values, err := a.values()
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	// Under mu, because births that go out now may have been made without it:
	// what is not told by itself is told with the changes after them.
	alone := n.live() && len(n.events) < maxEvents
	n.board.set(values, a.Time, !alone)
	if alone {
		n.events = append(n.events, event{values, a.Time})
	} else if n.live() {
		n.state.Dropped++
	}
	n.poke()
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

// event is values of the device that are told together.
type event struct {
	values map[string]payload.Value
	at     time.Time
}

// offer is a wafer's result on its way to run.
type offer struct {
	event
	reply chan error // holds one
}

// PublishWafer tells a wafer's result, whole, in one message. Nil means that it
// was handed to a live connection, births before it; it may still be lost with
// that connection, for Sparkplug sends data with QoS 0. With ErrOffline, which
// comes at once, and with any other error it may not have left: send it again,
// in the order of the wafers, after Await. Until a result was told the
// births carry the one before, so that a host sees each in its turn.
//
// It waits while the network takes no bytes, at most the session's write
// time-out or until ctx ends.
func (n *Node) PublishWafer(ctx context.Context, w Wafer) error {
	values, err := w.values()
	if err != nil {
		return err
	}
	if len(w.Map) > MaxMapDies {
		n.log.Warn("die map not published", "wafer", w.Substrate, "dies", len(w.Map), "limit", MaxMapDies)
	}
	if !n.isReady() {
		return ErrOffline
	}
	o := offer{event{values, w.Finished}, make(chan error, 1)}
	select {
	case n.offers <- o:
	case <-n.stopped:
		return ErrOffline
	case <-ctx.Done():
		return fmt.Errorf("wafer %s: %w", w.Substrate, ctx.Err())
	}
	select {
	case err := <-o.reply:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wafer %s: %w", w.Substrate, ctx.Err())
	}
}
