package session_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"kensa/bus/broker"
	"kensa/bus/session"
	"kensa/bus/session/sessiontest"
)

// A publication that the broker never answers must end with an error, never nil.
func TestNoPubackNoSuccess(t *testing.T) {
	for _, how := range []string{"silent", "cut"} {
		t.Run(how, func(t *testing.T) {
			b := startBroker(t, "127.0.0.1:0")
			relay := sessiontest.NewRelay(t, b.Addr().String())
			c := config("one", "tcp://"+relay.Address)
			c.AckTimeout = 300 * time.Millisecond
			s := newSession(t, c)
			s.Start(t.Context())
			link := up(t, s)
			relay.Swallow(false, true)
			receipts := make([]*session.Receipt, 20)
			for i := range receipts {
				var err error
				if receipts[i], err = link.Send(within(t), message("x", 1, "?")); err != nil {
					t.Fatal(err)
				}
			}
			if how == "cut" {
				relay.Cut()
			}
			for _, r := range receipts {
				if err := r.Wait(within(t)); !errors.Is(err, session.ErrLost) {
					t.Fatalf("returned %v; want ErrLost", err)
				}
			}
		})
	}
}

// With a full window and a dead peer, Send and Publish must obey their context.
func TestFullWindowObeysTheContext(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	relay := sessiontest.NewRelay(t, b.Addr().String())
	c := config("one", "tcp://"+relay.Address)
	c.Window = 2
	s := newSession(t, c)
	s.Start(t.Context())
	link := up(t, s)
	relay.Swallow(false, true)
	for range 2 {
		if _, err := link.Send(within(t), message("x", 1, "?")); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := link.Publish(ctx, message("x", 1, "?")); !errors.Is(err, context.Canceled) {
			t.Errorf("returned %v; want %v", err, context.Canceled)
		}
	})
	cancel()
	wait.Wait()
}

func BenchmarkPublishQoS1(b *testing.B) {
	broker, err := broker.Start("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer broker.Close()
	s, err := session.New(config("bench", broker.URL()), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	s.Start(b.Context())
	defer s.Close()
	link, err := s.Await(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	m := session.Message{Topic: "kensa/bench", QoS: 1, Payload: make([]byte, 300)}
	var last *session.Receipt
	for b.Loop() {
		if last, err = link.Send(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
	if err := last.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
