package session

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// dial opens the network connection. It ends with ctx, which paho's own way of
// dialling would not.
func (c Config) dial(ctx context.Context, broker *url.URL) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
	defer cancel()
	var secured *tls.Config
	if slices.Contains(secure, broker.Scheme) {
		var err error
		if secured, err = c.tls(broker.Hostname()); err != nil {
			return nil, err
		}
	}
	switch broker.Scheme {
	case "ws", "wss":
		return mqtt.NewWebsocket(broker.String(), secured, c.ConnectTimeout, nil, nil)
	case "unix":
		return new(net.Dialer).DialContext(ctx, "unix", broker.Path)
	}
	if secured != nil {
		return (&tls.Dialer{Config: secured}).DialContext(ctx, "tcp", broker.Host)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", broker.Host)
}

func (c Config) tls(host string) (*tls.Config, error) {
	t := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS13}
	if c.CAFile != "" {
		text, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("ca_file: %s: no certificate in it; want PEM", c.CAFile)
		}
	}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("cert_file, key_file: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

func (c Config) password() (string, error) {
	if c.PasswordFile == "" {
		return c.Password, nil
	}
	text, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("password_file: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimRight(line, "\r"), nil
}

// watched is a connection as paho sees it. It tells of the first error at once;
// paho tells too, but only after all of its own goroutines have ended. And it
// keeps the time of a write itself: paho's write time-out is also how long its
// Publish blocks after a loss, so that one has to be short.
type watched struct {
	net.Conn
	in      *bufio.Reader   // paho reads single bytes
	ctx     context.Context // the connection's
	failed  func(error)
	limit   time.Duration // for each portion of a write
	pace    func(ctx context.Context, bytes int) error
	guard   guard
	writing sync.Mutex // paho writes its pings beside everything else
	// turn holds, while a packet is on its way through paho, what is closed when it is
	// written; see Link.hand.
	turn chan chan struct{}
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.in.Read(b)
	if refused := w.guard.take(b[:n]); refused != nil {
		n, err = 0, refused
	}
	if err != nil {
		w.failed(err)
	}
	return n, err
}

// How many bytes are written at a time. Each portion has the whole time limit, so that a
// large message may take longer.
const (
	portion = 64 << 10
	// pacedPortion is small, lest a large message keeps more urgent ones of another
	// connection waiting.
	pacedPortion = 1400
)

func (w *watched) Write(b []byte) (sent int, err error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	defer w.written(b)
	for len(b) > 0 && err == nil {
		n := min(portion, len(b))
		if w.pace != nil {
			n = min(pacedPortion, len(b))
			err = w.pace(w.ctx, n)
		}
		if err == nil {
			err = w.Conn.SetWriteDeadline(time.Now().Add(w.limit))
		}
		if err == nil {
			n, err = w.Conn.Write(b[:n])
			b, sent = b[n:], sent+n
		}
	}
	if err != nil {
		w.failed(err)
	}
	return sent, err
}

// SetWriteDeadline is Write's own business.
func (w *watched) SetWriteDeadline(time.Time) error { return nil }

// written lets the next packet come. paho writes a packet at once, and those that it
// sends by itself have waited for no turn.
func (w *watched) written(packet []byte) {
	switch packet[0] >> 4 {
	case packets.Publish, packets.Puback, packets.Pubrec, packets.Subscribe, packets.Unsubscribe:
		select {
		case sent := <-w.turn:
			close(sent)
		default:
		}
	}
}
