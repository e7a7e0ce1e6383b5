package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
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
	m := session.Message{Topic: "x", QoS: 1, Payload: make([]byte, 90_000)}
	if _, err := link.Send(within(t), m); err != nil {
		t.Fatal(err)
	}
	var second sync.WaitGroup
	second.Go(func() {
		if _, err := link.Send(t.Context(), m); !errors.Is(err, session.ErrClosed) {
			t.Errorf("a message that waited for its turn: %v; want ErrClosed", err)
		}
	})
	defer second.Wait()
	closed := make(chan struct{})
	go func() { s.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Error("did not close")
	}
}

// A message whose turn comes while another is on its way waits for that, however long
// it takes: more than paho waits (a second).
func TestMessagesWaitForSlowOnes(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	var wait sync.WaitGroup
	for n := range 20 {
		c := config(fmt.Sprint("narrow", n), b.URL())
		c.Bandwidth = 2000 // bytes a second; each message takes 1.5 s
		s := newSession(t, c)
		s.Start(t.Context())
		wait.Go(func() {
			for _, err := range sendSlowly(within(t), s, 3) {
				t.Errorf("connection %d: %v", n, err)
			}
		})
	}
	wait.Wait()
}

// A large message on a narrow link takes longer than any time limit, and arrives.
func TestLargeMessagePassesANarrowLink(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	c := config("narrow", b.URL())
	c.Bandwidth, c.WriteTimeout, c.AckTimeout = 100_000, time.Second, time.Second
	s := newSession(t, c)
	in := subscribe(t, s, "x")
	s.Start(t.Context())
	link := up(t, s)
	for qos := range byte(2) {
		large := session.Message{Topic: "x", QoS: qos, Payload: bytes.Repeat([]byte{qos}, 300_000)} // 3 s
		if err := link.Publish(within(t), large); err != nil {
			t.Fatalf("QoS %d: %v", qos, err)
		}
		if err := link.RoundTrip(within(t)); err != nil {
			t.Errorf("QoS %d: round trip: %v", qos, err)
		}
		if m := in.next(t); !bytes.Equal(m.Payload, large.Payload) {
			t.Errorf("QoS %d: %d bytes came", qos, len(m.Payload))
		}
	}
}

func sendSlowly(ctx context.Context, s *session.Session, messages int) (errs []error) {
	link, err := s.Await(ctx)
	if err != nil {
		return []error{err}
	}
	var receipts []*session.Receipt
	for range messages {
		r, err := link.Send(ctx, session.Message{Topic: "x", QoS: 1, Payload: make([]byte, 3000)})
		if err != nil {
			return []error{err}
		}
		receipts = append(receipts, r)
	}
	for _, r := range receipts {
		if err := r.Wait(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
