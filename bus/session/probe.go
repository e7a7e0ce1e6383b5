package session

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"time"
)

// Probe is what can be said of a broker's address before MQTT is spoken.
type Probe struct {
	Broker string        `json:"broker"`
	Took   time.Duration `json:"took_ns"` // dialling, TLS included
	// Of TLS; empty where the address speaks none.
	TLS         string `json:"tls,omitempty"`
	KeyExchange string `json:"key_exchange,omitempty"`
	Cipher      string `json:"cipher,omitempty"`
	// Subject and Expires are the broker's certificate's.
	Subject string    `json:"subject,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	// ClientSubject and ClientExpires are the client's own certificate's.
	ClientSubject string    `json:"client_subject,omitempty"`
	ClientExpires time.Time `json:"client_expires,omitzero"`
}

// Probe dials one of the configured addresses, as a connection would, and hangs up.
func (c Config) Probe(ctx context.Context, address string) (p Probe, err error) {
	broker, err := parseBroker(address)
	if err != nil {
		return p, err
	}
	p.Broker = broker.Redacted()
	if err := c.probeClient(&p); err != nil {
		return p, err
	}
	started := time.Now()
	conn, err := c.dial(ctx, broker)
	if err != nil {
		return p, err
	}
	p.Took = time.Since(started)
	if state, ok := secured(conn); ok {
		p.TLS, p.KeyExchange, p.Cipher = tls.VersionName(state.Version), state.CurveID.String(), tls.CipherSuiteName(state.CipherSuite)
		p.Subject, p.Expires = state.PeerCertificates[0].Subject.String(), state.PeerCertificates[0].NotAfter
	}
	return p, conn.Close()
}

// secured is what a client's connection agreed on with its broker; false where it
// speaks no TLS. A WebSocket hides its TLS connection behind its own type.
func secured(conn net.Conn) (tls.ConnectionState, bool) {
	switch c := conn.(type) {
	case *tls.Conn:
		return c.ConnectionState(), true
	case interface{ NetConn() net.Conn }:
		return secured(c.NetConn())
	}
	return tls.ConnectionState{}, false
}

func (c Config) probeClient(p *Probe) error {
	own, err := c.client()
	if own != nil {
		p.ClientSubject, p.ClientExpires = own.Subject.String(), own.NotAfter
	}
	return err
}

// ClientExpires is when the client's own certificate ends; zero where there is none.
func (c Config) ClientExpires() (time.Time, error) {
	own, err := c.client()
	if own == nil {
		return time.Time{}, err
	}
	return own.NotAfter, err
}

// client is the client's own certificate; nil where there is none.
func (c Config) client() (*x509.Certificate, error) {
	if c.CertFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("cert_file, key_file: %w", err)
	}
	own, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("cert_file: %w", err)
	}
	return own, nil
}
