package sparkplug

import (
	"fmt"

	"kensa/bus/session"
	"kensa/bus/sparkplug/payload"
)

// maxCommand bounds what a host may send, in bytes.
const maxCommand = 64 << 10

// command takes an NCMD. The only one yet is the rebirth.
func (n *Node) command(m session.Message) {
	rebirth, err := wantsRebirth(m.Payload)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil {
		n.state.Refused++
		// The first, second, fourth, eighth …: a broken host must not fill the log.
		if n.state.Refused&(n.state.Refused-1) == 0 {
			n.log.Warn("Sparkplug command refused", "topic", m.Topic, "refused", n.state.Refused, "error", err)
		}
	}
	// Many requests at once are one. One that comes while births go out is granted
	// after them: the host may have missed the first.
	if rebirth && n.link.Link != nil {
		n.rebirth = true
		n.poke()
	}
}

// wantsRebirth reads a command. Rebirth is asked for with the value true, of
// type Boolean or of none, for commands may leave the type out. The error names
// the first metric that is no command of this node.
func wantsRebirth(b []byte) (rebirth bool, err error) {
	if len(b) > maxCommand {
		return false, fmt.Errorf("command: %d bytes; limit is %d", len(b), maxCommand)
	}
	p, err := payload.Decode(b)
	if err != nil {
		return false, err
	}
	for _, m := range p.Metrics {
		if m.Name != rebirthName {
			err = fmt.Errorf("metric %.80q: no command of this node; known: %q", m.Name, rebirthName)
			continue
		}
		v, typeErr := m.Value.As(payload.TypeBoolean)
		if typeErr != nil {
			err = fmt.Errorf("metric %q: %w", m.Name, typeErr)
			continue
		}
		asked, _ := v.Bool()
		rebirth = rebirth || asked
	}
	return rebirth, err
}
