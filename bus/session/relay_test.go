package session_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// relay stands between a client and its broker and fails on demand.
type relay struct {
	address string
	target  string
	mute    atomic.Bool // swallow what the broker says
	mu      sync.Mutex
	conns   []net.Conn
	wait    sync.WaitGroup
}

func newRelay(t *testing.T, target string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{address: listener.Addr().String(), target: target}
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
		r.cut()
		r.wait.Wait()
	})
	return r
}

func (r *relay) serve(client net.Conn) {
	server, err := net.Dial("tcp", r.target)
	if err != nil {
		client.Close()
		return
	}
	r.mu.Lock()
	r.conns = append(r.conns, client, server)
	r.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() {
		io.Copy(server, client)
		server.Close()
	})
	both.Go(func() {
		io.Copy(muted{client, &r.mute}, server)
		client.Close()
	})
	both.Wait()
}

// cut drops all connections, as a pulled cable with a reset would.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
	r.conns = nil
	r.mute.Store(false)
}

type muted struct {
	io.Writer
	mute *atomic.Bool
}

func (m muted) Write(b []byte) (int, error) {
	if m.mute.Load() {
		return len(b), nil
	}
	return m.Writer.Write(b)
}
