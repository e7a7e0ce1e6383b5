package sparkplug_test

import (
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"kensa/bus/sparkplug/payload"
	"kensa/bus/sparkplug/testpeer"
)

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
