package v4l2

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"kensa/hw/camera"
	"kensa/hw/thread"
)

func started(t *testing.T, p *player, controls ...string) *Camera {
	t.Helper()
	c := recordStream(t, p, controls...)
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestFramesAreLentInTheDriversMemory(t *testing.T) {
	p := play(t, "stream", nil)
	c := started(t, p, "test_pattern=Gray Ramp")
	if got, want := c.Chosen(), (Chosen{"Y12", 320, 180, 30}); got != want {
		t.Errorf("chosen %+v; want %+v", got, want)
	}
	var last time.Duration
	for n := uint64(1); n <= recordedFrames; n++ {
		f := next(t, c)
		if want := (camera.Format{Width: 320, Height: 180, Stride: 640, Depth: 12}); f.Format != want || len(f.Pix) != 640*180 {
			t.Fatalf("%+v, %d bytes; want %+v", f.Format, len(f.Pix), want)
		}
		if !slices.ContainsFunc(p.memory, func(m []byte) bool { return &m[0] == &f.Pix[0] }) {
			t.Error("the pixels were copied")
		}
		if f.Sequence != n || f.Time <= last {
			t.Errorf("frame %d: number %d at %v, after one at %v", n, f.Sequence, f.Time, last)
		}
		last = f.Time
		f.Release()
	}
}

func TestALentFrameOutlivesTheCamera(t *testing.T) {
	p := play(t, "stream", map[uintptr]unix.Errno{})
	c := started(t, p, "test_pattern=Gray Ramp")
	f := next(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if len(p.memory) == 0 {
		t.Error("unmapped while a frame was lent")
	}
	f.Release()
	if len(p.memory) != 0 {
		t.Errorf("%d buffers still mapped", len(p.memory))
	}
	if _, err := c.Next(context.Background()); !errors.Is(err, camera.ErrGone) {
		t.Errorf("Next after Close: %v", err)
	}
	if err := c.Start(context.Background()); err == nil {
		t.Error("a closed camera started")
	}
}

func TestCloseAndContextEndAWait(t *testing.T) {
	p := play(t, "stream", map[uintptr]unix.Errno{})
	c := started(t, p, "test_pattern=Gray Ramp")
	for range recordedFrames {
		next(t, c).Release()
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("context: %v", err)
	}
	result := make(chan error)
	go func() {
		_, err := c.Next(context.Background())
		result <- err
	}()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-result; !errors.Is(err, camera.ErrGone) {
		t.Errorf("Close: %v", err)
	}
}

func TestWhatTheDriverRefuses(t *testing.T) {
	for _, c := range []struct {
		request uintptr
		errno   unix.Errno
		want    string
	}{
		{setFormat, unix.EBUSY, "set the format: in use by another program"},
		{setInput, unix.EINVAL, "input 0; it has 0, from 0"},
		{requestBuffersCall, unix.ENOMEM, "ask for buffers: cannot allocate memory"},
		{queryBuffer, unix.EINVAL, "look at a buffer"},
		{queueBuffer, unix.EIO, "queue a buffer"},
		{streamOn, unix.ENOSPC, "start: no space left on device"}, // a USB bus without room
		{queryCapability, unix.ENOTTY, "not a V4L2 device"},
		{setControl, unix.ERANGE, "set test_pattern"},
	} {
		p := play(t, "stream", map[uintptr]unix.Errno{c.request: c.errno, getInput: unix.ENOTTY, enumInputs: unix.EINVAL})
		if c.request == setInput { // it lists what there is
			p.waiting = append(p.waiting, call{What: "ioctl", Number: uint32(getInput), Errno: int(unix.ENOTTY)}, call{What: "ioctl", Number: uint32(enumInputs), Errno: int(unix.EINVAL)})
		}
		err := recordStream(t, p, "test_pattern=Gray Ramp").Start(context.Background())
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, c.errno) || !strings.Contains(err.Error(), vivid) {
			t.Errorf("%v: %v; want %s", c.errno, err, c.want)
		}
		if p.opened != 0 || len(p.memory) != 0 {
			t.Errorf("%v: %d devices open, %d buffers mapped", c.errno, p.opened, len(p.memory))
		}
	}
}

func TestAnUnpluggedCameraIsGone(t *testing.T) {
	p := play(t, "stream", map[uintptr]unix.Errno{dequeueBuffer: unix.ENODEV})
	c := started(t, p, "test_pattern=Gray Ramp")
	if _, err := c.Next(context.Background()); !errors.Is(err, camera.ErrGone) || !errors.Is(err, unix.ENODEV) {
		t.Errorf("%v", err)
	}
}

func TestFramesWithoutAMonotonicTimeAreRefused(t *testing.T) {
	p := play(t, "stream", map[uintptr]unix.Errno{})
	for n := range p.waiting {
		if c := &p.waiting[n]; c.Number == uint32(dequeueBuffer) {
			c.Out = pack([]byte{12: 0x03}) // index 0, mapped and queued, no kind of time
		}
	}
	c := started(t, p, "test_pattern=Gray Ramp")
	if _, err := c.Next(context.Background()); err == nil || !strings.Contains(err.Error(), "no monotonic time stamp") {
		t.Errorf("%v", err)
	}
}

func TestConfigurationsThatMakeNoSense(t *testing.T) {
	for want, c := range map[string]Config{
		"no device given":                   {},
		"33 buffers; want 2 to 32":          {Path: "x", Buffers: 33},
		"1 buffers; want 2 to 32":           {Path: "x", Buffers: 1},
		"-1 frames/s; want 0 to 4000":       {Path: "x", Mode: Mode{Rate: -1}},
		"priority: 100; want 0 to 99":       {Path: "x", Thread: thread.Settings{Priority: 100}},
		`control "gain:3"; want NAME=VALUE`: {Path: "x", Controls: []string{"gain:3"}},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

func TestControlsAreReadAndSet(t *testing.T) {
	p := play(t, "controls", nil)
	d, err := openDevice(p, vivid)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := d.Info(), (Info{vivid, "vivid", "vivid", "platform:vivid-000"}); got != want {
		t.Errorf("%+v; want %+v", got, want)
	}
	inputs, err := d.Inputs()
	if err != nil || len(inputs) != 2 || !inputs[0].Chosen || !strings.HasPrefix(inputs[1].Name, "HDMI") {
		t.Errorf("%+v, %v", inputs, err)
	}
	all, err := d.Controls()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Control{}
	for _, c := range all {
		byName[c.Name] = c
	}
	for name, want := range map[string]string{
		"contrast":        "integer 128: 0 to 255",
		"boolean":         "boolean true: false or true",
		"button":          "button : press",
		"bitmask":         "bitmask 2147491840: 0 to 2151686160, bits of 0x80402010",
		"integer_menu":    "menu 5: one of 2 2, 3 3, 4 5, 5 8, 6 13, 7 21, 8 42",
		"integer_64_bits": "integer 0: -9223372036854775808 to 9223372036854775807",
		"osd_text_mode":   "menu All: one of 0 All, 1 Counters Only, 2 None",
	} {
		c, ok := byName[name]
		if got := c.Kind + " " + c.Value + ": " + c.Range(); !ok || got != want {
			t.Errorf("%s: %s; want %s", name, got, want)
		}
	}
	if err := d.Set("integer_64_bits", "12"); err != nil {
		t.Error(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestAControlTakesWhatItsRangeAllows(t *testing.T) {
	for _, c := range []struct {
		control Control
		value   string
		want    int64
		wrong   string
	}{
		{Control{kind: kindInteger, Minimum: 100, Maximum: 10000, Step: 50}, "150", 150, ""},
		{Control{kind: kindInteger, Minimum: 100, Maximum: 10000, Step: 50}, "160", 0, `"160"; want 100 to 10000 in steps of 50`},
		{Control{kind: kindInteger, Minimum: 100, Maximum: 10000, Step: 50}, "99", 0, "want 100"},
		{Control{kind: kindInteger, Minimum: -8, Maximum: 8, Step: 4}, "-4", -4, ""},
		{Control{kind: kindInteger, Maximum: 8}, "1e3", 0, "want 0 to 8"},
		{Control{kind: kindInteger64, Minimum: -1 << 63, Maximum: 1<<63 - 1, Step: 1}, "-9223372036854775808", -1 << 63, ""},
		{Control{kind: kindBoolean}, "true", 1, ""},
		{Control{kind: kindBoolean}, "maybe", 0, "want false or true"},
		{Control{kind: kindMenu, menu: []item{{0, "Off"}, {3, "On"}}, Items: []string{"0 Off", "3 On"}}, "on", 3, ""},
		{Control{kind: kindMenu, menu: []item{{0, "Off"}, {3, "On"}}, Items: []string{"0 Off", "3 On"}}, "1", 0, "want one of 0 Off, 3 On"},
		{Control{kind: kindIntegerMenu, menu: []item{{0, "7"}, {1, "42"}}}, "42", 1, ""}, // what it means comes before its number
		{Control{kind: kindBitmask, Maximum: 6}, "0x4", 4, ""},
		{Control{kind: kindBitmask, Maximum: 6}, "1", 0, "bits of 0x6"},
		{Control{kind: kindButton}, "press", 0, ""},
		{Control{kind: kindButton}, "1", 0, "want press"},
	} {
		got, err := c.control.parse(c.value)
		if c.wrong == "" && (err != nil || got != c.want) || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%q: %d, %v; want %d %s", c.value, got, err, c.want, c.wrong)
		}
	}
	for name, want := range map[string]string{"Exposure Time, Absolute": "exposure_time_absolute", "75% Bar": "75_bar", "": ""} {
		if got := controlName(name); got != want {
			t.Errorf("%q: %q; want %q", name, got, want)
		}
	}
}

// Numbers never repeat or fall, and what they leave out is what was lost.
func TestSequenceGoesOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.Uint32().Draw(t, "start")
		steps := rapid.SliceOf(rapid.Uint32Range(1, 1000)).Draw(t, "steps")
		var s sequence
		before, _ := s.next(start)
		if before < 1 {
			t.Fatal("numbers begin at 1")
		}
		at := start
		for _, step := range steps {
			at += step
			number, lost := s.next(at)
			if number != before+uint64(step) || lost != uint64(step)-1 {
				t.Fatalf("%d, %d lost; want %d, %d", number, lost, before+uint64(step), step-1)
			}
			before = number
		}
		if number, lost := s.next(at); number != before+1 || lost != 0 {
			t.Fatalf("a number that stays: %d, %d lost", number, lost)
		}
	})
	var s sequence
	if number, lost := s.next(2); number != 3 || lost != 2 {
		t.Errorf("the first frame is the third: %d, %d lost", number, lost)
	}
}

// pack10 and pack12 are MIPI CSI-2's packing as its specification draws it.
func pack10(values []uint16) (packed []byte) {
	for ; len(values) > 0; values = values[4:] {
		low := byte(0)
		for n, v := range values[:4] {
			packed = append(packed, byte(v>>2))
			low |= byte(v&3) << (2 * n)
		}
		packed = append(packed, low)
	}
	return packed
}

func pack12(values []uint16) (packed []byte) {
	for ; len(values) > 0; values = values[2:] {
		packed = append(packed, byte(values[0]>>4), byte(values[1]>>4), byte(values[0]&15)|byte(values[1]&15)<<4)
	}
	return packed
}

func TestPackedValuesComeOutWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, c := range []struct {
			name string
			bits int
			pack func([]uint16) []byte
		}{{"Y10P", 10, pack10}, {"Y12P", 12, pack12}} {
			width, height := rapid.IntRange(1, 33).Draw(t, "width"), rapid.IntRange(1, 3).Draw(t, "height")
			whole := (width + 3) / 4 * 4
			extra := rapid.IntRange(0, 7).Draw(t, "extra")
			var rows [][]uint16
			var memory []byte
			stride := len(c.pack(make([]uint16, whole))) + extra
			for range height {
				row := rapid.SliceOfN(rapid.Uint16Range(0, 1<<c.bits-1), whole, whole).Draw(t, "row")
				rows = append(rows, row)
				memory = append(memory, append(c.pack(row), make([]byte, extra)...)...)
			}
			s, err := newShape(pixelFormat{width: uint32(width), height: uint32(height), format: uint32(fourCC(c.name)), bytesPerLine: uint32(stride)})
			if err != nil {
				t.Fatal(err)
			}
			f := s.lent()
			out := make([]byte, f.Stride*f.Height)
			s.unpackAll(out, memory[:s.bytes()])
			for y, row := range rows {
				for x := range width {
					if got := binary.LittleEndian.Uint16(out[y*f.Stride+2*x:]); got != row[x] {
						t.Fatalf("%s: pixel %d,%d is %#x; want %#x", c.name, x, y, got, row[x])
					}
				}
			}
		}
	})
}

