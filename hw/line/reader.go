package line

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/gpio"
)

// eventSize is the kernel's struct gpio_v2_line_event.
const eventSize = int(unsafe.Sizeof(uapi.LineEvent{}))

// read takes the request's edges until close. It keeps its thread: an edge that
// waits for the scheduler is stamped rightly all the same, but frees its place
// in the kernel's buffer late.
func (r *request) read() error {
	buffer := make([]byte, 64*eventSize)
	fds := []unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN}, {Fd: int32(r.wake), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("line: %w", err)
		}
		if fds[1].Revents != 0 {
			return nil
		}
		if fds[0].Revents == 0 {
			continue
		}
		n, err := unix.Read(r.fd, buffer)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("line: %w", err)
		}
		for at := 0; at+eventSize <= n; at += eventSize {
			r.take(decode(buffer[at:]))
		}
	}
}

// decode reads one event of the kernel's, in its own byte order.
func decode(b []byte) uapi.LineEvent {
	order := binary.NativeEndian
	return uapi.LineEvent{
		Timestamp: order.Uint64(b), ID: uapi.LineEventID(order.Uint32(b[8:])),
		Offset: order.Uint32(b[12:]), Seqno: order.Uint32(b[16:]), LineSeqno: order.Uint32(b[20:]),
	}
}

// take hands an edge to its line, with the edges lost before it.
//
// The line's own number shows what the full buffer dropped. The request's shows
// that and also edges that the kernel merged, since two came before its thread
// had looked; whose they were it does not say. So each line is told of all that is
// missing since its own latest edge: a pulse too many told as lost costs a look
// at the wafer's count, one too few would be a wrong map.
func (r *request) take(e uapi.LineEvent) {
	p, known := r.order[e.Offset]
	if !known {
		return
	}
	missing := int32(0)
	if r.started {
		missing = int32(e.Seqno - r.last - 1)
	}
	if missing >= 0 {
		r.started, r.last = true, e.Seqno
	}
	for _, other := range r.pins {
		other.owed += max(missing, 0)
	}
	dropped := int32(0)
	if p.numbered {
		dropped = int32(e.LineSeqno - p.number - 1)
	}
	p.numbered, p.number = true, e.LineSeqno
	p.push(time.Duration(e.Timestamp), e.ID == uapi.LineEventRisingEdge, uint64(max(p.owed, dropped, 0)))
	p.owed = 0
}

// push enters an edge, unless it is from before the line was set up as it is.
func (p *Pin) push(at time.Duration, rising bool, lost uint64) {
	p.state.Change(func() {
		if at < p.since || !wanted(p.wants, rising) {
			return
		}
		p.sequence += lost + 1
		p.events.push(Event{Time: at, Sequence: p.sequence, Level: gpio.Level(rising)})
	})
}

// wanted reports whether an edge is of the kind asked for.
func wanted(kind gpio.Edge, rising bool) bool {
	return kind == gpio.BothEdges || kind == gpio.RisingEdge && rising || kind == gpio.FallingEdge && !rising
}
