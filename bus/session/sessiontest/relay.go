// Package sessiontest has what tests of connections share: a relay that stands
// between a client and its broker and behaves as bad links do.
//
// It works on TCP streams, in user space. So a packet that the network loses is a
// pause here, for as long as TCP would take to notice and send it again: bytes of a
// stream are late, or the stream is broken; they are never missing in its middle.
// Only Swallow takes bytes away, as a middlebox does that forgot the connection.
package sessiontest

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Link is how a relay passes bytes on.
type Link struct {
	Delay time.Duration // each way, half a round trip
	// Loss is the chance, 0 to 1, that a segment is lost, and Stall how much later it
	// then comes, with all that follows it.
	Loss  float64
	Stall time.Duration
}

// segment is how many bytes TCP puts into a packet on Ethernet.
const segment = 1460

// Relay listens and passes on. It ends with its test.
type Relay struct {
	Address string
	target  string
	link    atomic.Pointer[Link]
	lost    atomic.Int64 // segments
	carried atomic.Int64 // bytes to the broker
	made    atomic.Int64 // connections

	mu    sync.Mutex
	pairs map[*pair]bool
	dark  chan struct{} // nil while there is light; closed when it returns
	wait  sync.WaitGroup
}

// pair is a client's connection and the one to the broker.
type pair struct {
	client, server net.Conn
	up, down       atomic.Bool // swallow what goes that way
}

// NewRelay begins to listen on a free port. It is a perfect link at first.
func NewRelay(t testing.TB, target string) *Relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{Address: listener.Addr().String(), target: target, pairs: map[*pair]bool{}}
	r.link.Store(&Link{})
	r.wait.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			r.wait.Go(func() { r.serve(c) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		r.Light()
		r.Cut()
		r.wait.Wait()
	})
	return r
}

// Set makes the link another one for what comes from now on.
func (r *Relay) Set(l Link) { r.link.Store(&l) }

// Lost is how many segments were lost.
func (r *Relay) Lost() int64 { return r.lost.Load() }

// Up is how many bytes went to the broker, Pairs how many connections were made.
func (r *Relay) Up() int64    { return r.carried.Load() }
func (r *Relay) Pairs() int64 { return r.made.Load() }

// Cut drops all connections, as a pulled cable with a reset would.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.pairs {
		p.client.Close()
		p.server.Close()
	}
}

// Swallow has the connections that there are now pass nothing on any more, without
// a word to either end. Connections made later are sound.
func (r *Relay) Swallow(up, down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.pairs {
		p.up.Store(up)
		p.down.Store(down)
	}
}

// Dark holds back everything, on connections to be made too, until Light.
func (r *Relay) Dark() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dark == nil {
		r.dark = make(chan struct{})
	}
}

// Light lets through what was held back.
func (r *Relay) Light() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dark != nil {
		close(r.dark)
		r.dark = nil
	}
}

func (r *Relay) darkness() chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dark
}

func (r *Relay) serve(client net.Conn) {
	server, err := net.Dial("tcp", r.target)
	if err != nil {
		client.Close()
		return
	}
	p := &pair{client: client, server: server}
	r.made.Add(1)
	r.mu.Lock()
	r.pairs[p] = true
	r.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { r.carry(server, client, &p.up, &r.carried) })
	both.Go(func() { r.carry(client, server, &p.down, new(atomic.Int64)) })
	both.Wait()
	r.mu.Lock()
	delete(r.pairs, p)
	r.mu.Unlock()
}

// parcel is bytes on their way.
type parcel struct {
	bytes []byte
	due   time.Time
}

// carry passes bytes on in order, each when it is due. When either end is gone it
// closes the other.
func (r *Relay) carry(to io.WriteCloser, from io.ReadCloser, swallow *atomic.Bool, count *atomic.Int64) {
	underWay := make(chan parcel, 1024)
	var writer sync.WaitGroup
	writer.Go(func() {
		defer to.Close()
		for p := range underWay {
			time.Sleep(time.Until(p.due))
			if dark := r.darkness(); dark != nil {
				<-dark
			}
			if swallow.Load() {
				continue
			}
			if _, err := to.Write(p.bytes); err != nil {
				from.Close()
				for range underWay { // until the reader has noticed
				}
				return
			}
		}
	})
	due := time.Time{}
	for buffer := make([]byte, segment); ; {
		n, err := from.Read(buffer)
		if n > 0 {
			due = r.due(due)
			count.Add(int64(n))
			underWay <- parcel{append([]byte(nil), buffer[:n]...), due}
		}
		if err != nil {
			break
		}
	}
	close(underWay)
	writer.Wait()
}

// due is when a segment arrives that is sent now, and never before the one before.
func (r *Relay) due(before time.Time) time.Time {
	l := r.link.Load()
	at := time.Now().Add(l.Delay)
	if l.Loss > 0 && rand.Float64() < l.Loss {
		r.lost.Add(1)
		at = at.Add(l.Stall)
	}
	if at.Before(before) {
		return before
	}
	return at
}
