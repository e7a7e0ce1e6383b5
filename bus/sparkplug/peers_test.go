package sparkplug_test

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"kensa/bus/broker"
	"kensa/bus/session/sessiontest"
)

// patience bounds every wait for something that must happen.
const patience = 20 * time.Second

// onEachBroker runs a test on the embedded broker and on Debian's mosquitto.
// dial connects to it.
func onEachBroker(t *testing.T, test func(t *testing.T, dial dialer)) {
	t.Run("embedded", func(t *testing.T) { test(t, startEmbedded(t)) })
	t.Run("mosquitto", func(t *testing.T) { test(t, startMosquitto(t)) })
}

func startEmbedded(t *testing.T) dialer {
	t.Helper()
	b, err := broker.Start("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return dialer{"tcp", b.Addr().String()}
}

type dialer struct{ network, address string }

func (d dialer) dial() (net.Conn, error) { return net.Dial(d.network, d.address) }

// startMosquitto listens on a socket in the test's folder.
func startMosquitto(t *testing.T) dialer {
	t.Helper()
	folder := t.TempDir()
	socket := filepath.Join(folder, "socket")
	line := sessiontest.Mosquitto(t, folder, "listener 0 "+socket+"\nallow_anonymous true\npersistence false\nlog_dest stderr\n")
	cmd := exec.CommandContext(t.Context(), line[0], line[1:]...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	running, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		awaitLine(stderr, " running", running)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		cmd.Wait()
	})
	select {
	case <-running:
	case <-ended:
		t.Fatal("mosquitto ended before it ran")
	}
	return dialer{"unix", socket}
}

// awaitLine closes seen at the first line that holds text, and reads to the end.
func awaitLine(r io.Reader, text string, seen chan struct{}) {
	lines := bufio.NewScanner(r)
	for found := false; lines.Scan(); {
		if !found && strings.Contains(lines.Text(), text) {
			found = true
			close(seen)
		}
	}
}

// wire stands between the node and the broker: it shows the CONNECT packets,
// cuts connections, and can let none through.
type wire struct {
	address  string
	connects chan packets.Packet
	broken   atomic.Bool // refuses new connections
	gate     sync.Mutex  // held while new connections must wait
	stop     sync.Mutex  // held while nothing goes to the broker

	mu    sync.Mutex
	conns map[net.Conn]bool
	wait  sync.WaitGroup
}

func newWire(t *testing.T, to dialer) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{address: listener.Addr().String(), connects: make(chan packets.Packet, 1000), conns: make(map[net.Conn]bool)}
	w.wait.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			w.wait.Go(func() { w.carry(client, to) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		w.cut()
		w.wait.Wait()
	})
	return w
}

func (w *wire) carry(client net.Conn, to dialer) {
	defer client.Close()
	if w.broken.Load() {
		return
	}
	w.gate.Lock()
	w.gate.Unlock()
	server, err := to.dial()
	if err != nil {
		return
	}
	defer server.Close()
	w.mu.Lock()
	w.conns[client] = true
	w.mu.Unlock()
	defer w.forget(client)
	first, p, err := readConnect(client)
	if err != nil {
		return
	}
	w.connects <- p
	if _, err := server.Write(first); err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		io.Copy(client, server)
		client.Close()
	})
	io.Copy(held{w, client, server}, client)
	server.Close()
	back.Wait()
}

// readConnect reads the first packet with the broker library's own decoder.
func readConnect(r io.Reader) (raw []byte, p packets.Packet, err error) {
	var seen bytes.Buffer
	in := bufio.NewReader(io.TeeReader(oneByte{r}, &seen))
	head, err := in.ReadByte()
	if err != nil {
		return nil, p, err
	}
	if err := p.FixedHeader.Decode(head); err != nil {
		return nil, p, err
	}
	n, _, err := packets.DecodeLength(in)
	if err != nil {
		return nil, p, err
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(in, body); err != nil {
		return nil, p, err
	}
	return seen.Bytes(), p, p.ConnectDecode(body)
}

// oneByte keeps the reader from taking more than the packet.
type oneByte struct{ io.Reader }

func (o oneByte) Read(b []byte) (int, error) { return o.Reader.Read(b[:min(len(b), 1)]) }

// held passes on what the node sends, after waiting for release, unless its
// connection was cut meanwhile.
type held struct {
	*wire
	client, server net.Conn
}

func (h held) Write(b []byte) (int, error) {
	h.stop.Lock()
	defer h.stop.Unlock()
	h.mu.Lock()
	open := h.conns[h.client]
	h.mu.Unlock()
	if !open {
		return 0, net.ErrClosed
	}
	return h.server.Write(b)
}

func (w *wire) forget(client net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, client)
}

// hold keeps what the node sends from the broker until release. What is held when
// the connection is cut is lost.
func (w *wire) hold() { w.stop.Lock() }

func (w *wire) release() { w.stop.Unlock() }

// open is how many connections there are.
func (w *wire) open() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.conns)
}

// cut drops all connections without a word.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		c.Close()
		delete(w.conns, c)
	}
}

// kill cuts the node's connection and gives back the NDEATH that the broker then
// publishes. The node's next CONNECT is held up until then: a broker may publish
// the will of the old connection after the births of the new.
func (w *wire) kill(t *testing.T, h *host) heard {
	t.Helper()
	w.gate.Lock()
	defer w.gate.Unlock()
	w.cut()
	return h.expect(t, ndeath)
}

func (w *wire) connect(t *testing.T) packets.Packet {
	t.Helper()
	select {
	case p := <-w.connects:
		return p
	case <-time.After(patience):
		t.Fatal("the node did not connect")
		return packets.Packet{}
	}
}
