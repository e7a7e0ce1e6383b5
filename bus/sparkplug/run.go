package sparkplug

import (
	"context"
	"time"
)

// run is the only one that publishes, so that sequence numbers are in order on
// the wire.
func (n *Node) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			n.die()
			return
		case <-n.wake:
			n.work(ctx)
		case o := <-n.offers:
			n.work(ctx)
			o.reply <- n.deliver(ctx, o)
		}
	}
}

// lastWords is how long an NDEATH may take.
const lastWords = 3 * time.Second

// die takes leave: NDEATH, then DISCONNECT, after which the broker forgets the will.
func (n *Node) die() {
	n.mu.Lock()
	l, told := n.link, n.live() || n.hostOnline()
	n.closed, n.born, n.ready = true, nil, false
	n.mu.Unlock()
	close(n.stopped)
	if l.Link != nil && told {
		ctx, cancel := context.WithTimeout(context.Background(), lastWords)
		defer cancel()
		if err := l.Publish(ctx, n.death(l.bdSeq)); err != nil {
			n.log.Warn("NDEATH was not acknowledged", "error", err)
		}
	}
	n.session.Close()
}

// job is what there is to do, as run finds it.
type job struct {
	link           link
	leave, wasBorn bool // the host is offline
	birth, asked   bool
	device         bool
	answers        []event
}

func (n *Node) job() job {
	n.mu.Lock()
	defer n.mu.Unlock()
	j := job{link: n.link, device: n.device}
	if n.leave != nil && n.leave == n.link.Link {
		j.leave, j.wasBorn = true, n.live()
		n.born, n.ready = nil, false
		return j
	}
	if !n.hostOnline() {
		j.link = link{}
		return j
	}
	j.birth, j.asked, j.answers = !n.live() || n.rebirth, n.live() && n.rebirth, n.answers
	n.rebirth, n.answers = false, nil
	return j
}

// work brings the hosts up to date. An error ends it: with the connection lost
// the births of the next one tell everything.
func (n *Node) work(ctx context.Context) {
	j := n.job()
	if j.link.Link == nil {
		return
	}
	if j.leave {
		n.part(ctx, j)
		return
	}
	err := n.tell(ctx, j)
	if err != nil && j.link.Err() == nil && ctx.Err() == nil {
		n.log.Error("Sparkplug message not sent", "error", err)
	}
}

func (n *Node) tell(ctx context.Context, j job) error {
	if j.birth {
		if err := n.birth(ctx, j); err != nil {
			return err
		}
	}
	if err := n.voice.setDevice(ctx, j.device); err != nil {
		return err
	}
	n.deviceIs(n.voice.device)
	for _, e := range j.answers {
		if err := n.voice.event(ctx, e); err != nil {
			return err
		}
	}
	return n.voice.changes(ctx)
}

// birth tells everything, node first.
func (n *Node) birth(ctx context.Context, j job) error {
	n.mu.Lock()
	n.born, n.ready = nil, false // no data until the births are out
	n.bornNumber = n.latest
	n.mu.Unlock()
	n.voice.begin(j.link)
	if err := n.voice.nodeBirth(ctx); err != nil {
		return err
	}
	if err := n.voice.setDevice(ctx, j.device); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.born = j.link.Link
	if !n.hostOnline() { // it went meanwhile
		n.leave = n.born
		n.poke()
	}
	n.state.Since, n.state.BdSeq = time.Now(), j.link.bdSeq
	n.state.Births++
	if j.asked {
		n.state.Rebirths++
	}
	return nil
}

// deviceIs notes that the hosts know the device alive or dead, and wakes those
// that wait for that.
func (n *Node) deviceIs(alive bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ready = alive && n.live()
	close(n.told)
	n.told = make(chan struct{})
}
