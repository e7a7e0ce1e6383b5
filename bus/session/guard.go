package session

import "fmt"

// maxPacket is how large an incoming packet may be: what we send, and room for its
// topic. MQTT 3.1.1 allows 256 MiB, and paho makes room for all of it before anyone
// can refuse.
const maxPacket = maxPayload + maxTopic + 16

// fixed are how long the packets are that a broker sends, by their kind; a PUBLISH is
// as long as it is. A SUBACK answers one filter, as subscribe asks: one with more
// answers than questions would end the program, for paho does not count them.
var fixed = map[byte]int{connack: 2, puback: 2, pubrec: 2, pubrel: 2, pubcomp: 2, suback: 3, unsuback: 2, pingresp: 0}

// Kinds of packets (MQTT 3.1.1, section 2.2.1).
const (
	connack  = 2
	publish  = 3
	puback   = 4
	pubrec   = 5
	pubrel   = 6
	pubcomp  = 7
	suback   = 9
	unsuback = 11
	pingresp = 13
)

// guard follows the packets in the bytes that come (MQTT 3.1.1, section 2.2).
type guard struct {
	kind  byte
	body  int // bytes left of the present packet's body
	shift int // of the length's next seven bits; -1 before the packet's first byte
	size  int
}

func newGuard() guard { return guard{shift: -1} }

// take passes bytes, or says which packet cannot be passed.
func (g *guard) take(b []byte) error {
	for len(b) > 0 {
		if n := min(g.body, len(b)); n > 0 {
			g.body -= n
			b = b[n:]
			continue
		}
		if g.shift < 0 { // type and flags
			g.kind, g.shift, g.size = b[0]>>4, 0, 0
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
		default:
			if err := g.check(); err != nil {
				return err
			}
			g.body, g.shift = g.size, -1
		}
	}
	return nil
}

// check looks at a packet's header.
func (g *guard) check() error {
	size, isFixed := fixed[g.kind]
	switch {
	case g.kind == publish && g.size > maxPacket:
		return fmt.Errorf("packet of %d bytes; limit is %d; the broker should refuse such messages", g.size, maxPacket)
	case g.kind != publish && (!isFixed || g.size != size):
		return fmt.Errorf("packet of kind %d with %d bytes; no MQTT broker answers so", g.kind, g.size)
	}
	return nil
}
