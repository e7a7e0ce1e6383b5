// Package session keeps one MQTT 3.1.1 connection to a broker, for as long as
// it takes.
//
// A session connects, and connects again with growing, jittered pauses whenever
// the connection is lost or refused; where it stands is to be seen in State. It
// never says more than it knows: Publish returns nil for QoS 1 only after a
// PUBACK of the connection on which the message went out, and an error at once
// when that connection is lost. It keeps nothing for later: who must not lose a
// message keeps it himself and sends it again when a new Link is up.
//
// Each connection has a paho client of its own (a used one is never connected
// again), a clean session, and its will made for it. Subscriptions are restored
// before OnUp is called.
package session

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"
)

// State is where a session stands.
type State struct {
	Up       bool
	Since    time.Time // of the last change of Up; of Start before the first
	Broker   string    // connected to, or last tried
	Attempts int       // that failed since the last time up
	// Err is why the session is not up, or what is wrong although it is: a
	// subscription that the broker refuses.
	Err error
	// Expires is when the certificate of the broker that it is connected to does; zero
	// while there is none.
	Expires time.Time
	// Dropped counts QoS 0 messages thrown away since Start because handlers did
	// not keep up.
	Dropped uint64
}

// Session is a connection that comes back. Make one with New.
type Session struct {
	config  Config
	log     *slog.Logger
	brokers []*url.URL
	inbox   *inbox

	throttle *Throttle // nil: none
	urgent   bool

	will func(context.Context) (*Message, error)
	up   []func(context.Context, *Link)
	down []func(error)

	mu            sync.Mutex
	subscriptions []subscription
	link          *Link // nil while down
	state         State
	changed       chan struct{} // closed and replaced when link changes

	cancel context.CancelFunc
	wait   sync.WaitGroup
}

// New checks the configuration. Nothing happens before Start.
func New(config Config, log *slog.Logger) (*Session, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	s := &Session{config: config, log: log, inbox: newInbox(), changed: make(chan struct{}), throttle: NewThrottle(config.Bandwidth)}
	for _, b := range config.Brokers {
		u, err := parseBroker(b)
		if err != nil {
			return nil, err
		}
		s.brokers = append(s.brokers, u)
	}
	return s, nil
}

// Share has the session send under a throttle that it shares with others, instead of
// one of its own. Call it before Start.
func (s *Session) Share(t *Throttle, urgent bool) { s.throttle, s.urgent = t, urgent }

// pace is nil where nothing limits what is sent.
func (s *Session) pace() func(context.Context, int) error {
	if s.throttle == nil {
		return nil
	}
	return func(ctx context.Context, bytes int) error { return s.throttle.wait(ctx, bytes, s.urgent) }
}

// Will has the broker publish a message when the connection dies without
// goodbye. build is called for each CONNECT; its error fails that attempt. A
// connection has one will (none where build returns nil), so whoever needs another needs another session. Call
// it before Start.
func (s *Session) Will(build func(context.Context) (*Message, error)) { s.will = build }

// OnUp has f called for each new link, when its subscriptions are there, one f
// after the other in the order of these calls. Its context ends with the link.
// f may publish and wait. Call OnUp before Start.
func (s *Session) OnUp(f func(context.Context, *Link)) { s.up = append(s.up, f) }

// OnDown has f called after each loss of a link, before the next attempt. Call
// it before Start.
func (s *Session) OnDown(f func(error)) { s.down = append(s.down, f) }

// Start begins to connect and returns at once; a broker that is not there is no
// error. The session ends with ctx, or with Close.
func (s *Session) Start(ctx context.Context) {
	ctx, s.cancel = context.WithCancel(ctx)
	s.setState(func(st *State) { st.Since = time.Now() })
	s.wait.Go(func() { s.run(ctx) })
	s.wait.Go(func() { s.dispatch(ctx) })
}

// Close takes leave of the broker, which then forgets the will, and waits for
// all goroutines. Handlers and hooks have returned when it does.
func (s *Session) Close() {
	if s.cancel != nil {
		s.cancel()
	}
	s.wait.Wait()
}

