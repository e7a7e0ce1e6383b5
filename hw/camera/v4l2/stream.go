package v4l2

import (
	"errors"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"kensa/hw/camera"
	"kensa/hw/thread"
)

// stream is a camera from STREAMON to the last frame's release. Mapped memory
// outlives the device, so that lent frames stay readable.
type stream struct {
	device *Device
	shape  shape
	slots  []slot
	full   chan *slot    // filled by the driver, in order; room for all
	ended  chan struct{} // closed when no more frames come; err says why
	err    error
	wake   int // an eventfd that ends the wait for frames
	filled buffer

	lost, damaged counter

	mu     sync.Mutex // guards what follows
	over   bool       // the device is closed or about to be
	lentTo int        // slots whose memory is still read
}

// slot is one of the driver's buffers.
type slot struct {
	index  uint32
	memory []byte
	copied []byte // grey values out of a packed format; nil where memory is lent
	frame  camera.Frame
	empty  buffer // for queueing it
	back   func() // gives it back to the driver
}

// startStream asks for buffers, maps them and lets the camera run.
func startStream(d *Device, s shape, c Config) (*stream, error) {
	st := &stream{device: d, shape: s, ended: make(chan struct{}), wake: -1}
	err := st.allocate(c.Buffers)
	if err == nil {
		st.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	}
	kind := int32(typeVideoCapture)
	if err == nil {
		err = d.call("start", streamOn, unsafe.Pointer(&kind))
	}
	ready := make(chan error)
	if err == nil {
		go st.capture(c.Thread, ready)
		err = <-ready
	}
	if err != nil {
		return nil, errors.Join(err, st.release())
	}
	return st, nil
}

func (st *stream) allocate(buffers int) error {
	d := st.device
	r := requestBuffers{count: uint32(buffers), kind: typeVideoCapture, memory: memoryMapped}
	if err := d.call("ask for buffers", requestBuffersCall, unsafe.Pointer(&r)); err != nil {
		return err
	}
	if r.count < 2 {
		return fmt.Errorf("camera %s: %d buffers; want at least 2", d.path, r.count)
	}
	st.slots, st.full = make([]slot, r.count), make(chan *slot, r.count)
	for n := range st.slots {
		if err := st.mapSlot(n); err != nil {
			return err
		}
	}
	return nil
}

func (st *stream) mapSlot(n int) error {
	d, s := st.device, &st.slots[n]
	s.index = uint32(n)
	b := buffer{index: s.index, kind: typeVideoCapture, memory: memoryMapped}
	if err := d.call("look at a buffer", queryBuffer, unsafe.Pointer(&b)); err != nil {
		return err
	}
	if int(b.length) < st.shape.bytes() {
		return fmt.Errorf("camera %s: buffers of %d bytes; a frame takes %d", d.path, b.length, st.shape.bytes())
	}
	var err error
	if s.memory, err = d.sys.mapMemory(d.fd, int64(uint32(b.offset)), int(b.length)); err != nil {
		return explained(d.path, "map a buffer", err)
	}
	if st.shape.unpack != nil {
		f := st.shape.lent()
		s.copied = make([]byte, f.Stride*f.Height)
	}
	s.back = func() { st.giveBack(s) }
	return st.queue(s)
}

// queue gives a slot to the driver.
func (st *stream) queue(s *slot) error {
	s.empty = buffer{index: s.index, kind: typeVideoCapture, memory: memoryMapped}
	return st.device.call("queue a buffer", queueBuffer, unsafe.Pointer(&s.empty))
}

// capture takes filled buffers from the driver until the device fails or wake is
// written to. It has a thread to itself, which ends with it.
func (st *stream) capture(t thread.Settings, ready chan<- error) {
	defer close(st.ended)
	if err := t.Lock(); err != nil {
		st.err = err
		ready <- err
		return
	}
	ready <- nil
	var last sequence
	for {
		device, woken, err := st.device.sys.wait(st.device.fd, st.wake)
		if err != nil || woken {
			st.err = err
			return
		}
		if device {
			if st.err = st.dequeue(&last); st.err != nil {
				return
			}
		}
	}
}