func TestLuminanceOfColour(t *testing.T) {
	memory := []byte{1, 100, 2, 101, 3, 102, 4, 103}
	for name, want := range map[string][]byte{"YUYV": {1, 2, 3}, "YVYU": {1, 2, 3}, "UYVY": {100, 101, 102}, "VYUY": {100, 101, 102}} {
		s, err := newShape(pixelFormat{width: 3, height: 1, format: uint32(fourCC(name)), bytesPerLine: 8})
		if err != nil {
			t.Fatal(err)
		}
		out := make([]byte, 3)
		s.unpackAll(out, memory[:s.bytes()])
		if !slices.Equal(out, want) {
			t.Errorf("%s: %v; want %v", name, out, want)
		}
	}
}

// Whatever a driver says of its format, no frame is read past its memory.
func FuzzShape(f *testing.F) {
	for n, l := range layouts {
		f.Add(uint32(l.format), uint32(n+1), uint32(3), uint32(16*n))
	}
	f.Fuzz(func(t *testing.T, format, width, height, stride uint32) {
		s, err := newShape(pixelFormat{format: format, width: width % 1000, height: height % 1000, bytesPerLine: stride % 10000})
		if err != nil {
			return
		}
		memory := make([]byte, s.bytes())
		lent := s.lent()
		if s.unpack != nil {
			s.unpackAll(make([]byte, lent.Stride*lent.Height), memory)
		}
		if last := lent.Stride*(lent.Height-1) + lent.Width*((lent.Depth+7)/8); s.unpack == nil && last > len(memory) {
			t.Errorf("%+v: a frame of %d bytes in %d", lent, last, len(memory))
		}
	})
}
