package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

type subscription struct {
	filter  string
	qos     byte
	handler Handler
}

// refused is the SUBACK code of a subscription that the broker does not grant.
const refused = 0x80

// Subscribe has handler called for each message under the filter, on this link
// and all that follow. It may be called before Start; it then returns at once.
// An error means that the filter is malformed, or that the broker refused it now
// or could not be asked; the subscription is kept all the same and asked for
// again with the next link.
//
// A message under the filters of several subscriptions reaches each handler; it
// does so more than once where the broker delivers it more than once.
func (s *Session) Subscribe(ctx context.Context, filter string, qos byte, handler Handler) error {
	if err := checkFilter(filter); err != nil {
		return err
	}
	if qos > 1 {
		return fmt.Errorf("subscribe %s: QoS %d; want 0 or 1", filter, qos)
	}
	s.mu.Lock()
	s.subscriptions = append(s.subscriptions, subscription{filter, qos, handler})
	link := s.link
	s.mu.Unlock()
	if link == nil {
		return nil
	}
	return link.subscribe(ctx, map[string]byte{filter: qos})
}

// restore subscribes to everything on a new link and then lets others have it.
// It begins again when a subscription was added meanwhile.
func (s *Session) restore(link *Link) error {
	for {
		s.mu.Lock()
		known := len(s.subscriptions)
		filters := make(map[string]byte)
		for _, sub := range s.subscriptions {
			filters[sub.filter] = max(sub.qos, filters[sub.filter])
		}
		s.mu.Unlock()
		var denied *RefusedError
		err := link.subscribe(link.ctx, filters)
		if err != nil && !errors.As(err, &denied) {
			return err
		}
		if s.enter(link, known, err) {
			return nil
		}
	}
}

// enter makes the link the present one, unless there are subscriptions that it
// was not asked for.
func (s *Session) enter(link *Link, known int, problem error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.subscriptions) != known {
		return false
	}
	s.link = link
	s.state = State{Up: true, Since: time.Now(), Broker: link.broker, Err: problem, Expires: link.expires}
	close(s.changed)
	s.changed = make(chan struct{})
	s.log.Info("broker connected", "broker", link.broker, "client", s.config.ClientID)
	if problem != nil {
		s.log.Warn("broker connected, but", "error", problem)
	}
	return true
}

// RefusedError names the subscriptions that a broker does not grant.
type RefusedError struct{ Filters []string }

// Error names the filters and the remedy.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("subscribe %q: refused by the broker; its access list must allow them", e.Filters)
}

// subscribe asks for one filter after the other (see guard).
func (l *Link) subscribe(ctx context.Context, filters map[string]byte) error {
	var denied RefusedError
	for filter, qos := range filters {
		granted, err := l.ask(ctx, filter, qos)
		if err != nil {
			return err
		}
		if !granted {
			denied.Filters = append(denied.Filters, filter)
		}
	}
	if denied.Filters != nil {
		slices.Sort(denied.Filters)
		return &denied
	}
	return nil
}

func (l *Link) ask(ctx context.Context, filter string, qos byte) (granted bool, err error) {
	token, err := l.request(ctx, func() mqtt.Token { return l.client.Subscribe(filter, qos, nil) })
	if err != nil {
		return false, fmt.Errorf("subscribe: %w", err)
	}
	for _, code := range token.(*mqtt.SubscribeToken).Result() {
		return code != refused, nil
	}
	if err := l.Err(); err != nil { // paho ends its tokens without error when a connection ends
		return false, err
	}
	return false, errors.New("subscribe: ended without an answer")
}

// dispatch calls the handlers, one message after the other.
func (s *Session) dispatch(ctx context.Context) {
	for {
		m, err := s.inbox.take(ctx)
		if err != nil {
			return
		}
		s.mu.Lock()
		subscriptions := s.subscriptions // only ever appended to
		s.mu.Unlock()
		for _, sub := range subscriptions {
			if matches(sub.filter, m.Topic()) {
				sub.handler(Message{m.Topic(), m.Qos(), m.Retained(), m.Payload(), m.link})
			}
		}
		m.acknowledge()
	}
}

// inbox queues what came, so that paho's router never waits for a handler: it
// would not take a PUBACK meanwhile. QoS 1 messages are bounded by MQTT itself,
// which has 65535 numbers for messages without PUBACK; of QoS 0 messages it
// keeps maxInbox and drops what comes when there are more.
type inbox struct {
	mu       sync.Mutex
	messages []received
	wake     chan struct{}
	dropped  atomic.Uint64
}

const maxInbox = 4096

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// received is a message and the link that it came over.
type received struct {
	mqtt.Message
	link *Link
}

// acknowledge sends a PUBACK, or a PUBREC to a broker that raises the QoS. Where the link
// is lost, the broker sends the message again over the next.
func (m received) acknowledge() {
	if m.Qos() == 0 {
		return
	}
	m.link.hand(m.link.ctx, func() mqtt.Token { m.Ack(); return &mqtt.DummyToken{} })
}

func (i *inbox) put(m received) {
	i.mu.Lock()
	if m.Qos() == 0 && len(i.messages) >= maxInbox {
		i.dropped.Add(1)
	} else {
		i.messages = append(i.messages, m)
	}
	i.mu.Unlock()
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

func (i *inbox) take(ctx context.Context) (received, error) {
	for ctx.Err() == nil {
		i.mu.Lock()
		if len(i.messages) > 0 {
			m := i.messages[0]
			i.messages[0] = received{}
			i.messages = i.messages[1:]
			i.mu.Unlock()
			return m, nil
		}
		i.mu.Unlock()
		select {
		case <-i.wake:
		case <-ctx.Done():
		}
	}
	return received{}, ctx.Err()
}
