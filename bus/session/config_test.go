package session

import (
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"pgregory.net/rapid"
)

func TestDefaultNeedsBrokerAndName(t *testing.T) {
	c := Default()
	c.Brokers, c.ClientID = []string{"tcp://localhost"}, "k"
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

func TestCheckNamesTheValue(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"brokers":       func(c *Config) { c.Brokers = nil },
		"http":          func(c *Config) { c.Brokers = []string{"http://x"} },
		"host":          func(c *Config) { c.Brokers = []string{"tcp://"} },
		"unix":          func(c *Config) { c.Brokers = []string{"unix://relative"} },
		"username":      func(c *Config) { c.Brokers = []string{"tcp://u:p@x"} },
		"client_id":     func(c *Config) { c.ClientID = "two words" },
		"password_file": func(c *Config) { c.Username, c.Password, c.PasswordFile = "u", "p", "f" },
		"key_file":      func(c *Config) { c.CertFile = "c" },
		"window":        func(c *Config) { c.Window = 0 },
		"keep_alive":    func(c *Config) { c.KeepAlive = 19 * time.Hour },
		"reconnect_max": func(c *Config) { c.ReconnectMax = c.ReconnectMin - 1 },
	} {
		c := Default()
		c.Brokers, c.ClientID = []string{"tcp://localhost"}, "k"
		change(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want an error that names %s", err, want)
		} else if strings.Contains(err.Error(), "u:p") {
			t.Errorf("%v tells the password", err)
		}
	}
}

func TestConfigReadsTOML(t *testing.T) {
	c := Default()
	meta, err := toml.Decode("brokers = ['tls://mq.fab:8883']\nclient_id = 'k1'\nkeep_alive = '15s'\nca_file = 'ca.pem'\n", &c)
	if err != nil || len(meta.Undecoded()) > 0 {
		t.Fatal(err, meta.Undecoded())
	}
	if c.KeepAlive != 15*time.Second || c.CAFile != "ca.pem" || c.Window != 100 {
		t.Errorf("%+v", c)
	}
}

func TestBrokersGetTheirPort(t *testing.T) {
	for in, want := range map[string]string{
		"tcp://h": "tcp://h:1883", "mqtts://h": "mqtts://h:8883", "tcp://[::1]": "tcp://[::1]:1883",
		"ws://h/mqtt": "ws://h/mqtt", "tls://h:1": "tls://h:1", "unix:///run/mq": "unix:///run/mq",
	} {
		if u, err := parseBroker(in); err != nil || u.String() != want {
			t.Errorf("%s: %v, %v; want %s", in, u, err, want)
		}
	}
}

// The examples of MQTT 3.1.1, section 4.7.
func TestFilters(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"sport/tennis/player1/#", "sport/tennis/player1", true},
		{"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
		{"sport/#", "sport", true},
		{"#", "sport/tennis", true},
		{"sport/tennis/+", "sport/tennis/player1", true},
		{"sport/tennis/+", "sport/tennis/player1/ranking", false},
		{"sport/+", "sport", false},
		{"sport/+", "sport/", true},
		{"+/+", "/finance", true},
		{"/+", "/finance", true},
		{"+", "/finance", false},
		{"#", "$SYS/x", false},
		{"+/monitor/Clients", "$SYS/monitor/Clients", false},
		{"$SYS/#", "$SYS/x", true},
		{"a/b", "a", false},
		{"a", "a/b", false},
	} {
		if got := matches(c.filter, c.topic); got != c.want {
			t.Errorf("%s on %s: %v; want %v", c.filter, c.topic, got, c.want)
		}
	}
	for _, bad := range []string{"", "a#", "a/#/b", "a+/b", "x\x00"} {
		if checkFilter(bad) == nil {
			t.Errorf("filter %q passed", bad)
		}
	}
}

func TestPausesGrowWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		least := time.Duration(rapid.Int64Range(1, 1e9).Draw(t, "min"))
		most := least + time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "more"))
		b := backoff{min: least, max: most}
		for n := range 50 {
			p := b.next()
			if p < least/2 || p > most {
				t.Fatalf("pause %v; want %v to %v", p, least/2, most)
			}
			if n == 49 && p < most/2 {
				t.Fatalf("pause %v after 50 failures; want at least %v", p, most/2)
			}
		}
	})
}
