package v4l2

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// call is one system call of a recording: what went in, what came out. Trailing
// zeros are left out of both.
type call struct {
	What   string `json:"what"` // open, ioctl, map, wait
	Number uint32 `json:"number,omitempty"`
	In     string `json:"in,omitempty"` // base64
	Out    string `json:"out,omitempty"`
	Errno  int    `json:"errno,omitempty"`
}

func (c call) err() error {
	if c.Errno == 0 {
		return nil
	}
	return unix.Errno(c.Errno)
}

func errnoOf(err error) int {
	var errno unix.Errno
	errors.As(err, &errno)
	return int(errno)
}

func pack(b []byte) string { return base64.StdEncoding.EncodeToString(bytes.TrimRight(b, "\x00")) }

// argument is the memory of a request's argument. A request on extended controls
// points to one more, which is given instead: the pointer itself means nothing.
func argument(request uintptr, p unsafe.Pointer) []byte {
	if request == getControls || request == setControls {
		c := (*extendedControls)(p).controls
		return unsafe.Slice((*byte)(unsafe.Pointer(c)), unsafe.Sizeof(*c))
	}
	return unsafe.Slice((*byte)(p), request>>16&0x3fff)
}

// recorder passes every call to the kernel and keeps it.
type recorder struct {
	kernel
	frames int // how many frames to keep; what comes after is left out

	mu    sync.Mutex
	calls []call
}

func (r *recorder) keep(c call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
}

func (r *recorder) ioctl(fd int, request uintptr, p unsafe.Pointer) error {
	memory := argument(request, p)
	in := pack(memory)
	err := r.kernel.ioctl(fd, request, p)
	if request == dequeueBuffer {
		if r.frames == 0 || err != nil {
			return err
		}
		r.frames--
		r.keep(call{What: "wait"})
	}
	r.keep(call{"ioctl", uint32(request), in, pack(memory), errnoOf(err)})
	return err
}

// player plays a recording back. Calls of one kind come in the recording's order;
// queueing, which happens when readers are done, in any. A call that was not
// recorded, or with another argument, is an error, and so is one left over.
type player struct {
	t       testing.TB
	mu      sync.Mutex
	waiting []call
	memory  [][]byte
	queued  map[byte]bool // buffers that the driver has
	filling int           // an eventfd that tells of one more
	opened  int
}

// play loads a recording, with some calls made to fail.
func play(t testing.TB, name string, faults map[uintptr]unix.Errno) *player {
	t.Helper()
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the recordings are of a 64-bit kernel")
	}
	text, err := os.ReadFile("testdata/" + name + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	p := &player{t: t, queued: map[byte]bool{}}
	if p.filling, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var c call
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		if errno, ok := faults[uintptr(c.Number)]; ok && c.What == "ioctl" {
			c.Errno = int(errno)
		}
		p.waiting = append(p.waiting, c)
	}
	t.Cleanup(func() {
		unix.Close(p.filling)
		if t.Failed() {
			return
		}
		if p.opened != 0 || len(p.memory) != 0 {
			t.Errorf("%d devices open, %d buffers mapped at the end", p.opened, len(p.memory))
		}
		if len(p.waiting) != 0 && faults == nil {
			t.Errorf("not used: %d calls, the first %+v", len(p.waiting), p.waiting[0])
		}
	})
	return p
}

// take removes the next call of a kind.
func (p *player) take(what string, number uint32, in string) (call, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.waiting, func(c call) bool {
		return c.What == what && c.Number == number && (uintptr(number) != queueBuffer || c.In == in)
	})
	if at < 0 {
		return call{}, false
	}
	c := p.waiting[at]
	p.waiting = slices.Delete(p.waiting, at, at+1)
	return c, true
}

func (p *player) open(path string) (int, error) {
	p.opened++
	return 1000, nil
}

func (p *player) close(int) error {
	p.opened--
	return nil
}

func (p *player) ioctl(_ int, request uintptr, argumentAt unsafe.Pointer) error {
	memory := argument(request, argumentAt)
	c, ok := p.take("ioctl", uint32(request), pack(memory))
	if !ok {
		p.t.Errorf("ioctl %d (%#x) %q: not recorded", request&0xff, request, pack(memory))
		return unix.ENOTTY
	}
	if in := pack(memory); in != c.In {
		p.t.Errorf("ioctl %d: in %q; recorded %q", request&0xff, in, c.In)
	}
	out, err := base64.StdEncoding.DecodeString(c.Out)
	if err != nil {
		p.t.Error(err)
	}
	if c.Errno == 0 {
		clear(memory[copy(memory, out):])
	}
	if request == queueBuffer {
		p.queue(memory[0])
	}
	return c.err()
}

