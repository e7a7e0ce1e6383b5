package session_test

import (
	"bufio"
	"net"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"kensa/bus/session"
)

// raiser is a broker that sends a message with QoS 2, whatever was subscribed to, and
// otherwise does what is due.
func raiser(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		in := bufio.NewReader(c)
		for err == nil {
			var p packets.ControlPacket
			if p, err = packets.ReadPacket(in); err != nil {
				return
			}
			for _, answer := range raised(p) {
				err = answer.Write(c)
			}
		}
	}()
	return listener.Addr().String()
}

func raised(p packets.ControlPacket) []packets.ControlPacket {
	switch p := p.(type) {
	case *packets.ConnectPacket:
		return []packets.ControlPacket{packets.NewControlPacket(packets.Connack)}
	case *packets.SubscribePacket:
		granted := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
		granted.MessageID, granted.ReturnCodes = p.MessageID, []byte{1}
		message := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		message.Qos, message.TopicName, message.MessageID, message.Payload = 2, "x", 7, []byte("raised")
		return []packets.ControlPacket{granted, message}
	case *packets.PubrecPacket:
		release := packets.NewControlPacket(packets.Pubrel).(*packets.PubrelPacket)
		release.MessageID = p.MessageID
		return []packets.ControlPacket{release}
	case *packets.PublishPacket:
		answer := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
		answer.MessageID = p.MessageID
		return []packets.ControlPacket{answer}
	}
	return nil
}

// A broker that raises the QoS is answered, and stops nothing.
func TestRaisedQoSStopsNothing(t *testing.T) {
	s := newSession(t, config("one", "tcp://"+raiser(t)))
	in := subscribe(t, s, "x")
	s.Start(t.Context())
	link := up(t, s)
	if m := in.next(t); string(m.Payload) != "raised" {
		t.Errorf("%s came", m.Payload)
	}
	for range 3 {
		if err := link.Publish(within(t), session.Message{Topic: "y", QoS: 1}); err != nil {
			t.Fatal(err)
		}
	}
}
