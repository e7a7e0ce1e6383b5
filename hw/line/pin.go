package line

import (
	"errors"
	"fmt"
	"time"

	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// Pin is a line of a GPIO chip, over the kernel's character device (uAPI v2).
// Levels are logical: an active-low line that is asserted reads High. It may be
// used from any goroutine.
type Pin struct {
	inbox
	request *request
	index   int // within the request
	name    string
	offset  int
	wants   gpio.Edge     // guarded by the inbox's state, as since is
	since   time.Duration // when it was set up: edges from before are stale

	// The reader's own.
	numbered bool
	number   uint32 // the kernel's number of the line's latest edge
	owed     int32  // edges missing in the request since then
}

// Lines are pins that were asked for together.
type Lines struct {
	pins     []*Pin
	requests []*request
}

// Consumer is the name by which others see that an appliance has a line.
const Consumer = "kensa"

// Options are how lines are asked for.
type Options struct {
	// Consumer is the name by which others see who has the lines; empty: Consumer.
	Consumer string
	// Thread is called once in the goroutine that reads the edges of each chip, to
	// set up its thread; nil: nothing.
	Thread func()
}

// OpenInputs takes lines for reading. The edges of each are reported from the
// first on, both kinds; In changes that.
func OpenInputs(o Options, specs ...Spec) (*Lines, error) {
	return open(o, specs, func(s Spec) (wiring, error) {
		return wiring{spec: s, edge: gpio.BothEdges}, s.CheckInput()
	})
}

// OpenOutputs takes lines for driving, at Low from the first moment on.
func OpenOutputs(o Options, specs ...Spec) (*Lines, error) {
	return open(o, specs, func(s Spec) (wiring, error) {
		return wiring{spec: s, output: true, edge: gpio.NoEdge}, s.CheckOutput()
	})
}

func open(o Options, specs []Spec, wire func(Spec) (wiring, error)) (l *Lines, err error) {
	if o.Consumer == "" {
		o.Consumer = Consumer
	}
	l = &Lines{pins: make([]*Pin, len(specs))}
	byChip := map[string][]int{}
	var chips []string
	for n, s := range specs {
		if len(byChip[s.Chip]) == 0 {
			chips = append(chips, s.Chip)
		}
		byChip[s.Chip] = append(byChip[s.Chip], n)
	}
	for _, name := range chips {
		if err := l.add(o, name, specs, byChip[name], wire); err != nil {
			return nil, errors.Join(fmt.Errorf("line: %w", err), l.Close())
		}
	}
	return l, nil
}

// add asks one chip for its lines.
func (l *Lines) add(o Options, name string, specs []Spec, which []int, wire func(Spec) (wiring, error)) error {
	c, err := findChip(name)
	if err != nil {
		return err
	}
	defer c.file.Close() // the request has a descriptor of its own
	r := &request{order: map[uint32]*Pin{}, wake: -1}
	var offsets []int
	edges := false
	for _, n := range which {
		w, err := wire(specs[n])
		if err != nil {
			return fmt.Errorf("%s: %w", specs[n], err)
		}
		offset, err := c.find(specs[n].Line)
		if err != nil {
			return err
		}
		if other := r.order[uint32(offset)]; other != nil {
			return fmt.Errorf("%s and %s: one and the same line %d of %s", other, specs[n], offset, c.name)
		}
		p := &Pin{request: r, index: len(r.pins), name: specs[n].Line, offset: offset, wants: w.edge}
		l.pins[n], r.order[uint32(offset)] = p, p
		r.pins, r.config, offsets = append(r.pins, p), append(r.config, w), append(offsets, offset)
		edges = edges || !w.output
	}
	if err := r.open(o.Consumer, c, offsets); err != nil {
		return err
	}
	l.requests = append(l.requests, r)
	if !edges {
		return nil
	}
	return l.follow(r, o.Thread)
}

// follow starts the reader of a request.
func (l *Lines) follow(r *request, thread func()) (err error) {
	if r.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return err
	}
	r.done = make(chan struct{})
	go func() {
		defer close(r.done)
		if thread != nil {
			thread()
		}
		if err := r.read(); err != nil {
			// Without its reader the line is as good as cut.
			for _, p := range r.pins {
				p.state.Change(func() { p.failure, p.closed = err, true })
			}
		}
	}()
	return nil
}

