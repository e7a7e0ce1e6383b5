package ledger

import (
	"context"
	"crypto/ed25519"
	"errors"
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
	// Acknowledge notes that the receiver has everything up to seq. The rows may go
	// then. After a power cut it may not have been noted: they are sent again.
	Acknowledge(ctx context.Context, seq uint64) error
	// Replace puts another envelope in the place of a row that waits, or of one
	// that should, durably, and keeps what was there for a person to look at.
	Replace(ctx context.Context, seq uint64, envelope []byte) error
	// Begin gives the rows after a seq to a new epoch, numbered from 1 and sealed
	// anew by reseal, forgets those before, and returns the epoch's name: all of
	// it, durably, or nothing.
	Begin(ctx context.Context, after uint64, reseal Reseal) (epoch string, err error)
}

// Reseal signs a row's record again under another number.
type Reseal func(e Entry, epoch string, seq uint64) ([]byte, error)

// SenderConfig tunes a Sender; the zero value of a field stands for its default.
type SenderConfig struct {
	// Window is how many records may be on their way without acknowledgement;
	// default 1000.
	Window int
	// Parcel is how many bytes of records that wait may go in one message, 1 to
	// 65,536; default the latter. A record that is larger goes alone.
	Parcel int
	// Patience is how long the receiver may be silent before the window is sent
	// again, default 5 s. It doubles with each silence, up to 16 times.
	Patience time.Duration
	// OnVoid is told of each row that was damaged, so that its record is lost and
	// its number void. It returns at once. Nil: nobody asks.
	OnVoid func(why error)
}

// Sender brings the outbox's records to the receiver, in order, until each is
// acknowledged.
type Sender struct {
	bus      Bus
	outbox   Outbox
	identity *Identity
	trust    Trust
	config   SenderConfig
	log      *slog.Logger

	wake   chan struct{} // holds one element when there is news
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu      sync.Mutex
	epoch   string
	news    news
	stats   SenderStats
	changed chan struct{} // closed and replaced with each acknowledgement

	// The rest belongs to run.
	up        bool   // there is a connection, as far as run knows
	confirmed uint64 // what the receiver is believed to have
	sent      uint64
	window    int // at most config.Window
	silences  int // since the last answer
	// mistrust has the next row checked in full: it was sent before, and not
	// confirmed.
	mistrust bool
	// doubt is set while it is not known from which record on the receiver has
	// others under this epoch's numbers. Records then go one by one.
	doubt bool
}

// news is what came from outside since run last looked.
type news struct {
	up     bool   // a new connection
	acks   []Ack  // the latest maxAcks; the last is the newest
	replay Replay // the latest request; zero for none
}

// SenderStats is where a sender stands.
type SenderStats struct {
	Acknowledged uint64    // seq up to which the receiver has everything
	Last         uint64    // highest seq committed
	Sent         uint64    // records sent since Start, repetitions included
	Messages     uint64    // in which they went
	Repeated     uint64    // times that a part was sent again since Start
	LastAck      time.Time // zero before the first since Start
	// Ignored counts acknowledgements and requests that made no sense; Problem
	// is the latest of these, or of the outbox's errors, nil when all is well.
	Ignored uint64
	Problem error
	// Stuck is the outbox's failure of the latest turn, nil while it answers; a
	// problem that lasts needs a person.
	Stuck error
	// Stranger is set while the latest answer was signed with a key that is not
	// trusted.
	Stranger error
	// Voids counts rows found damaged since Start, whose numbers are void now.
	Voids uint64
	// Epochs counts those begun since Start because this database was older than
	// what the receiver has of it.
	Epochs uint64
}

// Pending is how many records wait for their acknowledgement.
func (s SenderStats) Pending() uint64 { return s.Last - min(s.Acknowledged, s.Last) }

// maxAcks is how many acknowledgements wait to be looked at: each may tell of
// another record, but they are cumulative.
const maxAcks = 16

// NewSender makes a sender for the outbox's records, which are of this epoch. It
// must be made before the bus is started.
func NewSender(bus Bus, outbox Outbox, identity *Identity, trust Trust, epoch string, config SenderConfig, log *slog.Logger) (*Sender, error) {
	if !epochPattern.MatchString(epoch) {
		return nil, fmt.Errorf("ledger: epoch: %.80q; want 32 hexadecimal digits", epoch)
	}
	if config.Window <= 0 {
		config.Window = 1000
	}
	if config.Parcel <= 0 || config.Parcel > maxParcel {
		config.Parcel = maxParcel
	}
	if config.Patience <= 0 {
		config.Patience = 5 * time.Second
	}
	s := &Sender{
		bus: bus, outbox: outbox, identity: identity, trust: trust, epoch: epoch, config: config, log: log,
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
	epochs, last := s.Stats().Epochs, uint64(0)
	for first := true; ; first = false {
		s.mu.Lock()
		stats, changed := s.stats, s.changed
		s.mu.Unlock()
		if first || stats.Epochs != epochs {
			var err error
			if _, last, err = s.outbox.Bounds(ctx); err != nil {
				return fmt.Errorf("ledger: outbox: %w", err)
			}
			epochs = stats.Epochs
			s.Notify()
		}
		if stats.Acknowledged >= last {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("ledger: %d of %d records not acknowledged: %w", last-stats.Acknowledged, last, ctx.Err())
		}
	}
}

func (s *Sender) onAck(m session.Message) {
	a, key, err := OpenAck(m.Payload)
	if !s.mine("acknowledgement", a.Node, a.Epoch, key, err) {
		return
	}
	s.tell(func(n *news) {
		if len(n.acks) == maxAcks {
			n.acks = n.acks[1:]
		}
		n.acks = append(n.acks, a)
	})
}

func (s *Sender) onReplay(m session.Message) {
	r, key, err := OpenReplay(m.Payload)
	if s.mine("replay request", r.Node, r.Epoch, key, err) {
		s.tell(func(n *news) { n.replay = r })
	}
}

// mine counts what is not for this sender. Another epoch is no problem: the
// receiver speaks of the database that this one has replaced. Only who speaks of
// this epoch is asked for his key, so that nothing else can be the first.
func (s *Sender) mine(what, node, epoch string, key ed25519.PublicKey, err error) bool {
	if err == nil && node != s.identity.Node {
		err = fmt.Errorf("for node %s", node)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && epoch == s.epoch {
		if err = s.trust.Admit(key); err == nil {
			s.stats.Stranger = nil
			return true
		}
		if errors.Is(err, ErrStranger) {
			s.stats.Stranger = err
		}
	}
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
