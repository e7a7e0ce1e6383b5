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
	g := newGuard()
	if err := g.take([]byte{0x30, 0x80, 0x80, 0x80, 0x80, 0x01}); err == nil {
		t.Error("a length of five bytes passed")
	}
}
