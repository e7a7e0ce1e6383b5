package session

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config says where the broker is and how to talk to it. Default gives every
// value but Brokers and ClientID.
type Config struct {
	// Brokers are tried in turn, from the first again after the last. Forms:
	// tcp://host:1883, tls://host:8883, ws://host/path, wss://host/path,
	// unix:///path.
	Brokers []string `toml:"brokers"`
	// ClientID is the connection's name at the broker, 1 to 128 printable ASCII
	// characters. A broker throws out the elder of two clients of one name.
	ClientID string `toml:"client_id"`
	// Username is empty where the broker wants none.
	Username string `toml:"username"`
	// Password goes with Username. PasswordFile keeps it out of the configuration.
	Password string `toml:"password"`
	// PasswordFile holds the password, or a token, in its first line; it is read
	// anew for each connection.
	PasswordFile string `toml:"password_file"`
	// CAFile is a PEM file of the authorities that may sign the broker's
	// certificate; empty means those of the system. The three files are read anew
	// for each connection, so that a renewed certificate needs no restart.
	CAFile string `toml:"ca_file"`
	// CertFile and KeyFile are the client's own certificate and key, PEM; both
	// or none.
	CertFile string `toml:"cert_file"`
	KeyFile  string `toml:"key_file"`
	// KeepAlive is after how long a silent connection is tested, 1 s to 18 h. A
	// dead one is noticed after about one and a half times that.
	KeepAlive time.Duration `toml:"keep_alive"`
	// ConnectTimeout bounds each attempt: dialling, TLS and MQTT's own greeting.
	ConnectTimeout time.Duration `toml:"connect_timeout"`
	// WriteTimeout is how long one message, or each 64 KiB of it, may take to leave;
	// longer means that the connection is dead.
	WriteTimeout time.Duration `toml:"write_timeout"`
	// AckTimeout is how long the broker may take for an answer to what has left; longer
	// means that the connection is dead.
	AckTimeout time.Duration `toml:"ack_timeout"`
	// Window is how many QoS 1 messages may be under way without PUBACK, 1 to 1000.
	Window int `toml:"window"`
	// Bandwidth is how many bytes a second may be sent, TCP's and TLS's own left out,
	// by all connections of the program together; 0: as many as the network takes.
	// Else 100 to 1,000,000,000. Where more waits, three quarters are the ledger's.
	// How long a message takes to leave counts for no time-out then.
	Bandwidth int `toml:"bandwidth"`
	// ReconnectMin and ReconnectMax bound the pause between attempts. It doubles
	// with each failure, and a random part of it is left out, so that a fab's
	// appliances do not all come back in one instant.
	ReconnectMin time.Duration `toml:"reconnect_min"`
	ReconnectMax time.Duration `toml:"reconnect_max"`
}

// Default is a configuration for a broker in the same building.
func Default() Config {
	return Config{
		KeepAlive:      30 * time.Second,
		ConnectTimeout: 10 * time.Second,
		WriteTimeout:   10 * time.Second,
		AckTimeout:     20 * time.Second,
		Window:         100,
		ReconnectMin:   250 * time.Millisecond,
		ReconnectMax:   30 * time.Second,
	}
}

const (
	maxClientID  = 128
	maxWindow    = 1000
	minBandwidth = 100 // bytes a second
	maxBandwidth = 1_000_000_000
	maxKeepAlive = 65535 * time.Second // a 16-bit number of seconds on the wire
)

// Check reports the first value that cannot be, by its name in the file.
func (c Config) Check() error {
	if len(c.Brokers) == 0 {
		return errors.New("brokers: none; want at least one, such as tcp://127.0.0.1:1883")
	}
	for _, b := range c.Brokers {
		if _, err := parseBroker(b); err != nil {
			return fmt.Errorf("brokers: %w", err)
		}
	}
	if err := checkClientID(c.ClientID); err != nil {
		return err
	}
	switch {
	case c.Password != "" && c.PasswordFile != "":
		return errors.New("password, password_file: both are set; want one")
	case c.Username == "" && (c.Password != "" || c.PasswordFile != ""):
		return errors.New("username: empty; MQTT has no password without one")
	case (c.CertFile == "") != (c.KeyFile == ""):
		return errors.New("cert_file, key_file: only one is set; want both or none")
	case c.Bandwidth != 0 && (c.Bandwidth < minBandwidth || c.Bandwidth > maxBandwidth):
		return fmt.Errorf("bandwidth: %d; want 0, or %d to %d bytes a second", c.Bandwidth, minBandwidth, maxBandwidth)
	case c.Window < 1 || c.Window > maxWindow:
		return fmt.Errorf("window: %d; want 1 to %d", c.Window, maxWindow)
	}
	return c.checkTimes()
}

func (c Config) checkTimes() error {
	for _, t := range []struct {
		name             string
		value, min, most time.Duration
	}{
		{"keep_alive", c.KeepAlive, time.Second, maxKeepAlive},
		{"connect_timeout", c.ConnectTimeout, 100 * time.Millisecond, 5 * time.Minute},
		{"write_timeout", c.WriteTimeout, 100 * time.Millisecond, 10 * time.Minute},
		{"ack_timeout", c.AckTimeout, 100 * time.Millisecond, time.Hour},
		{"reconnect_min", c.ReconnectMin, time.Millisecond, time.Hour},
		{"reconnect_max", c.ReconnectMax, c.ReconnectMin, time.Hour},
	} {
		if t.value < t.min || t.value > t.most {
			return fmt.Errorf("%s: %v; want %v to %v", t.name, t.value, t.min, t.most)
		}
	}
	return nil
}

func checkClientID(id string) error {
	if id == "" || len(id) > maxClientID {
		return fmt.Errorf("client_id: %d characters; want 1 to %d", len(id), maxClientID)
	}
	for _, r := range id {
		if r <= ' ' || r > '~' {
			return fmt.Errorf("client_id: %q holds %q; want printable ASCII without blanks", id, r)
		}
	}
	return nil
}

// Schemes of broker addresses. Those in secure speak TLS.
var (
	plain  = []string{"tcp", "mqtt", "ws", "unix"}
	secure = []string{"tls", "ssl", "mqtts", "wss"}
)

// parseBroker reads an address and adds MQTT's port where it names none.
func parseBroker(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || !slices.Contains(slices.Concat(plain, secure), u.Scheme) {
		return nil, fmt.Errorf("%q; want %s or %s, then ://host:port", address, strings.Join(plain, ", "), strings.Join(secure, ", "))
	}
	if u.User != nil {
		return nil, fmt.Errorf("%q; want no name or password in it; set username and password_file", u.Redacted())
	}
	if u.Scheme == "unix" {
		if u.Path == "" || u.Host != "" {
			return nil, fmt.Errorf("%q; want unix:///path of the socket", address)
		}
		return u, nil
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("%q; want a host in it", address)
	}
	if u.Port() == "" && u.Scheme != "ws" && u.Scheme != "wss" {
		u.Host += map[bool]string{false: ":1883", true: ":8883"}[slices.Contains(secure, u.Scheme)]
	}
	return u, nil
}