// dequeue takes one buffer, if there is one.
func (st *stream) dequeue(last *sequence) error {
	b := &st.filled
	*b = buffer{kind: typeVideoCapture, memory: memoryMapped}
	err := st.device.sys.ioctl(st.device.fd, dequeueBuffer, unsafe.Pointer(b))
	if errors.Is(err, unix.EAGAIN) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", camera.ErrGone, explained(st.device.path, "take a frame", err))
	}
	if int(b.index) >= len(st.slots) {
		return fmt.Errorf("camera %s: buffer %d of %d", st.device.path, b.index, len(st.slots))
	}
	if b.flags&flagTimestampMask != flagMonotonic {
		return fmt.Errorf("camera %s: its frames carry no monotonic time stamp (flags %#x), so they cannot be paired with pulses", st.device.path, b.flags)
	}
	s := &st.slots[b.index]
	number, gap := last.next(b.sequence)
	st.lost.add(gap)
	if b.flags&flagError != 0 || int(b.bytesUsed) < st.shape.bytes() {
		st.damaged.add(1)
		return st.queue(s) // its number is missing from then on
	}
	s.frame = camera.Frame{Format: st.shape.lent(), Pix: s.memory[:st.shape.bytes()], Time: time.Duration(b.timestamp.Nano()), Sequence: number, Return: s.back}
	st.full <- s
	return nil
}

// lend makes a filled slot the reader's, unless the stream was stopped meanwhile.
func (st *stream) lend(s *slot) (*camera.Frame, error) {
	st.mu.Lock()
	over := st.over
	if !over {
		st.lentTo++
	}
	st.mu.Unlock()
	if over {
		return nil, camera.ErrGone
	}
	if s.copied != nil {
		st.shape.unpackAll(s.copied, s.memory)
		s.frame.Pix = s.copied
	}
	return &s.frame, nil
}

// giveBack returns a lent slot to the driver, or its memory to the system where
// the driver has gone.
func (st *stream) giveBack(s *slot) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.lentTo--
	if st.over {
		st.unmapWhenUnused()
		return
	}
	// A failure shows in the next wait as well, and there somebody is told.
	_ = st.queue(s)
}

// stop ends the stream. Lent frames stay readable.
func (st *stream) stop() error {
	var one = [8]byte{1} // an eventfd counts in eight bytes, in the machine's order; any count wakes
	_, err := unix.Write(st.wake, one[:])
	<-st.ended
	return errors.Join(err, st.release())
}

// release gives up device and memory, but for what is lent. Mapped memory keeps
// the device from being closed for good, so the buffers are given up by name: else
// the device would stay busy for the next start.
func (st *stream) release() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.over = true
	// A device that has gone fails here; closing it is enough then.
	kind, none := int32(typeVideoCapture), requestBuffers{kind: typeVideoCapture, memory: memoryMapped}
	_ = st.device.sys.ioctl(st.device.fd, streamOff, unsafe.Pointer(&kind))
	st.unmapWhenUnused()
	_ = st.device.sys.ioctl(st.device.fd, requestBuffersCall, unsafe.Pointer(&none))
	err := st.device.Close()
	if st.wake >= 0 {
		err = errors.Join(err, unix.Close(st.wake))
	}
	return err
}

// unmapWhenUnused unmaps the buffers once nobody reads them.
func (st *stream) unmapWhenUnused() {
	if st.lentTo > 0 {
		return
	}
	for n := range st.slots {
		if s := &st.slots[n]; s.memory != nil {
			// It was mapped with just these bounds, so it cannot fail.
			_ = st.device.sys.unmapMemory(s.memory)
			s.memory = nil
		}
	}
}
