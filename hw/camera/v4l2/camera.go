// Package v4l2 is a camera behind a Linux V4L2 driver: a machine-vision camera on
// USB, a sensor on CSI, a frame grabber.
//
// Frames are lent in the memory into which the driver wrote them: GREY, Y10, Y12,
// Y16, and the grey plane of NV12 and its like. Grey values that are packed (Y10P,
// Y12P) or lie between colours (YUYV and its like) are unpacked, into memory that
// is allocated once. Nothing is allocated for a frame.
//
// Frame.Time is the driver's time stamp, on CLOCK_MONOTONIC: the start of exposure
// where the driver says so, else when the frame was there
// as a whole; the pairing's latency window takes up the difference. A frame that
// the driver dropped, or marked as damaged, is a gap in Frame.Sequence.
//
// The system calls are the package's own. Of the libraries looked at one needs
// cgo, another drops sequence numbers and time stamps.
//
// Not supported: drivers that know only the multi-planar interface, Bayer and
// compressed formats, and setting up a sensor's media pipeline, which the system
// has to do at boot (media-ctl).
package v4l2

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"kensa/hw/camera"
	"kensa/hw/thread"
)

// Config is which camera and how it is to run.
type Config struct {
	// Path of the device. One under /dev/v4l/by-id or by-path keeps naming the same
	// camera after it was unplugged.
	Path string
	Mode
	// Buffers is how many frames the driver may fill ahead, those lent included.
	Buffers int
	// Controls are set before the camera starts, in order, as NAME=VALUE; see
	// Device.Set.
	Controls []string
	// Thread is how the goroutine that takes frames from the driver runs.
	Thread thread.Settings
}

// Limits of Config.Buffers. The kernel allows no more than 32.
const (
	DefaultBuffers = 8
	MinBuffers     = 2
	MaxBuffers     = 32
)

// Camera implements camera.Camera. A closed camera does not start again.
type Camera struct {
	sys    system
	config Config

	mu     sync.Mutex // guards what follows
	stream *stream    // nil while stopped
	chosen Chosen
	closed chan struct{}
	past   Statistics // of the streams before this one
}

var _ camera.Camera = (*Camera)(nil)

// New makes a camera that is not open yet.
func New(c Config) (*Camera, error) {
	if c.Buffers == 0 {
		c.Buffers = DefaultBuffers
	}
	if c.Path == "" {
		return nil, fmt.Errorf("camera: no device given; there are: %s", names(List()))
	}
	if c.Buffers < MinBuffers || c.Buffers > MaxBuffers {
		return nil, fmt.Errorf("camera %s: %d buffers; want %d to %d", c.Path, c.Buffers, MinBuffers, MaxBuffers)
	}
	if c.Rate < 0 || c.Rate > 4000 {
		return nil, fmt.Errorf("camera %s: %g frames/s; want 0 to 4000", c.Path, c.Rate)
	}
	if err := c.Thread.Check(); err != nil {
		return nil, fmt.Errorf("camera %s: %w", c.Path, err)
	}
	if at := slices.IndexFunc(c.Controls, func(s string) bool { return !strings.Contains(s, "=") }); at >= 0 {
		return nil, fmt.Errorf("camera %s: control %q; want NAME=VALUE", c.Path, c.Controls[at])
	}
	return &Camera{sys: kernel{}, config: c, closed: make(chan struct{})}, nil
}

// Start implements camera.Camera: it opens the device, sets it up, and lets it
// run. Where it runs already, it is stopped first.
func (c *Camera) Start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.isClosed() {
		return camera.ErrGone
	}
	if err := c.stop(); err != nil {
		return err
	}
	d, err := openDevice(c.sys, c.config.Path)
	if err != nil {
		return err
	}
	st, chosen, err := c.setUp(d)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed() {
		_ = st.stop() // of a camera that nobody wants any more
		return camera.ErrGone
	}
	c.stream, c.chosen = st, chosen
	return nil
}

func (c *Camera) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// setUp brings an open device to streaming; it closes the device if it cannot.
func (c *Camera) setUp(d *Device) (*stream, Chosen, error) {
	s, chosen, err := d.configure(c.config.Mode)
	for _, text := range c.config.Controls {
		if err == nil {
			name, value, _ := strings.Cut(text, "=")
			err = d.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	if err != nil {
		_ = d.Close() // the first error is the one to tell
		return nil, chosen, err
	}
	st, err := startStream(d, s, c.config)
	return st, chosen, err
}

// Next implements camera.Camera.
func (c *Camera) Next(ctx context.Context) (*camera.Frame, error) {
	c.mu.Lock()
	st := c.stream
	c.mu.Unlock()
	if st == nil {
		return nil, fmt.Errorf("%w: not started", camera.ErrGone)
	}
	// A frame that has come counts, whatever happened since.
	select {
	case s := <-st.full:
		return st.lend(s)
	default:
	}
	select {
	case s := <-st.full:
		return st.lend(s)
	case <-st.ended:
		if st.err != nil {
			return nil, st.err
		}
		return nil, camera.ErrGone
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close implements camera.Camera.
func (c *Camera) Close() error {
	c.mu.Lock()
	if !c.isClosed() {
		close(c.closed)
	}
	c.mu.Unlock()
	return c.stop()
}

// stop ends the stream, if there is one.
func (c *Camera) stop() error {
	c.mu.Lock()
	st := c.stream
	c.stream = nil
	if st != nil {
		c.past = c.past.and(st)
	}
	c.mu.Unlock()
	if st == nil {
		return nil
	}
	return st.stop()
}

// Statistics count since the camera was made.
type Statistics struct {
	Lost    uint64 `json:"lost"`    // exposures that the driver counted and did not deliver
	Damaged uint64 `json:"damaged"` // delivered, but marked as damaged, or too short
}

func (s Statistics) and(st *stream) Statistics {
	return Statistics{s.Lost + st.lost.value(), s.Damaged + st.damaged.value()}
}

// Statistics returns the counts.
func (c *Camera) Statistics() Statistics {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream == nil {
		return c.past
	}
	return c.past.and(c.stream)
}

// Chosen returns what camera and program agreed on at the last Start.
func (c *Camera) Chosen() Chosen {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.chosen
}
