package session_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"kensa/bus/session/sessiontest"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// A session that was started with files that no broker takes connects as soon
// as better ones are there, without being started again.
func TestRenewedCertificates(t *testing.T) {
	broker, client := t.TempDir(), t.TempDir()
	ca, cert, key := authority(t, broker)
	port := startMosquitto(t, broker, "listener %d 127.0.0.1\nallow_anonymous true\nrequire_certificate true\n"+
		fmt.Sprintf("cafile %s\ncertfile %s\nkeyfile %s\n", ca, cert, key))
	c := config("renewed", fmt.Sprintf("tls://127.0.0.1:%d", port))
	c.CAFile, c.CertFile, c.KeyFile = authority(t, client)
	s := newSession(t, c)
	s.Start(t.Context())
	wantError(t, c, "certificate signed by unknown authority")
	copyFile(t, c.CAFile, ca) // now the broker is known, and refuses the client
	copyFile(t, c.CertFile, cert)
	copyFile(t, c.KeyFile, key)
	if err := up(t, s).Publish(within(t), message("x", 1, "renewed")); err != nil {
		t.Error(err)
	}
}

// copyFile replaces a file as a renewal does.
func copyFile(t *testing.T, to, from string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to+".new", string(text))
	if err := os.Rename(to+".new", to); err != nil {
		t.Fatal(err)
	}
}

// What is recorded today must not be read with tomorrow's machines: a peer that
// can, and Go's own can, gets a hybrid of X25519 and ML-KEM-768. Debian 12's
// mosquitto cannot yet.
func TestKeyExchangeIsPostQuantum(t *testing.T) {
	folder := t.TempDir()
	ca, cert, key := authority(t, folder)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	}()
	c := config("pq", "tls://"+l.Addr().String())
	c.CAFile = ca
	probe, err := c.Probe(within(t), c.Brokers[0])
	if err != nil || probe.KeyExchange != "X25519MLKEM768" || probe.TLS != "TLS 1.3" {
		t.Errorf("%s, %s, %v; want TLS 1.3 with X25519MLKEM768", probe.TLS, probe.KeyExchange, err)
	}
}

// everyone may do everything.
type everyone struct{ mochi.HookBase }

func (*everyone) Provides(b byte) bool {
	return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck
}
func (*everyone) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return true }
func (*everyone) OnACLCheck(*mochi.Client, string, bool) bool              { return true }

// The peer is the broker that Kensa embeds, over a listener that Kensa does not
// use itself.
func TestWebSockets(t *testing.T) {
	ca, cert, key := authority(t, t.TempDir())
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for scheme, secured := range map[string]*tls.Config{"ws": nil, "wss": {Certificates: []tls.Certificate{pair}}} {
		t.Run(scheme, func(t *testing.T) {
			address := sessiontest.FreeAddress(t)
			server := mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler)})
			if err := errors.Join(server.AddHook(new(everyone), nil),
				server.AddListener(listeners.NewWebsocket(listeners.Config{ID: "web", Address: address, TLSConfig: secured})), server.Serve()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { server.Close() })
			c := config("web", scheme+"://"+address+"/mqtt")
			c.CAFile = ca
			s := newSession(t, c)
			in := subscribe(t, s, "x")
			s.Start(t.Context())
			if err := up(t, s).Publish(within(t), message("x", 1, "over a web socket")); err != nil {
				t.Fatal(err)
			}
			in.next(t)
		})
	}
}
