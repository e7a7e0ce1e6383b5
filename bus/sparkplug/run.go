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

// die takes leave: NDEATH, then DISCONNECT, after which the broker forgets the will.
func (n *Node) die() {
	const patience = 3 * time.Second
	n.mu.Lock()
	l := n.link
	n.closed, n.born, n.ready = true, nil, false
	n.mu.Unlock()
	close(n.stopped)
	if l.Link != nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := l.Publish(ctx, n.death(l.bdSeq)); err != nil {
			n.log.Warn("NDEATH was not acknowledged", "error", err)
		}
	}
	n.session.Close()
}

// job is what there is to do, as run finds it.
type job struct {
	link         link
	birth, asked bool
	device       bool
	events       []event
}

func (n *Node) job() job {
	n.mu.Lock()
	defer n.mu.Unlock()
	j := job{link: n.link, birth: !n.live() || n.rebirth, asked: n.live() && n.rebirth, device: n.device, events: n.events}
	n.rebirth, n.events = false, nil
	return j
}

// work brings the hosts up to date. An error ends it: with the connection lost
// the births of the next one tell everything.
func (n *Node) work(ctx context.Context) {
	j := n.job()
	if j.link.Link == nil {
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
	for _, e := range j.events {
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

// deliver tells a wafer's result if the hosts can be told now.
func (n *Node) deliver(ctx context.Context, o offer) error {
	if !n.isReady() || !n.voice.device {
		return ErrOffline
	}
	if err := n.voice.event(ctx, o.event); err != nil {
		return err
	}
	n.board.set(o.values, o.at, false)
	return nil
}
