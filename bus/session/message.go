package session

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Message is what is published or was received.
type Message struct {
	Topic    string
	QoS      byte // 0 or 1; Kensa has no use for 2
	Retained bool
	Payload  []byte
	// Link is the connection that a received message came over; nil in one to be sent.
	Link *Link
}

// Handler gets the messages of a subscription, one at a time, in the order in
// which they came. The broker gets its PUBACK when the handler has returned, so
// a slow handler slows the broker down. It may publish, and wait for that.
type Handler func(Message)

// Limits of MQTT 3.1.1, and of what we take for one message of our own.
const (
	maxTopic   = 65535
	maxPayload = 1 << 20
)

func (m Message) check() error {
	switch {
	case m.QoS > 1:
		return fmt.Errorf("publish %s: QoS %d; want 0 or 1", m.Topic, m.QoS)
	case len(m.Payload) > maxPayload:
		return fmt.Errorf("publish %s: %d bytes; limit is %d", m.Topic, len(m.Payload), maxPayload)
	case strings.ContainsAny(m.Topic, "+#"):
		return fmt.Errorf("publish %q: a topic has no wildcards", m.Topic)
	}
	return checkName(m.Topic)
}

func checkName(topic string) error {
	if topic == "" || len(topic) > maxTopic || !utf8.ValidString(topic) || strings.ContainsRune(topic, 0) {
		return fmt.Errorf("topic %.80q: want 1 to %d bytes of UTF-8 without NUL", topic, maxTopic)
	}
	return nil
}

// checkFilter holds a subscription to MQTT 3.1.1, section 4.7.
func checkFilter(filter string) error {
	if err := checkName(filter); err != nil {
		return err
	}
	levels := strings.Split(filter, "/")
	for n, level := range levels {
		switch {
		case level == "#" && n != len(levels)-1:
			return fmt.Errorf("filter %q: # stands last only", filter)
		case level != "#" && level != "+" && strings.ContainsAny(level, "+#"):
			return fmt.Errorf("filter %q: a wildcard is a whole level", filter)
		}
	}
	return nil
}

// matches says whether a topic falls under a filter (MQTT 3.1.1, section 4.7).
func matches(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") && !strings.HasPrefix(filter, "$") {
		return false
	}
	for {
		f, moreFilter, deeperFilter := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		t, moreTopic, deeperTopic := strings.Cut(topic, "/")
		switch {
		case f != "+" && f != t:
			return false
		case !deeperTopic:
			return !deeperFilter || moreFilter == "#"
		case !deeperFilter:
			return false
		}
		filter, topic = moreFilter, moreTopic
	}
}
