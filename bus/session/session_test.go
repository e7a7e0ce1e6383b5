package session_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"kensa/bus/broker"
	"kensa/bus/session"
	"kensa/bus/session/sessiontest"
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

func newSession(t *testing.T, c session.Config) *session.Session {
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

// Each CONNECT has its own will; a goodbye has none delivered, a cut has.
func TestWillIsMadeForEachConnection(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	witness := newSession(t, config("witness", b.URL()))
	wills := subscribe(t, witness, "will")
	witness.Start(t.Context())
	up(t, witness)

	relay := sessiontest.NewRelay(t, b.Addr().String())
	s := newSession(t, config("mortal", "tcp://"+relay.Address))
	var connects int
	s.Will(func(context.Context) (*session.Message, error) {
		connects++
		m := message("will", 1, fmt.Sprint(connects))
		return &m, nil
	})
	s.Start(t.Context())
	for want := 1; want <= 3; want++ {
		link := up(t, s)
		relay.Cut()
		<-link.Done()
		if got := string(wills.next(t).Payload); got != fmt.Sprint(want) {
			t.Fatalf("will %d reads %s", want, got)
		}
		for s.Link() == link {
			time.Sleep(time.Millisecond)
		}
	}
	up(t, s)
	s.Close()
	if err := witness.Publish(within(t), message("will", 1, "end")); err != nil {
		t.Fatal(err)
	}
	if got := string(wills.next(t).Payload); got != "end" {
		t.Errorf("goodbye was followed by will %s", got)
	}
}

func TestHooksSeeEachLink(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	relay := sessiontest.NewRelay(t, b.Addr().String())
	s := newSession(t, config("one", "tcp://"+relay.Address))
	in := subscribe(t, s, "birth")
	downs, births := make(chan error, 10), make(chan error, 10)
	s.OnUp(func(ctx context.Context, l *session.Link) { births <- l.Publish(ctx, message("birth", 1, "born")) })
	s.OnDown(func(err error) { downs <- err })
	born := func() {
		t.Helper()
		in.next(t)
		if err := <-births; err != nil {
			t.Errorf("birth: %v", err)
		}
	}
	s.Start(t.Context())
	born()
	relay.Cut()
	if err := <-downs; !errors.Is(err, session.ErrLost) {
		t.Errorf("down: %v; want ErrLost", err)
	}
	born()
	s.Close()
	if err := <-downs; !errors.Is(err, session.ErrClosed) {
		t.Errorf("down: %v; want ErrClosed", err)
	}
}

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

func TestStateSaysWhatIsWrong(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := listener.Addr().String()
	listener.Close()
	s := newSession(t, config("one", "tcp://"+free))
	s.Start(t.Context())
	for s.State().Attempts < 3 {
		time.Sleep(time.Millisecond)
	}
	state := s.State()
	if state.Up || state.Err == nil || state.Broker != "tcp://"+free {
		t.Errorf("state %+v; want down, with the error and the broker", state)
	}
	if err := s.Publish(t.Context(), message("x", 1, "?")); !errors.Is(err, session.ErrDown) {
		t.Errorf("publish: %v; want ErrDown", err)
	}
	startBroker(t, free)
	up(t, s)
	if state := s.State(); !state.Up || state.Err != nil || state.Attempts != 0 {
		t.Errorf("state %+v; want up without error", state)
	}
}

// A message that would fill the memory ends the connection instead, with the reason.
func TestOversizeMessageIsRefused(t *testing.T) {
	broker := fmt.Sprintf("tcp://127.0.0.1:%d", startMosquitto(t, t.TempDir(), "listener %d 127.0.0.1\nallow_anonymous true\n"))
	s := newSession(t, config("one", broker))
	in := subscribe(t, s, "x")
	s.Start(t.Context())
	first := up(t, s)
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(broker).SetClientID("hostile"))
	if token := c.Connect(); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer c.Disconnect(0)
	if token := c.Publish("x", 0, false, make([]byte, 2<<20)); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	select {
	case <-first.Done():
	case <-time.After(patience):
		t.Fatal("the message was taken")
	}
	if err := first.Err(); !errors.Is(err, session.ErrLost) || !strings.Contains(err.Error(), "limit is") {
		t.Errorf("lost by %v; want the message's size named", err)
	}
	for s.Link() == first {
		time.Sleep(time.Millisecond)
	}
	if err := up(t, s).Publish(within(t), message("x", 1, "small")); err != nil {
		t.Fatal(err)
	}
	if got := string(in.next(t).Payload); got != "small" {
		t.Errorf("%d bytes came", len(got))
	}
}

func TestSecondBrokerIsTried(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	s := newSession(t, config("one", "tcp://127.0.0.1:1", b.URL()))
	s.Start(t.Context())
	if got := up(t, s).Broker(); got != b.URL() {
		t.Errorf("connected to %s; want %s", got, b.URL())
	}
}

func TestPasswordFileMissing(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	c := config("one", b.URL())
	c.Username, c.PasswordFile = "u", t.TempDir()+"/none"
	s := newSession(t, c)
	s.Start(t.Context())
	for s.State().Attempts == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := s.State().Err; !errors.Is(err, os.ErrNotExist) {
		t.Errorf("state's error is %v; want the missing file", err)
	}
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