// Brokers is how many addresses the session has.
func (s *Session) Brokers() int { return len(s.brokers) }

// State tells where the session stands.
func (s *Session) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state
	state.Dropped = s.inbox.dropped.Load()
	return state
}

// Link is the present connection; nil while there is none.
func (s *Session) Link() *Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link
}

// Await waits for a link.
func (s *Session) Await(ctx context.Context) (*Link, error) {
	for {
		s.mu.Lock()
		link, changed, err := s.link, s.changed, s.state.Err
		s.mu.Unlock()
		if link != nil {
			return link, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrDown, err)
			}
			return nil, fmt.Errorf("%w: %w", ErrDown, ctx.Err())
		}
	}
}

// Publish is Link.Publish on the present link; ErrDown when there is none.
func (s *Session) Publish(ctx context.Context, m Message) error {
	link := s.Link()
	if link == nil {
		return ErrDown
	}
	return link.Publish(ctx, m)
}

// Send is Link.Send on the present link; ErrDown when there is none.
func (s *Session) Send(ctx context.Context, m Message) (*Receipt, error) {
	link := s.Link()
	if link == nil {
		return nil, ErrDown
	}
	return link.Send(ctx, m)
}

func (s *Session) setState(change func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state)
}

// run connects, serves the link until it is lost, and starts again.
func (s *Session) run(ctx context.Context) {
	pause := backoff{min: s.config.ReconnectMin, max: s.config.ReconnectMax}
	for n := 0; ctx.Err() == nil; n++ {
		broker := s.brokers[n%len(s.brokers)]
		started := time.Now()
		err := s.serve(ctx, broker)
		if ctx.Err() != nil {
			return
		}
		s.failed(broker, err)
		if time.Since(started) > s.config.ReconnectMax {
			pause.reset() // it had been up for good
		}
		select {
		case <-time.After(pause.next()):
		case <-ctx.Done():
		}
	}
}

// serve is one connection from CONNECT to its end.
func (s *Session) serve(ctx context.Context, broker *url.URL) error {
	var will *Message
	if s.will != nil {
		var err error
		if will, err = s.will(ctx); err == nil && will != nil {
			err = will.check()
		}
		if err != nil {
			return fmt.Errorf("last will: %w", err)
		}
	}
	// The link must outlive ctx by its goodbye, so it is not cut with ctx.
	opening, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, cancel)
	link, err := s.open(opening, broker, will)
	if err != nil || !stop() {
		if link != nil {
			link.bye()
		}
		return err
	}
	s.wait.Go(link.wait.Wait)
	err = s.restore(link)
	if err == nil {
		s.use(ctx, link)
		err = link.Err()
	}
	link.end(err)
	return err
}

// use lets others have the link until it is lost or the session is closed.
func (s *Session) use(ctx context.Context, link *Link) {
	hooks, cancel := context.WithCancel(link.ctx)
	stop := context.AfterFunc(ctx, cancel)
	for _, f := range s.up {
		f(hooks, link)
	}
	stop()
	cancel()
	select {
	case <-link.Done():
	case <-ctx.Done():
		link.bye()
	}
	s.leave(link)
	for _, f := range s.down {
		f(link.Err())
	}
}

func (s *Session) leave(link *Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link = nil
	s.state.Up, s.state.Since, s.state.Err, s.state.Expires = false, time.Now(), link.Err(), time.Time{}
}

// failed notes a failure. It is logged once, not with every attempt.
func (s *Session) failed(broker *url.URL, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Attempts == 0 || s.state.Err == nil || s.state.Err.Error() != err.Error() {
		s.log.Warn("broker not connected", "broker", broker.Redacted(), "client", s.config.ClientID, "error", err)
	}
	s.state.Broker, s.state.Err = broker.Redacted(), err
	s.state.Attempts++
}

// backoff grows the pause by two and takes a random part of its upper half.
type backoff struct{ min, max, last time.Duration }

func (b *backoff) reset() { b.last = 0 }

func (b *backoff) next() time.Duration {
	b.last = min(max(2*b.last, b.min), b.max)
	return b.last/2 + rand.N(b.last/2+1)
}