func (p *player) queue(index byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queued[index] = true
	_, _ = unix.Write(p.filling, []byte{1, 1, 1, 1, 1, 1, 1, 1}) // it is only a bell
}

// mapMemory gives memory whose first bytes tell its offset.
func (p *player) mapMemory(_ int, offset int64, length int) ([]byte, error) {
	b := make([]byte, length)
	copy(b, fmt.Sprint(offset))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.memory = append(p.memory, b)
	return b, nil
}

func (p *player) unmapMemory(b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.memory = slices.DeleteFunc(p.memory, func(m []byte) bool { return &m[0] == &b[0] })
	return nil
}

// wait gives the recorded frames, each as soon as its buffer is queued.
func (p *player) wait(_, wake int) (device, woken bool, err error) {
	polled := [2]unix.PollFd{{Fd: int32(wake), Events: unix.POLLIN}, {Fd: int32(p.filling), Events: unix.POLLIN}}
	for !p.fill() {
		if _, err := unix.Poll(polled[:], -1); err != nil && !errors.Is(err, unix.EINTR) {
			return false, false, err
		}
		if polled[0].Revents != 0 {
			return false, true, nil
		}
		var count [8]byte
		_, _ = unix.Read(p.filling, count[:]) // it is only a bell
	}
	return true, false, nil
}

// fill reports whether the next recorded frame has its buffer, and takes that.
func (p *player) fill() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.waiting, func(c call) bool { return c.What == "wait" })
	frame := slices.IndexFunc(p.waiting, func(c call) bool { return uintptr(c.Number) == dequeueBuffer })
	if at < 0 || frame < 0 {
		return false
	}
	out, err := base64.StdEncoding.DecodeString(p.waiting[frame].Out)
	index := append(out, 0)[0]
	if err != nil || !p.queued[index] {
		return false
	}
	delete(p.queued, index)
	p.waiting = slices.Delete(p.waiting, at, at+1)
	return true
}

// The scenes that are recorded, and played back by the tests.
const recordedFrames = 5

var recordedMode = Mode{Input: webcam, Format: "Y12", Width: 320, Height: 180, Rate: 30}

func recordStream(t testing.TB, sys system, controls ...string) *Camera {
	t.Helper()
	c, err := New(Config{Path: vivid, Mode: recordedMode, Buffers: 4, Controls: controls})
	if err != nil {
		t.Fatal(err)
	}
	c.sys = sys
	return c
}

// TestVividRecord makes the recordings anew and checks that the kernel is still
// asked the same and answers alike. Where it does not, it prints them: each is a
// file in testdata.
func TestVividRecord(t *testing.T) {
	inMachine(t)
	stream := &recorder{frames: recordedFrames}
	c := recordStream(t, stream, "test_pattern=Gray Ramp")
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range recordedFrames {
		next(t, c).Release()
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	controls := &recorder{}
	d, err := openDevice(controls, vivid)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Inputs(); err != nil {
		t.Error(err)
	}
	if _, err := d.Controls(); err != nil {
		t.Error(err)
	}
	if err := d.Set("integer_64_bits", "12"); err != nil {
		t.Error(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	wantRecording(t, "stream", stream.calls)
	wantRecording(t, "controls", controls.calls)
}

// wantRecording compares what was asked, and with what success, with a recording.
func wantRecording(t *testing.T, name string, calls []call) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".jsonl")
	if err != nil {
		t.Error(err)
	}
	var now, before []string
	var whole strings.Builder
	asked := func(c call) string { return fmt.Sprint(c.What, c.Number, c.In, c.Errno) }
	for _, c := range calls {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&whole, "%s.jsonl %s\n", name, line)
		now = append(now, asked(c))
	}
	for line := range strings.Lines(string(text)) {
		var c call
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		before = append(before, asked(c))
	}
	slices.Sort(now) // threads' calls mix by chance
	slices.Sort(before)
	if !slices.Equal(now, before) {
		t.Errorf("not as recorded; renew the recording:\n%s", &whole)
	}
}
