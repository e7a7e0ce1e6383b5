package sparkplug

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"kensa/bus/session"
)

// presence is what the primary host last said of itself over one connection.
// What it said over another counts for nothing here: another broker may keep an
// old word of it, and each broker has its own time stamps.
type presence struct {
	link   *session.Link
	online bool
	modern bool  // told as of version 3.0, after which the older form is not heeded
	stamp  int64 // ms since 1970, of the host's own clock
}

// hostPatience is how long a node with several brokers waits for a word of the
// primary host before it looks for it at the next.
const hostPatience = 30 * time.Second

// followHost subscribes to the primary host's state.
func (n *Node) followHost() error {
	if n.config.PrimaryHost == "" {
		return nil
	}
	modern, legacy := n.config.stateTopics()
	return errors.Join(
		n.session.Subscribe(context.Background(), modern, 1, func(m session.Message) { n.heardHost(m, true, readState) }),
		n.session.Subscribe(context.Background(), legacy, 1, func(m session.Message) { n.heardHost(m, false, readLegacyState) }),
	)
}

// hostState is the payload of a host's state.
type hostState struct {
	Online    *bool  `json:"online"`
	Timestamp *int64 `json:"timestamp"`
}

const maxState = 1 << 10 // bytes

// readState reads {"online": true, "timestamp": 1700000000000}.
func readState(b []byte) (online bool, stamp int64, err error) {
	if len(b) > maxState {
		return false, 0, fmt.Errorf("host state: %d bytes; limit is %d", len(b), maxState)
	}
	var s hostState
	decoder := json.NewDecoder(bytes.NewReader(b))
	if err := decoder.Decode(&s); err != nil {
		return false, 0, fmt.Errorf("host state: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return false, 0, errors.New("host state: more than one JSON value")
	}
	if s.Online == nil || s.Timestamp == nil || *s.Timestamp < 0 {
		return false, 0, errors.New(`host state: want {"online": true or false, "timestamp": milliseconds since 1970}`)
	}
	return *s.Online, *s.Timestamp, nil
}

// readLegacyState reads ONLINE or OFFLINE, as hosts before version 3.0 say it.
func readLegacyState(b []byte) (online bool, stamp int64, err error) {
	if len(b) > maxState {
		return false, 0, fmt.Errorf("host state: %d bytes; limit is %d", len(b), maxState)
	}
	switch text := strings.TrimSpace(string(b)); text {
	case "ONLINE":
		return true, 0, nil
	case "OFFLINE":
		return false, 0, nil
	default:
		return false, 0, fmt.Errorf("host state: %.40q; want ONLINE or OFFLINE", text)
	}
}

// heardHost takes a word of the primary host. One that is older than the last is
// ignored: the last will of an earlier connection may come late.
func (n *Node) heardHost(m session.Message, modern bool, read func([]byte) (bool, int64, error)) {
	online, stamp, err := read(m.Payload)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil {
		n.refuse(m.Topic, err)
		return
	}
	if n.host.link != m.Link {
		n.host = presence{link: m.Link}
	}
	if n.host.modern && !modern || modern && stamp < n.host.stamp {
		return
	}
	n.host.online, n.host.modern, n.host.stamp = online, n.host.modern || modern, stamp
	if !online && (n.born == m.Link || n.session.Brokers() > 1) {
		n.leave = m.Link
	}
	n.poke()
}

// hostOnline tells, under mu, that births and data may go out over the present
// connection.
func (n *Node) hostOnline() bool {
	return n.config.PrimaryHost == "" || n.host.link != nil && n.host.link == n.link.Link && n.host.online
}

// awaitHost looks for the primary host at the next broker when this one has no
// word of it.
func (n *Node) awaitHost(ctx context.Context, l *session.Link) {
	if n.config.PrimaryHost == "" || n.session.Brokers() < 2 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(hostPatience):
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.host.link != l {
			n.leave = l
			n.poke()
		}
	}
}

// part ends a connection whose host is offline: NDEATH if it had births, then
// DISCONNECT. The session goes on to the next broker, or to the same again.
func (n *Node) part(ctx context.Context, j job) {
	if j.wasBorn {
		ctx, cancel := context.WithTimeout(ctx, lastWords)
		defer cancel()
		if err := j.link.Publish(ctx, n.death(j.link.bdSeq)); err != nil {
			n.log.Warn("NDEATH was not acknowledged", "error", err)
		}
	}
	n.log.Info("primary host is offline here; looking for it elsewhere", "host", n.config.PrimaryHost, "broker", j.link.Broker())
	j.link.Leave()
}
