package session_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"kensa/bus/session"
)

// What was published before a round trip has been read by the broker, QoS 0 too.
func TestARoundTripFollowsWhatWasPublished(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	other, s := newSession(t, config("other", b.URL())), newSession(t, config("one", b.URL()))
	in := subscribe(t, other, "x")
	other.Start(t.Context())
	s.Start(t.Context())
	up(t, other)
	link := up(t, s)
	for n := range 100 {
		if err := link.Publish(within(t), message("x", 0, fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
		if err := link.RoundTrip(within(t)); err != nil {
			t.Fatal(err)
		}
		if m := in.next(t); string(m.Payload) != fmt.Sprint(n) || m.Link == nil || m.Link == link {
			t.Fatalf("message %d: %s, over its own link %v", n, m.Payload, m.Link != link)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := link.RoundTrip(cancelled); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := link.RoundTrip(within(t)); !errors.Is(err, session.ErrLost) {
		t.Errorf("after the broker went: %v; want ErrLost", err)
	}
}

// A link that is left makes place for one to the next broker.
func TestLeavingGoesToTheNextBroker(t *testing.T) {
	first, second := startBroker(t, "127.0.0.1:0"), startBroker(t, "127.0.0.1:0")
	c := config("wanderer", first.URL(), second.URL())
	s := newSession(t, c)
	downs := make(chan error, 10)
	s.OnDown(func(err error) { downs <- err })
	s.Start(t.Context())
	for n := range 4 {
		link := up(t, s)
		if want := []string{first.URL(), second.URL()}[n%2]; link.Broker() != want {
			t.Fatalf("connection %d is to %s; want %s", n+1, link.Broker(), want)
		}
		link.Leave()
		if err := <-downs; !errors.Is(err, session.ErrLeft) {
			t.Errorf("left: %v; want ErrLeft", err)
		}
	}
	if s.Brokers() != 2 {
		t.Errorf("%d brokers", s.Brokers())
	}
}
