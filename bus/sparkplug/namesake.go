package sparkplug

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"kensa/bus/session"
)

// Two nodes of one name on a broker make hosts ask for rebirths without end and
// mix two tools' results; two clients of one id throw each other out. Neither is
// told by MQTT, so the node looks for it: it hears the births under its own name
// and knows those that it did not send, and it counts connections that the broker
// ended soon after the births.
const (
	keptBirths   = 64               // births known as its own
	shortLife    = 30 * time.Second // of a connection
	manyShort    = 4                // in a row
	namesakeTime = 10 * time.Minute // how long a sighting is news
)

// watchNamesake remembers births and losses. Its methods are called under the
// node's mutex.
type watchNamesake struct {
	births []([sha256.Size]byte)
	short  int // connections in a row that lived shortly
	seen   time.Time
	why    string
}

func (w *watchNamesake) sent(birth []byte) {
	if len(w.births) == keptBirths {
		w.births = slices.Delete(w.births, 0, 1)
	}
	w.births = append(w.births, sha256.Sum256(birth))
}

func (w *watchNamesake) heard(birth []byte) {
	if !slices.Contains(w.births, sha256.Sum256(birth)) {
		w.see("another client publishes births under this node's name")
	}
}

// lost notes the end of a connection that had births.
func (w *watchNamesake) lost(life time.Duration) {
	if w.short++; life > shortLife {
		w.short = 0
	}
	if w.short >= manyShort {
		w.see(fmt.Sprintf("the broker ended %d connections in a row soon after their births; another client may have the same client_id", w.short))
	}
}

func (w *watchNamesake) see(why string) { w.seen, w.why = time.Now(), why }

// news is why there seems to be a namesake; empty where there is none.
func (w *watchNamesake) news() string {
	if w.seen.IsZero() || time.Since(w.seen) > namesakeTime {
		return ""
	}
	return w.why
}

func (n *Node) heardBirth(m session.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.namesake.heard(m.Payload)
}
