// Package broker runs an MQTT broker inside the program, for the demonstration
// and for tests.
//
// It keeps everything in memory, asks nobody for a password, and forgets all
// when it is closed: what a plant uses is a broker of its own.
package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// maxPacket is the largest message that the broker takes, in bytes.
const maxPacket = 2 << 20

// Broker is a running broker.
type Broker struct {
	server   *mqtt.Server
	listener *tracked
	close    sync.Once
	err      error
}

// Start listens on a TCP address such as 127.0.0.1:1883; port 0 takes a free
// one. Warnings go to log.
func Start(address string, log *slog.Logger) (*Broker, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("broker: %s: the port is taken; stop the program that has it, or give another address: %w", address, err)
	}
	if err != nil {
		return nil, fmt.Errorf("broker: %s: %w", address, err)
	}
	b := &Broker{listener: &tracked{Listener: listener, conns: make(map[net.Conn]struct{})}}
	if err := b.serve(log); err != nil {
		return nil, errors.Join(fmt.Errorf("broker: %s: %w", address, err), listener.Close())
	}
	return b, nil
}

func (b *Broker) serve(log *slog.Logger) error {
	capabilities := mqtt.NewDefaultServerCapabilities()
	capabilities.MaximumPacketSize = maxPacket
	b.server = mqtt.New(&mqtt.Options{Capabilities: capabilities, Logger: quiet(log)})
	if err := errors.Join(b.server.AddHook(&open{server: b.server}, nil), b.server.AddHook(new(retained), nil)); err != nil {
		return err
	}
	if err := b.server.AddListener(entrance{listeners.NewNet("tcp", b.listener)}); err != nil {
		return err
	}
	// mochi waits for its clients by a group that a client may still join while it
	// waits. One place is taken until Close has seen the last of them.
	b.server.Listeners.ClientsWg.Add(1)
	return b.server.Serve()
}

// Addr is where the broker listens.
func (b *Broker) Addr() net.Addr { return b.listener.Addr() }

// URL is the broker's address as a session's configuration takes it.
func (b *Broker) URL() string { return "tcp://" + b.Addr().String() }

// Close disconnects everybody and waits until they are gone.
func (b *Broker) Close() error {
	b.close.Do(func() {
		// mochi ignores that its listener is closed already.
		b.err = b.listener.Close()
		ended := make(chan error, 1)
		go func() { ended <- b.server.Close() }()
		b.listener.await(lastMoment)
		b.server.Listeners.ClientsWg.Done()
		b.err = errors.Join(b.err, <-ended)
	})
	return b.err
}

// lastMoment is how long a connection may take from its end to its goroutine's.
// One that is accepted in the very moment of closing mochi drops without a word.
const lastMoment = time.Second

// entrance closes without mochi's way of ending clients, which takes a lock for
// reading twice and so can lock itself up when a client leaves in between
// (github.com/mochi-mqtt/server/issues/488). Their connections are closed by then.
type entrance struct{ *listeners.Net }

func (e entrance) Close(listeners.CloseFn) { e.Net.Close(func(string) {}) }

// open lets everybody in, to read and write what he likes, and sees to it that
// whoever takes another one's place keeps it.
type open struct {
	mqtt.HookBase
	server *mqtt.Server
}

func (*open) ID() string { return "open" }

func (*open) Provides(b byte) bool {
	return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck || b == mqtt.OnSessionEstablish
}

func (*open) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }

func (*open) OnACLCheck(*mqtt.Client, string, bool) bool { return true }

// OnSessionEstablish ends the client of the same name first. mochi would do so too,
// but not wait: the old one's goroutine would then forget the new one, its name being
// the same, and no message would reach it again.
func (o *open) OnSessionEstablish(client *mqtt.Client, _ packets.Packet) {
	old, ok := o.server.Clients.Get(client.ID)
	if !ok || !ephemeral(old) {
		return
	}
	old.Stop(packets.ErrSessionTakenOver)
	for end := time.Now().Add(lastMoment); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if now, ok := o.server.Clients.Get(client.ID); !ok || now != old {
			return
		}
	}
}

// ephemeral clients are forgotten when they leave.
func ephemeral(c *mqtt.Client) bool {
	if c.Properties.ProtocolVersion >= 5 {
		return c.Properties.Props.SessionExpiryInterval == 0
	}
	return c.Properties.Clean
}

// tracked closes its connections with itself. mochi closes those that have sent
// a CONNECT, and would wait forever for one that has not.
type tracked struct {
	net.Listener
	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

type trackedConn struct {
	net.Conn
	owner *tracked
}

func (t *tracked) Accept() (net.Conn, error) {
	c, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errors.Join(net.ErrClosed, c.Close())
	}
	t.conns[c] = struct{}{}
	return &trackedConn{c, t}, nil
}

func (c *trackedConn) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.conns, c.Conn)
	c.owner.mu.Unlock()
	if err := c.Conn.Close(); !errors.Is(err, net.ErrClosed) { // the listener may have closed it
		return err
	}
	return nil
}

// Close closes the listener and its connections; the second time it does nothing.
func (t *tracked) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	errs := []error{t.Listener.Close()}
	for c := range t.conns {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// await waits until whoever uses the connections has noticed that they are closed.
func (t *tracked) await(patience time.Duration) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		t.mu.Lock()
		left := len(t.conns)
		t.mu.Unlock()
		if left == 0 {
			return
		}
	}
}
