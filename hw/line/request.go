package line

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/gpio"
)

// request is a set of lines of one chip that the kernel gave us: one file
// descriptor, one event buffer, one sequence of edges.
//
// Lines are asked for together, because kernels up to 6.1 at least number the
// edges of a single line only after they may have been merged; those of several
// lines are numbered in the hard interrupt, where each edge counts.
type request struct {
	mu     sync.RWMutex // guards fd against Close, and config
	fd     int
	closed bool
	config []wiring
	pins   []*Pin
	order  map[uint32]*Pin // by offset

	wake int           // eventfd that ends the reader; -1 where there is none
	done chan struct{} // closed when the reader has ended

	// The reader's own.
	started bool
	last    uint32 // number of the latest edge within the request
}

// wiring is how one line is set up now.
type wiring struct {
	spec   Spec
	output bool
	level  gpio.Level
	edge   gpio.Edge
}

// open asks the kernel for the lines.
func (r *request) open(consumer string, c *chip, offsets []int) error {
	config, err := encode(r.config)
	if err != nil {
		return err
	}
	ask := uapi.LineRequest{Lines: uint32(len(offsets)), EventBufferSize: BufferSize, Config: config}
	copy(ask.Consumer[:len(ask.Consumer)-1], consumer)
	for n, offset := range offsets {
		ask.Offsets[n] = uint32(offset)
	}
	if err := uapi.GetLine(c.file.Fd(), &ask); err != nil {
		return c.explain(err, offsets)
	}
	r.fd = int(ask.Fd)
	return nil
}

// encode writes the wirings as the kernel wants them: flags that most have in
// common, attributes for the others.
func encode(all []wiring) (config uapi.LineConfig, err error) {
	flags, debounces := map[uapi.LineFlagV2]uapi.LineBitmap{}, map[time.Duration]uapi.LineBitmap{}
	var outputs, levels uapi.LineBitmap
	for n, w := range all {
		flags[w.flags()] = flags[w.flags()].Set(n, 1)
		if w.output {
			outputs = outputs.Set(n, 1)
			levels = levels.Set(n, bit(w.level))
		} else if w.spec.Debounce != 0 {
			debounces[w.spec.Debounce] = debounces[w.spec.Debounce].Set(n, 1)
		}
	}
	if len(flags)+len(debounces)+1 > len(config.Attrs) {
		return config, fmt.Errorf("line: %d kinds of set-up in one chip; the kernel takes %d", len(flags)+len(debounces), len(config.Attrs)-1)
	}
	config.Flags = all[0].flags()
	for f, mask := range flags {
		if f != config.Flags {
			config.AddAttribute(uapi.LineConfigAttribute{Attr: f.Encode(), Mask: mask})
		}
	}
	for d, mask := range debounces {
		config.AddAttribute(uapi.LineConfigAttribute{Attr: uapi.DebouncePeriod(d).Encode(), Mask: mask})
	}
	if outputs != 0 {
		config.AddAttribute(uapi.LineConfigAttribute{Attr: uapi.OutputValues(levels).Encode(), Mask: outputs})
	}
	return config, nil
}

func (w wiring) flags() uapi.LineFlagV2 {
	flags := uapi.LineFlagV2Input
	if w.output {
		flags = uapi.LineFlagV2Output
	}
	if w.spec.ActiveLow {
		flags |= uapi.LineFlagV2ActiveLow
	}
	switch w.spec.Pull {
	case gpio.PullUp:
		flags |= uapi.LineFlagV2BiasPullUp
	case gpio.PullDown:
		flags |= uapi.LineFlagV2BiasPullDown
	case gpio.Float:
		flags |= uapi.LineFlagV2BiasDisabled
	}
	if w.output {
		return flags | map[Drive]uapi.LineFlagV2{OpenDrain: uapi.LineFlagV2OpenDrain, OpenSource: uapi.LineFlagV2OpenSource}[w.spec.Drive]
	}
	return flags | map[gpio.Edge]uapi.LineFlagV2{
		gpio.RisingEdge: uapi.LineFlagV2EdgeRising, gpio.FallingEdge: uapi.LineFlagV2EdgeFalling, gpio.BothEdges: uapi.LineFlagV2EdgeBoth,
	}[w.edge]
}

func bit(l gpio.Level) int {
	if l {
		return 1
	}
	return 0
}

// use runs f with the file descriptor, unless the request is closed.
func (r *request) use(f func(fd uintptr) error) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return ErrClosed
	}
	return f(uintptr(r.fd))
}

// change sets one line up anew; the others stay as they are.
func (r *request) change(n int, how func(*wiring)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	before := r.config[n]
	how(&r.config[n])
	if r.config[n] == before && !before.output {
		return nil
	}
	config, err := encode(r.config)
	if err == nil {
		err = uapi.SetLineConfigV2(uintptr(r.fd), &config)
	}
	if err != nil {
		r.config[n] = before
	}
	return err
}

// close gives the lines back to the kernel and waits for the reader.
func (r *request) close() error {
	r.mu.Lock()
	closed := r.closed
	r.closed = true
	r.mu.Unlock()
	if closed {
		return nil
	}
	var errs []error
	if r.done != nil {
		one := [8]byte{1, 1, 1, 1, 1, 1, 1, 1}
		_, err := unix.Write(r.wake, one[:])
		errs = append(errs, err)
		<-r.done
		errs = append(errs, unix.Close(r.wake))
	}
	for _, p := range r.pins {
		p.close()
	}
	return errors.Join(append(errs, unix.Close(r.fd))...)
}
