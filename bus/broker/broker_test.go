package broker_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kensa/bus/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, address string) *broker.Broker {
	t.Helper()
	b, err := broker.Start(address, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTakenPortIsNamed(t *testing.T) {
	b := start(t, "127.0.0.1:0")
	defer b.Close()
	address := b.Addr().String()
	_, err := broker.Start(address, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "port is taken") {
		t.Errorf("%v; want an error that names %s", err, address)
	}
}

func TestBadAddressIsNamed(t *testing.T) {
	for _, address := range []string{"nonsense", "127.0.0.1:99999", "192.0.2.1:0"} {
		if _, err := broker.Start(address, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %v; want an error that names it", address, err)
		}
	}
}

// A client that never says CONNECT must not keep Close waiting.
func TestCloseDropsSilentClients(t *testing.T) {
	b := start(t, "127.0.0.1:0")
	c, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
}

// Clients that leave by themselves while the broker closes must not keep it: mochi
// can lock itself up then.
func TestCloseWhileClientsLeave(t *testing.T) {
	for range 200 {
		b := start(t, "127.0.0.1:0")
		var clients []net.Conn
		for n := range 8 {
			clients = append(clients, connect(t, b, byte('a'+n)))
		}
		for _, c := range clients {
			go c.Close()
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Who takes another one's place keeps it: what is left to do about the other one
// must not take the new one's subscriptions away.
func TestTakenOver(t *testing.T) {
	b := start(t, "127.0.0.1:0")
	defer b.Close()
	before := connect(t, b, 'a')
	for n := range 500 {
		c := connect(t, b, 'a')
		before.Close()
		before = c
		exchange(t, c, []byte{0x82, 6, 0, 1, 0, 1, 'x', 0}, 5) // SUBSCRIBE, SUBACK
		message := []byte{0x30, 5, 0, 1, 'x', byte(n), byte(n >> 8)}
		if got := exchange(t, c, message, len(message)); !bytes.Equal(got, message) {
			t.Fatalf("takeover %d: %x; want %x", n, got, message)
		}
	}
	before.Close()
}

// Some leave retained messages and take them back, by themselves or as their last will,
// while others come to read them: the race detector finds nothing, and nobody waits for
// ever.
func TestRetainedMessagesComeAndGo(t *testing.T) {
	b := start(t, "127.0.0.1:0")
	defer b.Close()
	writer := connect(t, b, 'w')
	wrote := make(chan error, 1)
	go func() {
		set, clear := []byte{0x31, 6, 0, 3, 'x', '/', 'a', '1'}, []byte{0x31, 5, 0, 3, 'x', '/', 'a'}
		for {
			if _, err := writer.Write(append(set, clear...)); err != nil {
				wrote <- err
				return
			}
		}
	}()
	for range 200 {
		dying := enter(t, b, []byte{0x10, 21, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x26, 0, 60, 0, 1, 'd', 0, 3, 'x', '/', 'b', 0, 1, '1'})
		reader := connect(t, b, 'r')
		dying.Close()                                                         // which brings its will
		exchange(t, reader, []byte{0x82, 8, 0, 1, 0, 3, 'x', '/', '#', 0}, 5) // SUBSCRIBE, SUBACK
		reader.Close()
	}
	last := connect(t, b, 'l')
	defer last.Close()
	will := []byte{6, 0, 3, 'x', '/', 'b', '1'} // after a byte that says whether it was kept or comes just now
	if got := exchange(t, last, []byte{0x82, 8, 0, 1, 0, 3, '+', '/', 'b', 0}, 6+len(will)); !bytes.Equal(got[6:], will) {
		t.Errorf("%x; want the will %x", got[6:], will)
	}
	writer.Close()
	if err := <-wrote; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the broker closed the writer's connection: %v", err)
	}
}

// exchange writes a packet and reads an answer of so many bytes.
func exchange(t *testing.T, c net.Conn, packet []byte, answer int) []byte {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(packet); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, answer)
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatalf("after %x: %v", packet, err)
	}
	return got
}

// connect is a client that has said CONNECT and was let in.
func connect(t *testing.T, b *broker.Broker, name byte) net.Conn {
	t.Helper()
	return enter(t, b, []byte{0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 1, name}) // MQTT 3.1.1, section 3.1
}

func enter(t *testing.T, b *broker.Broker, hello []byte) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, c, hello, 4) // CONNACK
	return c
}
