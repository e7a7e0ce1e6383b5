package session_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"kensa/bus/session"
	"kensa/bus/session/sessiontest"
)

// A certificate that does not hold now is refused, by whoever has to, with the
// reason in the session's state: the broker's that has expired, or is not valid yet
// (the box's clock was set back), or is for another host; the client's that has
// expired, or is not there.
func TestBadCertificates(t *testing.T) {
	const hour = time.Hour
	good, host := sessiontest.Good, sessiontest.Good.Host
	for _, c := range []struct {
		name   string
		broker sessiontest.Validity
		client *sessiontest.Validity // nil: none
		want   string
	}{
		{"broker expired", sessiontest.Validity{From: -2 * hour, Until: -hour, Host: host}, &good, "certificate has expired or is not yet valid"},
		{"clock set back", sessiontest.Validity{From: hour, Until: 2 * hour, Host: host}, &good, "certificate has expired or is not yet valid"},
		{"another host", sessiontest.Validity{From: -hour, Until: hour, Host: net.IPv4(192, 0, 2, 1)}, &good, "certificate is valid for 192.0.2.1, not 127.0.0.1"},
		{"client expired", good, &sessiontest.Validity{From: -2 * hour, Until: -hour, Host: host}, "expired certificate"},
		{"client without", good, nil, "certificate required"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			authority := sessiontest.NewAuthority(t, folder)
			cert, key := authority.Leaf(t, "broker", c.broker)
			port := startMosquitto(t, folder, "listener %d 127.0.0.1\nallow_anonymous true\nrequire_certificate true\n"+
				fmt.Sprintf("cafile %s\ncertfile %s\nkeyfile %s\n", authority.File, cert, key))
			settings := config("tls", fmt.Sprintf("tls://127.0.0.1:%d", port))
			settings.CAFile = authority.File
			if c.client != nil {
				settings.CertFile, settings.KeyFile = authority.Leaf(t, "client", *c.client)
			}
			wantError(t, settings, c.want)
		})
	}
}

// The client's own certificate's end is known without a broker.
func TestClientExpires(t *testing.T) {
	var c session.Config
	if end, err := c.ClientExpires(); !end.IsZero() || err != nil {
		t.Errorf("without a certificate: %v, %v", end, err)
	}
	cert, key := sessiontest.NewAuthority(t, t.TempDir()).Leaf(t, "client", sessiontest.Validity{From: -time.Hour, Until: 48 * time.Hour, Host: sessiontest.Good.Host})
	c.CertFile, c.KeyFile = cert, key
	if end, err := c.ClientExpires(); err != nil || time.Until(end) < 47*time.Hour || time.Until(end) > 48*time.Hour {
		t.Errorf("%v, %v; want in 48 hours", end, err)
	}
	c.KeyFile = cert
	if _, err := c.ClientExpires(); err == nil {
		t.Error("a certificate without its key passed")
	}
}
