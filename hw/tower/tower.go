// Package tower drives a signal tower and its buzzer.
//
// The colours are those of SEMI S2 and E95: red for what must be acted on now,
// amber for what is abnormal, green for production, blue for help that is
// wanted. A lamp that flashes has not been acknowledged yet. The buzzer sounds
// with a new fault until it is acknowledged or silenced.
package tower

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// Light is how one lamp shines.
type Light int

// Lights.
const (
	Dark Light = iota
	Steady
	Flashing
)

// State is what the tower shows.
type State struct {
	Red, Amber, Green, Blue Light
	// Fault numbers the faults that nobody has acknowledged; 0: there is none. A
	// greater number than before sounds the buzzer again after Silence.
	Fault uint64
}

// Pins are the tower's lines; nil where there is none.
type Pins struct{ Red, Amber, Green, Blue, Buzzer gpio.PinOut }

// Beat is how long a flashing lamp is on, and off; 1 Hz is within IEC 60073's
// 0.5 to 1.1 Hz for what wants attention.
const Beat = 500 * time.Millisecond

// Tower drives the lines. Show and Silence may be called from any goroutine and
// return at once.
type Tower struct {
	pins   Pins
	tick   <-chan time.Time
	fail   func(error)
	change chan struct{} // holds one
	stop   chan struct{}
	done   chan struct{}

	mu       sync.Mutex
	state    State
	silenced uint64 // the fault up to which the buzzer is silent
}

// New makes a tower that is dark and starts to drive it. tick gives the beat, each
// Beat; nil takes the clock's. fail is told when a line could not be driven, and
// nil when all of them can again.
func New(pins Pins, tick <-chan time.Time, fail func(error)) *Tower {
	t := &Tower{pins: pins, tick: tick, fail: fail,
		change: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go t.run()
	return t
}

// Show changes what the tower shows.
func (t *Tower) Show(s State) {
	t.mu.Lock()
	t.state = s
	t.mu.Unlock()
	t.wake()
}

// Silence ends the buzzer until the next fault.
func (t *Tower) Silence() {
	t.mu.Lock()
	t.silenced = t.state.Fault
	t.mu.Unlock()
	t.wake()
}

func (t *Tower) wake() {
	select {
	case t.change <- struct{}{}:
	default:
	}
}

// Close makes the tower dark and waits.
func (t *Tower) Close() error {
	close(t.stop)
	<-t.done
	return t.drive([5]bool{})
}

func (t *Tower) run() {
	defer close(t.done)
	tick := t.tick
	if tick == nil {
		ticker := time.NewTicker(Beat)
		defer ticker.Stop()
		tick = ticker.C
	}
	on, failing := true, false
	for {
		err := t.drive(t.levels(on))
		if failing || err != nil {
			t.fail(err)
		}
		failing = err != nil
		select {
		case <-t.stop:
			return
		case <-t.change:
		case <-tick:
			on = !on
		}
	}
}

// levels are the lines' levels in one half of the beat.
func (t *Tower) levels(on bool) [5]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.state
	var all [5]bool
	for n, l := range [4]Light{s.Red, s.Amber, s.Green, s.Blue} {
		all[n] = l == Steady || l == Flashing && on
	}
	all[4] = s.Fault > t.silenced && on
	return all
}

func (t *Tower) drive(levels [5]bool) error {
	var errs []error
	for n, pin := range [5]gpio.PinOut{t.pins.Red, t.pins.Amber, t.pins.Green, t.pins.Blue, t.pins.Buzzer} {
		if pin == nil {
			continue
		}
		if err := pin.Out(gpio.Level(levels[n])); err != nil {
			errs = append(errs, fmt.Errorf("tower: %s: %w", pin.Name(), err))
		}
	}
	return errors.Join(errs...)
}
