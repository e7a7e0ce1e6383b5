package session_test

import (
	"bytes"
	"testing"
	"time"

	"kensa/bus/session"
)

// All that is sent comes through a narrow link, in order, and no faster than
// it may. How much slower is the machine's business.
func TestBandwidthIsKept(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	c := config("narrow", b.URL())
	c.Bandwidth = 20_000 // bytes a second
	s := newSession(t, c)
	in := subscribe(t, s, "x")
	s.Start(t.Context())
	link := up(t, s)
	const messages, size = 10, 1000
	began := time.Now()
	for n := range messages {
		if _, err := link.Send(within(t), session.Message{Topic: "x", QoS: 1, Payload: bytes.Repeat([]byte{byte(n)}, size)}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range messages {
		if m := in.next(t); m.Payload[0] != byte(n) {
			t.Errorf("message %d is number %d", m.Payload[0], n)
		}
	}
	// The last message may go when those before are paid for.
	if least := time.Second * (messages - 1) * size / time.Duration(c.Bandwidth); time.Since(began) < least {
		t.Errorf("took %v; want at least %v", time.Since(began), least)
	}
}

// Closing does not wait until everything has trickled out.
func TestNarrowLinkCloses(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	c := config("narrow", b.URL())
	c.Bandwidth = 100 // bytes a second: the message takes a quarter of an hour
	s := newSession(t, c)
	s.Start(t.Context())
	link := up(t, s)
	for range 2 {
		if _, err := link.Send(within(t), session.Message{Topic: "x", QoS: 1, Payload: make([]byte, 90_000)}); err != nil {
			t.Fatal(err)
		}
	}
	closed := make(chan struct{})
	go func() { s.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Error("did not close")
	}
}
