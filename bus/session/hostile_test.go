package session_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"kensa/bus/session"
)

// impostor is a broker that grants the first connection and then says what it is told
// to say. It answers no other.
func impostor(t testing.TB, says []byte) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if c, err := listener.Accept(); err == nil {
			deceive(c, says)
		}
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	return listener.Addr().String()
}

// deceive speaks MQTT up to the first SUBSCRIBE.
func deceive(c net.Conn, says []byte) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(c)
	for {
		p, err := packets.ReadPacket(in)
		if err != nil {
			return
		}
		switch p.(type) {
		case *packets.ConnectPacket:
			err = packets.NewControlPacket(packets.Connack).Write(c)
		case *packets.SubscribePacket:
			if _, err = c.Write(says); err == nil {
				err = c.(*net.TCPConn).CloseWrite()
			}
			io.Copy(io.Discard, in)
			return
		}
		if err != nil {
			return
		}
	}
}

// heard is what the impostor's word did to a session: why its connection ended.
func heard(t testing.TB, says []byte) error {
	t.Helper()
	c := config("one", "tcp://"+impostor(t, says))
	c.AckTimeout, c.ConnectTimeout = 200*time.Millisecond, 200*time.Millisecond
	s := newSession(t, c)
	if err := s.Subscribe(t.Context(), "x", 1, func(session.Message) {}); err != nil {
		t.Fatal(err)
	}
	s.Start(t.Context())
	defer s.Close()
	for end := time.Now().Add(patience); s.State().Attempts == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the connection goes on")
		}
	}
	return s.State().Err
}

// said are answers that no broker gives; the id of the first SUBSCRIBE is 1.
var said = map[string][]byte{
	"more answers than questions": {0x90, 5, 0, 1, 0, 0, 0},
	"fewer":                       {0x90, 2, 0, 1},
	"a client's packet":           {0x10, 0},
	"an unknown packet":           {0xf0, 0},
	"a long PUBACK":               {0x40, 3, 0, 1, 0},
	"a topic beyond its packet":   {0x30, 4, 0xff, 0xff, 'x', 'y'},
	"another kind of answer":      {0xb0, 2, 0, 1},
}

func TestImpostorsAreLeft(t *testing.T) {
	for name, says := range said {
		t.Run(name, func(t *testing.T) {
			if err := heard(t, says); err == nil || errors.Is(err, session.ErrClosed) {
				t.Errorf("ended by %v; want the reason", err)
			}
		})
	}
}

// Whatever a broker says, the program goes on.
func FuzzBroker(f *testing.F) {
	for _, says := range said {
		f.Add(says)
	}
	f.Add([]byte{0x90, 3, 0, 1, 1, 0x32, 6, 0, 1, 'x', 0, 9, '!', 0x36, 3, 0, 1, 'x', 0x62, 2, 0, 9})
	f.Fuzz(func(t *testing.T, says []byte) { heard(t, says) })
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
