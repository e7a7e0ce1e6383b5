package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kensa/bus/session"
)

// Entry is a row of the outbox: a sealed record.
type Entry struct {
	Seq      uint64
	Envelope []byte
}

// Outbox is where committed records wait to be acknowledged. Each method may
// take as long as the disk does.
type Outbox interface {
	// Bounds are the highest seq acknowledged and the highest ever committed in
	// this epoch, whether its row is still there or not; 0 for none.
	Bounds(ctx context.Context) (acknowledged, last uint64, err error)
	// Pending is up to limit rows after a seq, in order of seq.
	Pending(ctx context.Context, after uint64, limit int) ([]Entry, error)
	// Acknowledge notes, durably, that the receiver has everything up to seq. The
	// rows may go then.
	Acknowledge(ctx context.Context, seq uint64) error
}

// SenderConfig tunes a Sender; the zero value of a field stands for its default.
type SenderConfig struct {
	// Window is how many records may be on their way without acknowledgement;
	// default 100.
	Window int
	// Patience is how long the receiver may be silent before the window is sent
	// again, default 5 s. It doubles with each silence, up to 16 times.
	Patience time.Duration
}

// Sender brings the outbox's records to the receiver, in order, until each is
// acknowledged.
type Sender struct {
	bus      Bus
	outbox   Outbox
	identity *Identity
	epoch    string
	config   SenderConfig
	log      *slog.Logger

	wake   chan struct{} // holds one element when there is news
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu      sync.Mutex
	news    news
	stats   SenderStats
	changed chan struct{} // closed and replaced with each acknowledgement

	// The rest belongs to run.
	confirmed uint64 // what the receiver is believed to have
	sent      uint64
	window    int // at most config.Window
	silences  int // since the last answer
}

// news is what came from outside since run last looked.
type news struct {
	up     bool   // a new connection
	acked  uint64 // the highest acknowledgement
	replay uint64 // the latest request; 0 for none
}

// SenderStats is where a sender stands.
type SenderStats struct {
	Acknowledged uint64    // seq up to which the receiver has everything
	Last         uint64    // highest seq committed
	Sent         uint64    // records sent since Start, repetitions included
	Repeated     uint64    // times that a part was sent again since Start
	LastAck      time.Time // zero before the first since Start
	// Ignored counts acknowledgements and requests that made no sense; Problem
	// is the latest of these, or of the outbox's errors, nil when all is well.
	Ignored uint64
	Problem error
}

// Pending is how many records wait for their acknowledgement.
func (s SenderStats) Pending() uint64 { return s.Last - min(s.Acknowledged, s.Last) }

// NewSender makes a sender for the records of one epoch. It must be made before
// the bus is started.
func NewSender(bus Bus, outbox Outbox, identity *Identity, epoch string, config SenderConfig, log *slog.Logger) (*Sender, error) {
	if !epochPattern.MatchString(epoch) {
		return nil, fmt.Errorf("ledger: epoch: %.80q; want 32 hexadecimal digits", epoch)
	}
	if config.Window <= 0 {
		config.Window = 100
	}
	if config.Patience <= 0 {
		config.Patience = 5 * time.Second
	}
	s := &Sender{
		bus: bus, outbox: outbox, identity: identity, epoch: epoch, config: config, log: log,
		wake: make(chan struct{}, 1), changed: make(chan struct{}), window: config.Window,
	}
	bus.OnUp(func(context.Context, *session.Link) { s.tell(func(n *news) { n.up = true }) })
	ctx := context.Background() // the session is down, so nothing is waited for
	if err := bus.Subscribe(ctx, Topic(KindAck, identity.Node), 1, s.onAck); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if err := bus.Subscribe(ctx, Topic(KindReplay, identity.Node), 1, s.onReplay); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return s, nil
}

// Start begins to send. It ends with ctx, or with Close.
func (s *Sender) Start(ctx context.Context) {
	ctx, s.cancel = context.WithCancel(ctx)
	s.wait.Go(func() { s.run(ctx) })
}

// Close stops sending and waits for that. What is pending stays in the outbox.
func (s *Sender) Close() {
	if s.cancel != nil {
		s.cancel()
	}
	s.wait.Wait()
}

// Notify says that there are new rows. It never waits.
func (s *Sender) Notify() { s.tell(func(*news) {}) }

// Stats tells where the sender stands.
func (s *Sender) Stats() SenderStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Drain waits until everything that is committed now is acknowledged.
func (s *Sender) Drain(ctx context.Context) error {
	_, last, err := s.outbox.Bounds(ctx)
	if err != nil {
		return fmt.Errorf("ledger: outbox: %w", err)
	}
	s.Notify()
	for {
		s.mu.Lock()
		acknowledged, changed := s.stats.Acknowledged, s.changed
		s.mu.Unlock()
		if acknowledged >= last {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("ledger: %d of %d records not acknowledged: %w", last-acknowledged, last, ctx.Err())
		}
	}
}

func (s *Sender) onAck(m session.Message) {
	a, err := DecodeAck(m.Payload)
	if s.mine("acknowledgement", a.Node, a.Epoch, err) {
		s.tell(func(n *news) { n.acked = max(n.acked, a.Seq) })
	}
}

func (s *Sender) onReplay(m session.Message) {
	r, err := DecodeReplay(m.Payload)
	if s.mine("replay request", r.Node, r.Epoch, err) {
		s.tell(func(n *news) { n.replay = r.From })
	}
}

// mine counts what is not for this sender. Another epoch is no problem: the
// receiver speaks of the database that this one has replaced.
func (s *Sender) mine(what, node, epoch string, err error) bool {
	if err == nil && node != s.identity.Node {
		err = fmt.Errorf("for node %s", node)
	}
	if err == nil && epoch == s.epoch {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Ignored++
	if err != nil {
		s.stats.Problem = fmt.Errorf("%s ignored: %w", what, err)
	}
	return false
}

func (s *Sender) tell(note func(*news)) {
	s.mu.Lock()
	note(&s.news)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
