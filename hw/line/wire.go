package line

import (
	"context"
	"errors"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// Wire is a line within one process: what one side drives with Out or Set, the
// other reads. It behaves as a kernel line does: only a change of level is an
// edge, an edge of the kind not asked for is not counted, and a full buffer
// loses its oldest edge.
//
// A new wire is not driven and reports both edges. It may be used from any
// goroutine.
type Wire struct {
	name   string
	number int
	now    func() time.Duration

	inbox  // its state guards what follows too
	level  gpio.Level
	driven bool
	pull   gpio.Pull
	edge   gpio.Edge
}

// NewWire makes a wire. now stamps the edges made by Out; nil means Monotonic.
func NewWire(name string, number int, now func() time.Duration) *Wire {
	if now == nil {
		now = Monotonic
	}
	return &Wire{name: name, number: number, now: now, edge: gpio.BothEdges}
}

// String implements conn.Resource.
func (w *Wire) String() string { return w.name }

// Name implements pin.Pin.
func (w *Wire) Name() string { return w.name }

// Number implements pin.Pin.
func (w *Wire) Number() int { return w.number }

// Function implements pin.Pin: In while nobody drives the wire, else Out, with the level.
func (w *Wire) Function() (f string) {
	w.state.Look(func() {
		f = "In/Low"
		switch {
		case w.driven && bool(w.level):
			f = "Out/High"
		case w.driven:
			f = "Out/Low"
		case bool(w.level):
			f = "In/High"
		}
	})
	return f
}

// Halt implements conn.Resource: it stops edge detection until the next In and
// makes a waiting WaitForEdge return. The level stays as it is driven.
func (w *Wire) Halt() error { return w.setUp(gpio.PullNoChange, gpio.NoEdge) }

// In implements gpio.PinIn for the reading side. It forgets the edges that were
// not read and numbers the next ones from 1. The pull gives the level of a wire
// that nobody drives.
func (w *Wire) In(pull gpio.Pull, edge gpio.Edge) error {
	if edge < gpio.NoEdge || edge > gpio.BothEdges {
		return errors.New("line: " + w.name + ": " + edge.String() + " is no kind of edge")
	}
	return w.setUp(pull, edge)
}

func (w *Wire) setUp(pull gpio.Pull, edge gpio.Edge) (err error) {
	w.state.Change(func() {
		if w.closed {
			err = ErrClosed
			return
		}
		if pull != gpio.PullNoChange {
			w.pull = pull
			if !w.driven {
				w.level = pull == gpio.PullUp
			}
		}
		w.edge = edge
		w.anew()
	})
	return err
}

// Read implements gpio.PinIn.
func (w *Wire) Read() (l gpio.Level) {
	w.state.Look(func() { l = w.level })
	return l
}

// Pull implements gpio.PinIn.
func (w *Wire) Pull() (p gpio.Pull) {
	w.state.Look(func() { p = w.pull })
	return p
}

// DefaultPull implements gpio.PinIn: a wire has none of its own.
func (w *Wire) DefaultPull() gpio.Pull { return gpio.Float }

// Out implements gpio.PinOut for the driving side.
func (w *Wire) Out(l gpio.Level) error { return w.Set(l, w.now()) }

// PWM implements gpio.PinOut; a wire has no clock hardware.
func (w *Wire) PWM(gpio.Duty, physic.Frequency) error {
	return errors.New("line: " + w.name + ": no PWM on a wire; use Out")
}

// Set drives the wire to a level at a time on the common clock. It returns
// ErrClosed after Close.
func (w *Wire) Set(l gpio.Level, at time.Duration) (err error) {
	w.state.Change(func() {
		if w.closed {
			err = ErrClosed
			return
		}
		w.driven = true
		if l == w.level {
			return
		}
		w.level = l
		if wanted(w.edge, bool(l)) {
			w.sequence++
			w.events.push(Event{Time: at, Sequence: w.sequence, Level: l})
		}
	})
	return err
}

// Await waits until the wire has a level. It takes no edge from the buffer.
func (w *Wire) Await(ctx context.Context, l gpio.Level) error {
	return w.until(ctx, func() bool { return w.level == l })
}

// Close ends every wait, on both sides.
func (w *Wire) Close() error {
	w.close()
	return nil
}

// ring holds the latest BufferSize events. It allocates at the first push, since
// most wires are only looked at for their level.
type ring struct {
	events []Event
	head   int
	count  int
}

func (r *ring) push(e Event) {
	if r.events == nil {
		r.events = make([]Event, BufferSize)
	}
	if r.count == BufferSize {
		r.head = (r.head + 1) % BufferSize
		r.count--
	}
	r.events[(r.head+r.count)%BufferSize] = e
	r.count++
}

func (r *ring) pop() (Event, bool) {
	if r.count == 0 {
		return Event{}, false
	}
	e := r.events[r.head]
	r.head = (r.head + 1) % BufferSize
	r.count--
	return e, true
}
