package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Errors of a publication. Each means that the message may or may not have
// reached the broker.
var (
	// ErrDown means that there is no connection.
	ErrDown = errors.New("not connected to the broker")
	// ErrLost means that the connection ended before the broker's answer.
	ErrLost = errors.New("connection to the broker lost")
	// ErrLeft means that this side went to another broker.
	ErrLeft = errors.New("left the broker")
	// ErrClosed means that this side closed the session.
	ErrClosed = errors.New("session closed")
)

// handover is how long paho may take to accept a packet when none is being written
// (see hand): no time at all, unless its goroutines have just ended.
const handover = time.Second

// Link is one connection to the broker, from CONNACK to its loss. What is sent
// on it goes over that connection or not at all, so that a message that must
// come after another of the same connection (a Sparkplug birth) never overtakes it.
type Link struct {
	client mqtt.Client
	broker string
	// expires is when the broker's certificate does; zero without TLS.
	expires time.Time
	conn    *watched
	// ctx ends with the connection; its cause says why.
	ctx     context.Context
	cancel  context.CancelCauseFunc
	leaving atomic.Pointer[error] // why, where it ends by our own wish

	ack     time.Duration // how long the broker may take for an answer
	window  chan struct{} // one element for each QoS 1 message under way
	unacked chan *Receipt
	wait    sync.WaitGroup
}

// Receipt is a publication under way.
type Receipt struct {
	link   *Link
	packet packet
	done   chan struct{} // closed after err was set; nil with QoS 0, which nobody confirms
	err    error
}

// packet is one that paho was given.
type packet struct {
	written chan struct{} // closed when it is
	token   mqtt.Token
}

// open connects. The will goes into the CONNECT.
func (s *Session) open(ctx context.Context, broker *url.URL, will *Message) (*Link, error) {
	l := &Link{
		broker: broker.Redacted(), ack: s.config.AckTimeout,
		window:  make(chan struct{}, s.config.Window),
		unacked: make(chan *Receipt, s.config.Window),
	}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	options, err := s.options(l, broker, will)
	if err != nil {
		l.cancel(err)
		return nil, err
	}
	l.client = mqtt.NewClient(options)
	token := l.client.Connect()
	select {
	case <-token.Done():
		err = token.Error()
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		l.end(err)
		return nil, err
	}
	l.wait.Go(l.confirmer)
	return l, nil
}

// options are paho's for one connection: no reconnecting of its own, because
// then a publication whose PUBACK never came would count as done.
func (s *Session) options(l *Link, broker *url.URL, will *Message) (*mqtt.ClientOptions, error) {
	password, err := s.config.password()
	if err != nil {
		return nil, err
	}
	o := mqtt.NewClientOptions()
	o.Servers = []*url.URL{broker}
	o.SetClientID(s.config.ClientID).SetUsername(s.config.Username).SetPassword(password)
	o.SetProtocolVersion(4).SetCleanSession(true)
	o.SetAutoReconnect(false).SetConnectRetry(false)
	o.SetKeepAlive(s.config.KeepAlive).SetPingTimeout(max(s.config.KeepAlive/2, time.Second))
	o.SetConnectTimeout(s.config.ConnectTimeout).SetWriteTimeout(handover)
	// Our handler only queues, so paho's router never waits and order is kept.
	o.SetOrderMatters(true).SetAutoAckDisabled(true)
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { s.inbox.put(received{m, l}) })
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) { l.lose(err) })
	o.SetCustomOpenConnectionFn(func(u *url.URL, _ mqtt.ClientOptions) (net.Conn, error) {
		conn, err := s.config.dial(l.ctx, u)
		if err != nil {
			return nil, err
		}
		if state, ok := secured(conn); ok {
			l.expires = state.PeerCertificates[0].NotAfter
		}
		// Ends the greeting too when the session is closed during it.
		context.AfterFunc(l.ctx, func() { conn.Close() })
		l.conn = &watched{Conn: conn, in: bufio.NewReader(conn), ctx: l.ctx, failed: l.lose, limit: s.config.WriteTimeout,
			pace: s.pace(), guard: newGuard(), turn: make(chan chan struct{}, 1)}
		return l.conn, nil
	})
	if will != nil {
		o.SetBinaryWill(will.Topic, will.Payload, will.QoS, will.Retained)
	}
	return o, nil
}

// Broker is the address that this link is connected to.
func (l *Link) Broker() string { return l.broker }

// Done is closed when the link is lost; Err says why.
func (l *Link) Done() <-chan struct{} { return l.ctx.Done() }

// Err is nil while the link is up.
func (l *Link) Err() error { return context.Cause(l.ctx) }

func (l *Link) lose(err error) {
	if reason := l.leaving.Load(); reason != nil {
		l.cancel(*reason)
		return
	}
	l.cancel(fmt.Errorf("%w: %w", ErrLost, err))
}

