package sparkplug

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kensa/bus/session"
	"kensa/bus/sparkplug/payload"
)

// Report is what must reach the host whole, each one: a Wafer or an Alarm.
type Report interface {
	report() (values map[string]payload.Value, at time.Time, err error)
}

// Prepared is a report whose values are worked out, once for all that needs them:
// a wafer's die map has thousands of cells.
type Prepared struct {
	Report
	Values map[string]payload.Value // by the names of their metrics; not to be changed
	Time   time.Time
}

// Prepare works out a report's values. The error says what the metrics cannot hold.
func Prepare(r Report) (Prepared, error) {
	values, at, err := r.report()
	return Prepared{r, values, at}, err
}

func (p Prepared) report() (map[string]payload.Value, time.Time, error) { return p.Values, p.Time, nil }

// Numbered is a report with its place among the reports: numbers rise, also over
// a restart, in the order in which the reports are delivered.
type Numbered struct {
	Number uint64
	Report
}

// event is values of the device that are told together.
type event struct {
	number     uint64
	values     map[string]payload.Value
	at         time.Time
	historical bool
}

func (n *Node) newEvent(r Numbered) (event, error) {
	values, at, err := r.report()
	return event{number: r.Number, values: n.declared(values), at: at}, err
}

// Reached tells the highest number given to any report before the node was
// started: what was not delivered of those is history. Call it before Start.
func (n *Node) Reached(number uint64) { n.latest = number }

// Current makes a report's values the present ones, so that births have them,
// without telling it: Deliver does. Call it for each report as it comes into
// being, in order. It never waits.
func (n *Node) Current(r Numbered) error {
	e, err := n.newEvent(r)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known(e)
	return nil
}

// known makes, under mu, a report's values the present ones if none is newer.
func (n *Node) known(e event) {
	if e.number > n.latest || e.number == 0 {
		n.latest = max(n.latest, e.number)
		n.board.set(e.values, e.at, false)
	}
}

// offer is reports on their way to run.
type offer struct {
	events []event
	reply  chan answer // holds one
}

// answer is the connection that the reports were handed to.
type answer struct {
	link *session.Link
	err  error
}

// Deliver tells reports, each whole in one message and in order, and waits until
// the broker has read them, births before them, while the primary host, where one
// is configured, was online. With ErrOffline, which comes at once while the host
// cannot be told, and with any other error some may not have arrived: deliver all
// of them again, after Await. The host may then get one twice, and knows it by
// its number or time.
//
// A report that came into being before the last births, which have its values or
// newer ones, is marked as historical.
func (n *Node) Deliver(ctx context.Context, reports ...Numbered) error {
	o := offer{reply: make(chan answer, 1)}
	for _, r := range reports {
		e, err := n.newEvent(r)
		if err != nil {
			return err
		}
		n.complain(r.Report)
		o.events = append(o.events, e)
	}
	if !n.Ready() {
		return ErrOffline
	}
	select {
	case n.offers <- o:
	case <-n.stopped:
		return ErrOffline
	case <-ctx.Done():
		return fmt.Errorf("deliver: %w", ctx.Err())
	}
	select {
	case a := <-o.reply:
		if a.err != nil {
			return a.err
		}
		return n.settle(ctx, a.link)
	case <-ctx.Done():
		return fmt.Errorf("deliver: %w", ctx.Err())
	}
}

// complain logs what a report leaves out.
func (n *Node) complain(r Report) {
	if p, ok := r.(Prepared); ok {
		r = p.Report
	}
	if w, ok := r.(Wafer); ok && !n.config.Terse && len(w.Map) > MaxMapDies {
		n.log.Warn("die map not published", "wafer", w.Substrate, "dies", len(w.Map), "limit", MaxMapDies)
	}
}

// settle returns nil when the broker has read what went over the link and the
// host did not go offline meanwhile.
func (n *Node) settle(ctx context.Context, l *session.Link) error {
	if err := l.RoundTrip(ctx); err != nil {
		return errors.Join(ErrOffline, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.born != l || !n.hostOnline() {
		return ErrOffline
	}
	return nil
}

// deliver tells reports if the hosts can be told now.
func (n *Node) deliver(ctx context.Context, o offer) answer {
	if !n.Ready() || !n.voice.device {
		return answer{err: ErrOffline}
	}
	for _, e := range o.events {
		n.mu.Lock()
		e.historical = e.number != 0 && e.number <= n.bornNumber
		n.known(e)
		n.mu.Unlock()
		if err := n.voice.event(ctx, e); err != nil {
			return answer{err: err}
		}
	}
	return answer{link: n.voice.link.Link}
}
