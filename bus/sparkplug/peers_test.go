package sparkplug_test

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/mochi-mqtt/server/v2/packets"

	"kensa/bus/broker"
	"kensa/bus/sparkplug/payload"
	"kensa/bus/sparkplug/testpeer"
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
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		t.Skipf("mosquitto is not installed; not tested against it: %v", err)
	}
	folder := t.TempDir()
	socket, config := filepath.Join(folder, "socket"), filepath.Join(folder, "mosquitto.conf")
	me, err := user.Current() // as root, mosquitto would become a user that may not write here
	if err != nil {
		t.Fatal(err)
	}
	text := "listener 0 " + socket + "\nallow_anonymous true\npersistence false\nlog_dest stderr\nuser " + me.Username + "\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "-c", config)
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

// host is an independent listener: a plain MQTT client that sees all of the
// namespace but commands, and sends those.
type host struct {
	client   mqtt.Client
	messages chan mqtt.Message
	all      []mqtt.Message    // that next has given out
	names    map[uint64]string // that the births gave aliases for
}

func newHost(t *testing.T, to dialer) *host {
	t.Helper()
	h := &host{messages: make(chan mqtt.Message, 10_000), names: make(map[uint64]string)}
	o := mqtt.NewClientOptions().AddBroker("tcp://host").SetClientID("host").SetAutoReconnect(false)
	o.SetCustomOpenConnectionFn(func(_ *url.URL, _ mqtt.ClientOptions) (net.Conn, error) { return to.dial() })
	h.client = mqtt.NewClient(o)
	must(t, h.client.Connect())
	t.Cleanup(func() { h.client.Disconnect(0) })
	must(t, h.client.Subscribe("spBv1.0/#", 2, func(_ mqtt.Client, m mqtt.Message) {
		if m.Topic() != ncmd && m.Topic() != dcmd && !strings.Contains(m.Topic(), "/STATE/") { // may overtake, or be overtaken by, what the node answers
			h.messages <- m
		}
	}))
	return h
}

func must(t *testing.T, token mqtt.Token) {
	t.Helper()
	if !token.WaitTimeout(patience) {
		t.Fatal("the broker does not answer the host")
	}
	if err := token.Error(); err != nil {
		t.Fatal(err)
	}
}

// heard is a message as the host got it.
type heard struct {
	topic string
	qos   byte
	kept  bool
	payload.Payload
}

func (h *host) next(t *testing.T) heard {
	t.Helper()
	select {
	case m := <-h.messages:
		h.all = append(h.all, m)
		p, err := payload.Decode(m.Payload())
		if err != nil {
			t.Fatalf("%s: %v", m.Topic(), err)
		}
		h.resolve(t, m.Topic(), p)
		return heard{m.Topic(), m.Qos(), m.Retained(), p}
	case <-time.After(patience):
		t.Fatal("the host heard nothing")
		return heard{}
	}
}

// resolve gives the metrics their names, which data leave to the births.
func (h *host) resolve(t *testing.T, topic string, p payload.Payload) {
	t.Helper()
	for i := range p.Metrics {
		m := &p.Metrics[i]
		switch birth := strings.Contains(topic, "BIRTH/"); {
		case birth && m.Alias != nil:
			h.names[*m.Alias] = m.Name
		case !birth && m.Name == "" && m.Alias != nil:
			m.Name = h.names[*m.Alias]
		case !birth && m.Alias != nil:
			t.Errorf("%s: %s has its name and an alias; want the alias alone", topic, m.Name)
		}
	}
}

// expect is the next message, which must have that topic.
func (h *host) expect(t *testing.T, topic string) heard {
	t.Helper()
	m := h.next(t)
	if m.topic != topic {
		t.Fatalf("heard %s %v, want %s", m.topic, m.Metrics, topic)
	}
	return m
}

// silence checks that nothing came: the host hears only its own marker.
func (h *host) silence(t *testing.T) {
	t.Helper()
	const marker = "spBv1.0/marker"
	must(t, h.client.Publish(marker, 1, false, payload.Payload{}.Encode()))
	h.expect(t, marker)
}

// order sends a command of one metric to the node.
func (h *host) order(t *testing.T, m payload.Metric) {
	t.Helper()
	p := payload.Payload{Timestamp: time.Now(), Metrics: []payload.Metric{m}}
	must(t, h.client.Publish(ncmd, 0, false, p.Encode()))
}

// checkPeerReads has the independent decoder read all that the host heard.
func checkPeerReads(t *testing.T, h *host) {
	t.Helper()
	t.Run("peer", func(t *testing.T) {
		var encoded [][]byte
		for _, m := range h.all {
			encoded = append(encoded, m.Payload())
		}
		for i, a := range testpeer.Ask(t, "testpeer", encoded) {
			if a.Error != "" {
				t.Errorf("%s: the peer cannot read it: %s", h.all[i].Topic(), a.Error)
			}
			for _, m := range a.View.Metrics {
				if m.Name == "" && m.Alias == "" || m.Type == "" || m.Value == "undefined" {
					t.Errorf("%s: the peer reads the metric as %+v", h.all[i].Topic(), m)
				}
			}
		}
	})
}