// end drops the connection without a word, as after a failure.
func (l *Link) end(err error) {
	l.cancel(err)
	l.client.Disconnect(0)
}

// bye takes leave of the broker, so that it forgets the will.
func (l *Link) bye() { l.depart(ErrClosed) }

// Leave takes leave of the broker, which then forgets the will. The session goes
// on with the next of its brokers, after its usual pause.
func (l *Link) Leave() { l.depart(ErrLeft) }

func (l *Link) depart(reason error) {
	const quiesce = 250 // ms
	l.leaving.CompareAndSwap(nil, &reason)
	if l.ctx.Err() == nil {
		l.client.Disconnect(quiesce)
	}
	l.end(reason)
}

// Publish sends and waits: for the PUBACK of this connection with QoS 1, for the
// bytes to be handed to the network with QoS 0. Nil means that this happened; an
// error (ErrLost, the context's) that it may not have.
func (l *Link) Publish(ctx context.Context, m Message) error {
	r, err := l.Send(ctx, m)
	if err != nil {
		return err
	}
	return r.Wait(ctx)
}

// Send hands a message over without waiting for the broker's answer. It waits
// while the window is full, and while a message before it is being written. Messages
// sent by one goroutine go out in order.
func (l *Link) Send(ctx context.Context, m Message) (*Receipt, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if err := l.Err(); err != nil {
		return nil, err
	}
	publish := func() mqtt.Token { return l.client.Publish(m.Topic, m.QoS, m.Retained, m.Payload) }
	if m.QoS == 0 {
		p, err := l.hand(ctx, publish)
		if err != nil {
			return nil, err
		}
		return &Receipt{link: l, packet: p}, nil
	}
	select {
	case l.window <- struct{}{}:
	case <-l.ctx.Done():
		return nil, l.Err()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p, err := l.hand(ctx, publish)
	if err != nil {
		<-l.window
		return nil, err
	}
	r := &Receipt{link: l, packet: p, done: make(chan struct{})}
	l.unacked <- r // has room: the window is as large
	return r, nil
}

// hand gives paho a packet when the one before it is written: paho waits no longer than
// handover for that, and then takes the packet for lost.
func (l *Link) hand(ctx context.Context, give func() mqtt.Token) (packet, error) {
	p := packet{written: make(chan struct{})}
	select {
	case l.conn.turn <- p.written:
	case <-l.ctx.Done():
		return p, l.Err()
	case <-ctx.Done():
		return p, ctx.Err()
	}
	p.token = give()
	if err := p.token.Error(); err != nil {
		l.lose(err) // what follows must not go out before it
		return p, l.Err()
	}
	return p, nil
}

// Wait returns nil when the broker has answered (QoS 1) or the message has left
// (QoS 0), and an error when the link was lost or ctx ended before that.
func (r *Receipt) Wait(ctx context.Context) error {
	if r.done == nil {
		return r.link.answer(ctx, r.packet)
	}
	if err := r.link.until(ctx, r.done, nil); err != nil {
		return err
	}
	return r.err
}

// confirmer takes the PUBACKs, which a broker sends in the order of the
// messages (MQTT-4.6.0-2).
func (l *Link) confirmer() {
	for {
		select {
		case <-l.ctx.Done():
			return
		case r := <-l.unacked:
			r.err = l.answer(context.Background(), r.packet) // or the link ends
			close(r.done)
			<-l.window
		}
	}
}

// request gives paho a packet and waits for the broker's answer, which the token has.
func (l *Link) request(ctx context.Context, give func() mqtt.Token) (mqtt.Token, error) {
	p, err := l.hand(ctx, give)
	if err == nil {
		err = l.answer(ctx, p)
	}
	return p.token, err
}

// answer waits for what ends a packet's token, and believes it only without error. A
// broker that does not answer in time is as good as gone. How long the packet takes to
// leave is no matter here: the connection looks to that.
func (l *Link) answer(ctx context.Context, p packet) error {
	if err := l.until(ctx, p.written, nil); err != nil {
		return err
	}
	late := time.NewTimer(l.ack)
	defer late.Stop()
	if err := l.until(ctx, p.token.Done(), late.C); err != nil {
		return err
	}
	if err := p.token.Error(); err != nil {
		l.lose(err) // what follows must not go out before it
		return l.Err()
	}
	return nil
}

// until waits for something to be done.
func (l *Link) until(ctx context.Context, done <-chan struct{}, late <-chan time.Time) error {
	select {
	case <-done: // although the link may have ended meanwhile
		return nil
	default:
	}
	select {
	case <-done:
		return nil
	case <-l.ctx.Done():
		return l.Err()
	case <-ctx.Done():
		return ctx.Err()
	case <-late:
		l.lose(fmt.Errorf("no answer within %v", l.ack))
		return l.Err()
	}
}