// Pins are the lines, in the order in which they were asked for.
func (l *Lines) Pins() []*Pin { return l.pins }

// Close gives the lines back. An output keeps or loses its level as its chip's
// driver has it.
func (l *Lines) Close() error {
	var errs []error
	for _, r := range l.requests {
		errs = append(errs, r.close())
	}
	return errors.Join(errs...)
}

// String implements conn.Resource.
func (p *Pin) String() string { return p.name }

// Name implements pin.Pin.
func (p *Pin) Name() string { return p.name }

// Number implements pin.Pin: the line's offset on its chip.
func (p *Pin) Number() int { return p.offset }

// wiring is how the line is set up now.
func (p *Pin) wiring() wiring {
	p.request.mu.RLock()
	defer p.request.mu.RUnlock()
	return p.request.config[p.index]
}

// Function implements pin.Pin.
func (p *Pin) Function() string {
	direction := "In"
	if p.wiring().output {
		direction = "Out"
	}
	return direction + "/" + p.Read().String()
}

// Halt implements conn.Resource: it ends edge detection until the next In, and a
// waiting WaitForEdge. An output stays as it is driven.
func (p *Pin) Halt() error {
	if p.wiring().output {
		return nil
	}
	return p.In(gpio.PullNoChange, gpio.NoEdge)
}

// In implements gpio.PinIn. It makes an output an input. It forgets the edges
// that were not read and numbers the next from 1.
func (p *Pin) In(pull gpio.Pull, edge gpio.Edge) error {
	if edge < gpio.NoEdge || edge > gpio.BothEdges {
		return fmt.Errorf("line: %s: %v is no kind of edge", p.name, edge)
	}
	since := Monotonic()
	err := p.request.change(p.index, func(w *wiring) {
		w.output, w.edge = false, edge
		if pull != gpio.PullNoChange {
			w.spec.Pull = pull
		}
	})
	if err != nil {
		return fmt.Errorf("line: %s: %w", p.name, err)
	}
	p.state.Change(func() {
		p.anew()
		p.wants, p.since = edge, since
	})
	return nil
}

// Read implements gpio.PinIn. The interface has no error: of a line that was
// closed it says Low. Level has one.
func (p *Pin) Read() gpio.Level {
	l, err := p.Level()
	return l && err == nil
}

// Level reads the line.
func (p *Pin) Level() (gpio.Level, error) {
	values := uapi.LineValues{Mask: uapi.NewLineBits(p.index)}
	err := p.request.use(func(fd uintptr) error { return uapi.GetLineValuesV2(fd, &values) })
	if err != nil {
		return gpio.Low, fmt.Errorf("line: %s: %w", p.name, err)
	}
	return values.Get(p.index) == 1, nil
}

// Pull implements gpio.PinIn.
func (p *Pin) Pull() gpio.Pull { return p.wiring().spec.Pull }

// DefaultPull implements gpio.PinIn: the kernel does not tell.
func (p *Pin) DefaultPull() gpio.Pull { return gpio.PullNoChange }

// Out implements gpio.PinOut. It makes an input an output.
func (p *Pin) Out(l gpio.Level) error {
	var err error
	if p.wiring().output {
		err = p.request.drive(p.index, l)
	} else {
		err = p.request.change(p.index, func(w *wiring) { w.output, w.level, w.edge = true, l, gpio.NoEdge })
	}
	if err != nil {
		return fmt.Errorf("line: %s: %w", p.name, err)
	}
	return nil
}

// drive sets an output's level, and remembers it for when another line of the
// request is set up anew.
func (r *request) drive(n int, l gpio.Level) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	values := uapi.LineValues{Mask: uapi.NewLineBits(n), Bits: uapi.LineBitmap(0).Set(n, bit(l))}
	if err := uapi.SetLineValuesV2(uintptr(r.fd), values); err != nil {
		return err
	}
	r.config[n].level = l
	return nil
}

// PWM implements gpio.PinOut; the character device has none.
func (p *Pin) PWM(gpio.Duty, physic.Frequency) error {
	return fmt.Errorf("line: %s: no PWM on a GPIO line; wire to a PWM channel", p.name)
}
