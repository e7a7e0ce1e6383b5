package session

import "fmt"

// maxPacket is how large an incoming packet may be: what we send, and room for its
// topic. MQTT 3.1.1 allows 256 MiB, and paho makes room for all of it before anyone
// can refuse.
const maxPacket = maxPayload + maxTopic + 16

// guard follows the packets in the bytes that come (MQTT 3.1.1, section 2.2).
type guard struct {
	body  int // bytes left of the present packet's body
	shift int // of the length's next seven bits; -1 before the packet's first byte
	size  int
}

func newGuard() guard { return guard{shift: -1} }

// take passes bytes, or says which packet is too large.
func (g *guard) take(b []byte) error {
	for len(b) > 0 {
		if n := min(g.body, len(b)); n > 0 {
			g.body -= n
			b = b[n:]
			continue
		}
		if g.shift < 0 { // type and flags
			g.shift, g.size = 0, 0
			b = b[1:]
			continue
		}
		g.size |= int(b[0]&0x7f) << g.shift
		more := b[0]&0x80 != 0
		b = b[1:]
		switch g.shift += 7; {
		case more && g.shift > 21:
			return fmt.Errorf("packet with a length of more than 4 bytes; this is not MQTT")
		case more:
		case g.size > maxPacket:
			return fmt.Errorf("packet of %d bytes; limit is %d; the broker should refuse such messages", g.size, maxPacket)
		default:
			g.body, g.shift = g.size, -1
		}
	}
	return nil
}
