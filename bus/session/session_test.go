package session_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kensa/bus/broker"
	"kensa/bus/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that must happen.
const patience = 20 * time.Second

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func startBroker(t *testing.T, address string) *broker.Broker {
	t.Helper()
	b, err := broker.Start(address, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func config(id string, brokers ...string) session.Config {
	c := session.Default()
	c.ClientID, c.Brokers = id, brokers
	// Not sooner: the embedded broker may lose the subscriptions of a client that
	// returns in the moment in which it notices that the old connection ended.
	c.ReconnectMin, c.ReconnectMax = 100*time.Millisecond, 200*time.Millisecond
	return c
}

func newSession(t testing.TB, c session.Config) *session.Session {
	t.Helper()
	s, err := session.New(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// inbox collects what a subscription gets.
type inbox chan session.Message

func subscribe(t *testing.T, s *session.Session, filter string) inbox {
	t.Helper()
	in := make(inbox, 10_000)
	if err := s.Subscribe(within(t), filter, 1, func(m session.Message) { in <- m }); err != nil {
		t.Fatal(err)
	}
	return in
}

func (in inbox) next(t *testing.T) session.Message {
	t.Helper()
	select {
	case m := <-in:
		return m
	case <-time.After(patience):
		t.Fatal("no message came")
		return session.Message{}
	}
}

func up(t *testing.T, s *session.Session) *session.Link {
	t.Helper()
	l, err := s.Await(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func message(topic string, qos byte, text string) session.Message {
	return session.Message{Topic: topic, QoS: qos, Payload: []byte(text)}
}

func TestMessagesArriveInOrder(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	s := newSession(t, config("one", b.URL()))
	in := subscribe(t, s, "lab/+/x")
	s.Start(t.Context())
	link := up(t, s)
	const n = 1000
	var receipts []*session.Receipt
	for i := range n {
		r, err := link.Send(within(t), message("lab/a/x", 1, fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, r)
	}
	for i, r := range receipts {
		if err := r.Wait(within(t)); err != nil {
			t.Fatal(err)
		}
		if got := string(in.next(t).Payload); got != fmt.Sprint(i) {
			t.Fatalf("message %d reads %s", i, got)
		}
	}
}

// A handler that publishes and waits for the PUBACK must not stop the PUBACKs.
func TestHandlerMayPublishAndWait(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	s := newSession(t, config("one", b.URL()))
	answers := subscribe(t, s, "answer")
	ctx := within(t)
	if err := s.Subscribe(ctx, "question", 1, func(m session.Message) {
		if err := s.Publish(ctx, message("answer", 1, string(m.Payload))); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	s.Start(t.Context())
	link := up(t, s)
	for i := range 300 {
		if _, err := link.Send(ctx, message("question", 1, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 300 {
		if got := string(answers.next(t).Payload); got != fmt.Sprint(i) {
			t.Fatalf("answer %d reads %s", i, got)
		}
	}
}

func TestSubscriptionsSurviveTheBroker(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	address := b.Addr().String()
	s := newSession(t, config("one", b.URL()))
	before := subscribe(t, s, "before")
	s.Start(t.Context())
	first := up(t, s)
	during := subscribe(t, s, "during")
	b.Close()
	<-first.Done()
	if err := first.Publish(within(t), message("before", 1, "late")); !errors.Is(err, session.ErrLost) {
		t.Fatalf("a lost link's publication returned %v; want ErrLost", err)
	}
	startBroker(t, address)
	second := up(t, s)
	for second == first {
		second = up(t, s)
	}
	for topic, in := range map[string]inbox{"before": before, "during": during} {
		if err := second.Publish(within(t), message(topic, 1, topic)); err != nil {
			t.Fatal(err)
		}
		if got := string(in.next(t).Payload); got != topic {
			t.Errorf("%s: got %q", topic, got)
		}
	}
}
