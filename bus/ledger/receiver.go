package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kensa/bus/session"
)

// Keys knows the public keys of the nodes whose records are taken. It may be
// asked from several goroutines.
type Keys interface {
	Key(node string) (ed25519.PublicKey, bool)
}

// Stream is a node's records of one epoch.
type Stream struct {
	Node  string `json:"node"`
	Epoch string `json:"epoch"`
}

// Position is how far a stream is committed, without gaps.
type Position struct {
	Stream
	Seq uint64 `json:"seq"`
}

// Received is a record, or a void, that passed every check.
type Received struct {
	Record Record // of a void only Schema, Node, Epoch and Seq
	Void   Cause  // why the node has no record of this number; empty for a record
	Body   []byte // the signed bytes
	Digest [sha256.Size]byte
}

// Store is where the receiver commits. Each method may take as long as a disk does.
type Store interface {
	// Position is the highest seq up to which a stream is committed; 0 for none.
	Position(ctx context.Context, s Stream) (uint64, error)
	// Latest is the position of each node's latest epoch.
	Latest(ctx context.Context) ([]Position, error)
	// Digest is the SHA-256 of a committed record's body; false where the record
	// was skipped or void.
	Digest(ctx context.Context, s Stream, seq uint64) ([sha256.Size]byte, bool, error)
	// Commit stores all records durably, or none. They continue their streams
	// without gaps. Records that are there already are left as they are. Of voids
	// it keeps that their numbers were lost.
	Commit(ctx context.Context, records []Received) error
	// Skip moves a stream's position to first-1, durably, and keeps that what lay
	// between was lost.
	Skip(ctx context.Context, s Stream, first uint64) error
}

// Reason is why a message was refused.
type Reason string

// Reasons.
const (
	Malformed   Reason = "malformed"
	WrongTopic  Reason = "wrong topic"  // a node's record on another's topic
	NotEnrolled Reason = "not enrolled" // no key for the node
	Forged      Reason = "forged"       // signature not by the node's key
	Conflict    Reason = "conflict"     // two different records of one number
)

// ReceiverConfig has what a Receiver tells its owner. Any function may be nil.
type ReceiverConfig struct {
	// ReplayPause is after how long an unanswered request for a replay is
	// repeated; default 2 s.
	ReplayPause time.Duration
	// OnCommit gets the records after their commit, in order, each once in the
	// receiver's life.
	OnCommit func([]Received)
	// OnRefuse gets what was refused. node is what the topic claims, and may be
	// anything that passes CheckNode, or empty.
	OnRefuse func(node string, reason Reason, err error)
	// OnSkip is told of records that a node could not send again. Voids go to
	// OnCommit.
	OnSkip func(s Stream, from, to uint64)
}

// Limits of a receiver.
const (
	backlog       = 1024    // messages that wait to be read
	maxBatch      = 256     // messages in one commit
	maxBatchBytes = 1 << 20 // of them together, give or take a message
	maxStreams    = 10_000  // of which the position is kept in memory
)

// Receiver commits the records of many nodes, each exactly once and in order,
// and acknowledges after the commit.
type Receiver struct {
	bus    Bus
	store  Store
	keys   Keys
	signer *Signer
	config ReceiverConfig
	log    *slog.Logger

	incoming chan session.Message
	opened   chan []letter // a batch is read while the one before is committed
	greet    chan struct{} // holds one element after a new connection
	ctx      context.Context
	cancel   context.CancelFunc
	wait     sync.WaitGroup

	streams map[Stream]*progress // belongs to run
}

// progress is a stream as the receiver sees it.
type progress struct {
	committed uint64
	staged    uint64 // committed, or in the batch at work
	// frozen is set when the node has signed two records of one number: its
	// database was put back to an older state, and to acknowledge anything would
	// have it drop records that are nowhere else.
	frozen bool
	due    bool // an acknowledgement
	// repeated is the lowest record of the batch that was here already; 0 for none.
	repeated uint64
	digest   string // of record committed, once it is known
	gap      bool
	asked    uint64 // the replay last asked for
	askedAt  time.Time
}

// NewReceiver makes a receiver that signs its answers. It must be made before the bus is started.
func NewReceiver(bus Bus, store Store, keys Keys, signer *Signer, config ReceiverConfig, log *slog.Logger) (*Receiver, error) {
	if config.ReplayPause <= 0 {
		config.ReplayPause = 2 * time.Second
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Receiver{
		bus: bus, store: store, keys: keys, signer: signer, config: config, log: log,
		incoming: make(chan session.Message, backlog), opened: make(chan []letter), greet: make(chan struct{}, 1),
		ctx: ctx, cancel: cancel, streams: make(map[Stream]*progress),
	}
	bus.OnUp(func(context.Context, *session.Link) {
		select {
		case r.greet <- struct{}{}:
		default:
		}
	})
	for _, k := range []Kind{KindYield, KindHorizon} {
		if err := bus.Subscribe(ctx, Filter(k), 1, r.take); err != nil {
			cancel()
			return nil, fmt.Errorf("ledger: %w", err)
		}
	}
	return r, nil
}

// Start begins to commit.
func (r *Receiver) Start() {
	r.wait.Go(r.read)
	r.wait.Go(r.run)
}

// Close stops and waits. What was not committed was not acknowledged, so nothing
// is lost.
func (r *Receiver) Close() {
	r.cancel()
	r.wait.Wait()
}

// take slows the broker down while the store is busy.
func (r *Receiver) take(m session.Message) {
	select {
	case r.incoming <- m:
	case <-r.ctx.Done():
	}
}

// read opens what comes, a batch at a time.
func (r *Receiver) read() {
	for {
		select {
		case <-r.ctx.Done():
			return
		case m := <-r.incoming:
			select {
			case r.opened <- r.open(r.batch(m)):
			case <-r.ctx.Done():
				return
			}
		}
	}
}

func (r *Receiver) run() {
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-r.greet:
			r.hello()
		case letters := <-r.opened:
			if err := r.process(letters); err != nil && r.ctx.Err() == nil {
				r.log.Error("ledger receiver: not committed, not acknowledged", "records", len(letters), "error", err)
				r.forget()
			}
		}
	}
}

// batch adds what else is waiting.
func (r *Receiver) batch(first session.Message) []session.Message {
	batch, bytes := []session.Message{first}, len(first.Payload)
	for len(batch) < maxBatch && bytes < maxBatchBytes {
		select {
		case m := <-r.incoming:
			batch, bytes = append(batch, m), bytes+len(m.Payload)
		default:
			return batch
		}
	}
	return batch
}

// hello tells each node how far its records are here and asks for what follows,
// for a node may be waiting for an answer that an earlier connection lost.
func (r *Receiver) hello() {
	positions, err := r.store.Latest(r.ctx)
	if err != nil {
		r.log.Error("ledger receiver", "error", err)
		return
	}
	for _, p := range positions {
		if err := r.acknowledge(p); err != nil {
			r.log.Error("ledger receiver", "error", err)
			return
		}
		r.say(KindReplay, p.Node, Replay{ReplaySchema, p.Node, p.Epoch, p.Seq + 1})
	}
}

// forget has positions read from the store again, which knows best.
func (r *Receiver) forget() {
	for key, p := range r.streams {
		if p.frozen {
			p.staged, p.due, p.gap, p.repeated = p.committed, false, false, 0
			continue
		}
		delete(r.streams, key)
	}
}
