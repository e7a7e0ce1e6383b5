package display

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"kensa/vision/wafer"
)

// errTooMany says that no more screens fit.
var errTooMany = errors.New("display: too many screens")

// queueLength is how many events a screen may lag behind before it is dropped;
// it then connects again and gets the whole state.
const queueLength = 256

// maxImageBytes bounds the crops kept of the wafer on the chuck.
const maxImageBytes = 32 << 20

// event is a change as it goes to the screens.
type event struct {
	name string
	data []byte // JSON without line breaks
}

// Board keeps the state that all screens show and passes changes on to them.
// Its methods may be called from any goroutine and never wait for a screen.
type Board struct {
	mu         sync.Mutex
	state      State
	images     map[int][]byte // of the run's defects, by number
	imageBytes int
	runs       uint64
	observers  []func(Change)
	screens    map[chan event]struct{}
}

// NewBoard starts with a state: the tool's name, the connections, wafers
// finished before. The Board owns its slices from then on.
func NewBoard(s State) *Board {
	b := &Board{state: s, images: map[int][]byte{}, screens: map[chan event]struct{}{}}
	b.state.Connections = nonNil(s.Connections)
	b.state.Alarms = nonNil(s.Alarms)
	b.state.Finished = nonNil(s.Finished)
	b.state.Finished = b.state.Finished[:min(len(s.Finished), MaxFinished)]
	return b
}

// nonNil keeps JSON's null out of lists.
func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// Status is the status that the screens show.
func (b *Board) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state.Status
}

// Apply takes a change in and passes it on. The Board owns the change's slices
// from then on. The error tells of a change that does not fit the state, such
// as a field without a wafer; nothing has changed then.
func (b *Board) Apply(c Change) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	c = b.prepare(c)
	if err := c.apply(&b.state); err != nil {
		return err
	}
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("display: event %s: %w", c.name(), err)
	}
	for _, observe := range b.observers {
		observe(c)
	}
	b.send(event{c.name(), data})
	return nil
}

// prepare completes what a caller may leave out, and takes the images, which
// are fetched by number and not part of the event.
func (b *Board) prepare(c Change) Change {
	switch c := c.(type) {
	case WaferStarted:
		b.runs++
		clear(b.images)
		b.imageBytes = 0
		return WaferStarted{startOf(c.Run, b.runs)}
	case FieldDone:
		c.Dies, c.Defects = nonNil(c.Dies), nonNil(c.Defects)
		for n := range c.Defects {
			d := &c.Defects[n]
			d.HasImage = b.keepImage(d.Number, d.PNG)
			d.PNG = nil
		}
		return c
	}
	return c
}

func (b *Board) keepImage(number int, png []byte) bool {
	if len(png) == 0 || b.imageBytes+len(png) > maxImageBytes {
		return false
	}
	b.images[number] = png
	b.imageBytes += len(png)
	return true
}

// startOf is a run at its beginning.
func startOf(r Run, number uint64) Run {
	g := r.Geometry
	r.Run, r.Wafer, r.Field, r.FieldsDone, r.FieldsLost = number, 0, 0, 0, 0
	r.DieMap = DieMap{Geometry: g, Reasons: map[int]string{}, Legend: nonNil(slices.Clone(r.Legend)), Defects: []Defect{}}
	r.Geometry.Dies, r.Geometry.Fields = nonNil(slices.Clone(g.Dies)), nonNil(g.Fields)
	r.Bins = slices.Repeat([]wafer.Bin{Pending}, len(g.Dies))
	return r
}

// send queues an event for every screen and drops those whose queue is full.
func (b *Board) send(e event) {
	for screen := range b.screens {
		select {
		case screen <- e:
		default:
			delete(b.screens, screen)
			close(screen)
		}
	}
}

// JSON is the state now.
func (b *Board) JSON() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.json()
}

func (b *Board) json() ([]byte, error) {
	b.state.Time = time.Now()
	data, err := json.Marshal(b.state)
	if err != nil {
		return nil, fmt.Errorf("display: state: %w", err)
	}
	return data, nil
}

// subscribe returns the state now and every event after it. The channel is
// closed when its reader lags too far behind. Cancel must be called.
func (b *Board) subscribe() (state []byte, events <-chan event, cancel func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.screens) >= maxScreens {
		return nil, nil, nil, fmt.Errorf("%w: %d are connected", errTooMany, maxScreens)
	}
	if state, err = b.json(); err != nil {
		return nil, nil, nil, err
	}
	screen := make(chan event, queueLength)
	b.screens[screen] = struct{}{}
	return state, screen, func() { b.leave(screen) }, nil
}

func (b *Board) leave(screen chan event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.screens, screen)
}

// observe calls f for every change from now on, under the Board's lock.
func (b *Board) observe(f func(Change)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.observers = append(b.observers, f)
}

// image is the crop of a defect of the run with this number.
func (b *Board) image(run uint64, defect int) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state.Run == nil || b.state.Run.Run != run {
		return nil, fmt.Errorf("run %d: %w; it is no longer on the chuck", run, ErrNotFound)
	}
	png, ok := b.images[defect]
	if !ok {
		return nil, fmt.Errorf("run %d: defect %d: image %w", run, defect, ErrNotFound)
	}
	return png, nil
}
