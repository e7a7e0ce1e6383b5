package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"kensa/bus/session"
)

// letter is a message as it was opened: a record, a horizon, or what is wrong
// with it.
type letter struct {
	kind    Kind
	node    string // that the topic names
	item    Received
	horizon Horizon
	err     error
}

// open reads and verifies a batch, on all cores: that is most of a receiver's
// work, and no message's result depends on another's.
func (r *Receiver) open(batch []session.Message) []letter {
	letters := make([]letter, len(batch))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(batch)) {
		workers.Go(func() {
			for n := next.Add(1) - 1; n < int64(len(batch)); n = next.Add(1) - 1 {
				letters[n] = r.letter(batch[n])
			}
		})
	}
	workers.Wait()
	return letters
}

func (r *Receiver) letter(m session.Message) (l letter) {
	if l.kind, l.node, l.err = ParseTopic(m.Topic); l.err != nil {
		return letter{err: refusal{WrongTopic, l.err}}
	}
	key, ok := r.keys.Key(l.node)
	if !ok {
		l.err = refusal{NotEnrolled, fmt.Errorf("node %s has no key here", l.node)}
		return l
	}
	var writer string
	if l.kind == KindHorizon {
		l.horizon, l.err = OpenHorizon(m.Payload, key)
		writer = l.horizon.Node
	} else {
		l.item, l.err = receive(m.Payload, key)
		writer = l.item.Record.Node
	}
	if l.err == nil && writer != l.node {
		l.err = refusal{WrongTopic, fmt.Errorf("%s of %s on the topic of %s", l.kind, writer, l.node)}
	}
	return l
}

func receive(envelope []byte, key ed25519.PublicKey) (Received, error) {
	record, body, err := Open(envelope, key)
	return Received{record, body, sha256.Sum256(body)}, err
}
