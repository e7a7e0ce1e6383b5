package ledger

import (
	"crypto/ed25519"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"kensa/bus/session"
)

// letter is an envelope as it was opened: a record or void, a horizon, or what is
// wrong with it.
type letter struct {
	kind    Kind
	node    string // that the topic names
	item    Received
	horizon Horizon
	err     error

	sealed []byte
	key    ed25519.PublicKey
}

// open reads and verifies a batch, on all cores: that is most of a receiver's
// work, and no envelope's result depends on another's.
func (r *Receiver) open(batch []session.Message) []letter {
	letters := make([]letter, 0, len(batch))
	for _, m := range batch {
		letters = r.unfold(letters, m)
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(letters)) {
		workers.Go(func() {
			for n := next.Add(1) - 1; n < int64(len(letters)); n = next.Add(1) - 1 {
				letters[n].open()
			}
		})
	}
	workers.Wait()
	return letters
}

// unfold adds a message's envelopes, still sealed, or what is wrong with it.
func (r *Receiver) unfold(letters []letter, m session.Message) []letter {
	kind, node, err := ParseTopic(m.Topic)
	if err != nil {
		return append(letters, letter{err: refusal{WrongTopic, err}})
	}
	l := letter{kind: kind, node: node}
	var ok bool
	if l.key, ok = r.keys.Key(node); !ok {
		l.err = refusal{NotEnrolled, fmt.Errorf("node %s has no key here", node)}
		return append(letters, l)
	}
	envelopes := [][]byte{m.Payload}
	if kind == KindYield {
		if envelopes, l.err = unpack(m.Payload); l.err != nil {
			return append(letters, l)
		}
	}
	for _, l.sealed = range envelopes {
		letters = append(letters, l)
	}
	return letters
}

func (l *letter) open() {
	if l.err != nil {
		return
	}
	var writer string
	if l.kind == KindHorizon {
		l.horizon, l.err = OpenHorizon(l.sealed, l.key)
		writer = l.horizon.Node
	} else {
		l.item, l.err = openEntry(l.sealed, l.key)
		writer = l.item.Record.Node
	}
	if l.err == nil && writer != l.node {
		l.err = refusal{WrongTopic, fmt.Errorf("%s of %s on the topic of %s", l.kind, writer, l.node)}
	}
}
