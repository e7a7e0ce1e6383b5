package session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"kensa/bus/broker"
	"kensa/bus/session"
	"kensa/bus/session/sessiontest"
)

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

// Whatever the first broker of the list is, the next is tried.
func TestSecondBrokerIsTried(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"nobody listens": nil,
		"silent":         func(c net.Conn) { io.Copy(io.Discard, c) },
		"hangs up":       func(c net.Conn) {},
		"no MQTT":        func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") },
		"refuses": func(c net.Conn) {
			refusal := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
			refusal.ReturnCode = packets.ErrRefusedNotAuthorised
			refusal.Write(c)
			io.Copy(io.Discard, c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, first := startBroker(t, "127.0.0.1:0"), sessiontest.FreeAddress(t)
			if serve != nil {
				first = serving(t, serve)
			}
			c := config("one", "tcp://"+first, b.URL())
			c.ConnectTimeout = 200 * time.Millisecond
			s := newSession(t, c)
			s.Start(t.Context())
			if got := up(t, s).Broker(); got != b.URL() {
				t.Errorf("connected to %s; want %s", got, b.URL())
			}
		})
	}
}

// serving accepts connections, each of which ends with its server's return.
func serving(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(patience))
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		wait.Wait()
	})
	return listener.Addr().String()
}

// A list of brokers is gone through round and round: each takes over from the other,
// with the subscriptions.
func TestBrokersTakeOverFromEachOther(t *testing.T) {
	brokers := []*broker.Broker{startBroker(t, "127.0.0.1:0"), startBroker(t, "127.0.0.1:0")}
	addresses := []string{brokers[0].Addr().String(), brokers[1].Addr().String()}
	s := newSession(t, config("one", brokers[0].URL(), brokers[1].URL()))
	in := subscribe(t, s, "x")
	s.Start(t.Context())
	for n := range 4 {
		link := up(t, s)
		if want := "tcp://" + addresses[n%2]; link.Broker() != want {
			t.Fatalf("connected to %s; want %s", link.Broker(), want)
		}
		if err := link.Publish(within(t), message("x", 1, fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
		if got := string(in.next(t).Payload); got != fmt.Sprint(n) {
			t.Errorf("message %d reads %s", n, got)
		}
		brokers[n%2].Close()
		<-link.Done()
		for s.Link() == link {
			time.Sleep(time.Millisecond)
		}
		up(t, s) // the other
		brokers[n%2] = startBroker(t, addresses[n%2])
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
