package broker

import (
	"sync"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// retained keeps those who leave a retained message and those who come to read some
// apart. mochi notes a topic under a lock that a subscriber's search with a wildcard
// does not take (github.com/mochi-mqtt/server/issues/200), and who reads a topic that
// is half noted may end the whole program. Its hooks stand on both sides of either;
// nothing waits between them.
type retained struct {
	mqtt.HookBase
	mu sync.Mutex
}

func (*retained) ID() string { return "retained" }

func (*retained) Provides(b byte) bool {
	switch b {
	case mqtt.OnPublish, mqtt.OnWill, mqtt.OnRetainMessage, mqtt.OnPacketSent, mqtt.OnPacketProcessed:
		return true
	}
	return false
}

// OnPublish comes before a message is kept.
func (r *retained) OnPublish(_ *mqtt.Client, p packets.Packet) (packets.Packet, error) {
	if p.FixedHeader.Retain {
		r.mu.Lock()
	}
	return p, nil
}

// OnWill comes before a last will is kept, unless it is delayed.
func (r *retained) OnWill(_ *mqtt.Client, w mqtt.Will) (mqtt.Will, error) {
	if w.Retain && w.WillDelayInterval == 0 {
		r.mu.Lock()
	}
	return w, nil
}

// OnRetainMessage comes when it is kept. Nothing announces a will whose delay is over.
func (r *retained) OnRetainMessage(_ *mqtt.Client, p packets.Packet, _ int64) {
	if p.Connect.WillProperties.WillDelayInterval == 0 {
		r.mu.Unlock()
	}
}

// OnPacketSent comes, for a SUBACK, before the search.
func (r *retained) OnPacketSent(_ *mqtt.Client, p packets.Packet, _ []byte) {
	if p.FixedHeader.Type == packets.Suback {
		r.mu.Lock()
	}
}

// OnPacketProcessed comes after it, and without it where no SUBACK could be sent.
func (r *retained) OnPacketProcessed(_ *mqtt.Client, p packets.Packet, err error) {
	if p.FixedHeader.Type == packets.Subscribe && err == nil {
		r.mu.Unlock()
	}
}
