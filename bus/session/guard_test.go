package session

import (
	"bytes"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"pgregory.net/rapid"
)

func publication(t *rapid.T, size int) []byte {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload = "x", make([]byte, size)
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Packets pass however the network cuts them, up to the first that is too large.
func TestGuardFollowsPackets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		for _, size := range rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(16_000, 20_000)), 0, 8).Draw(t, "sizes") {
			stream = append(stream, publication(t, size)...)
		}
		good := len(stream)
		if hostile := rapid.Bool().Draw(t, "hostile"); hostile {
			stream = append(stream, 0x30, 0xff, 0xff, 0xff, 0x7f) // 256 MiB are announced
			good = -1
		}
		g, failed := newGuard(), false
		for len(stream) > 0 && !failed {
			n := rapid.IntRange(1, len(stream)).Draw(t, "read")
			failed = g.take(stream[:n]) != nil
			stream = stream[n:]
		}
		if failed != (good < 0) {
			t.Fatalf("failed: %v; want %v", failed, good < 0)
		}
	})
}

func TestGuardRefusesWhatIsNotMQTT(t *testing.T) {
	for what, packet := range map[string][]byte{
		"a length of five bytes": {0x30, 0x80, 0x80, 0x80, 0x80, 0x01}, "a CONNECT": {0x10, 0}, "kind 0": {0, 0}, "kind 15": {0xf0, 0},
		"a SUBACK for two filters": {0x90, 4, 0, 1, 0, 0}, "for none": {0x90, 2, 0, 1}, "a long PINGRESP": {0xd0, 1, 0},
	} {
		g := newGuard()
		if err := g.take(packet); err == nil {
			t.Errorf("%s passed", what)
		}
	}
}
