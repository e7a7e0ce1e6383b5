package v4l2

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"kensa/hw/camera"
	"kensa/hw/line"
)

// The kernel's virtual camera, in the virtual machine. Its second input is a
// HDMI socket: 60 frames a second at 1280×720.
const (
	vivid  = "/dev/video0"
	webcam = 0
	hdmi   = 1
)

func inMachine(t *testing.T) {
	t.Helper()
	if os.Getenv("KENSA_VM") == "" {
		t.Skip("needs the virtual machine: make test-vm")
	}
}

// device opens the virtual camera for its controls.
func device(t *testing.T) *Device {
	t.Helper()
	inMachine(t)
	d, err := Open(vivid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func set(t *testing.T, d *Device, name, value string) {
	t.Helper()
	if err := d.Set(name, value); err != nil {
		t.Fatal(err)
	}
}

// usual is the mode of the tests' stream.
var usual = Mode{Input: hdmi, Format: "GREY", Width: 1280, Height: 720, Rate: 60}

// running starts the virtual camera, which is stopped at the test's end.
func running(t *testing.T, m Mode, controls ...string) *Camera {
	t.Helper()
	inMachine(t)
	c, err := New(Config{Path: vivid, Mode: m, Controls: controls})
	if err != nil {
		t.Fatal(err)
	}
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

func next(t testing.TB, c *Camera) *camera.Frame {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	f, err := c.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestVividGivesEveryFrameInTime(t *testing.T) {
	// vivid stamps the ends of frames before they happen.
	c := running(t, usual, "timestamp_source=Start of Exposure")
	frames := 10_000
	if testing.Short() {
		frames = 600
	}
	period := time.Second / 60
	var last time.Duration
	for n := 1; n <= frames; n++ {
		f := next(t, c)
		if f.Sequence != uint64(n) {
			t.Fatalf("frame %d has number %d", n, f.Sequence)
		}
		if f.Width != 1280 || f.Height != 720 || f.Depth != 8 || len(f.Pix) != 1280*720 {
			t.Fatalf("%+v, %d bytes", f.Format, len(f.Pix))
		}
		now := line.Monotonic()
		// vivid's first frame comes as soon as it is started, the others at their time.
		if age := now - f.Time; age < 0 || age > period {
			t.Errorf("frame %d: stamped %v before it came", n, age)
		}
		if step := f.Time - last; n > 2 && (step < period/2 || step > 3*period/2) {
			t.Errorf("frame %d: %v after the one before", n, step)
		}
		last = f.Time
		f.Release()
	}
	if s := c.Statistics(); s != (Statistics{}) {
		t.Errorf("%+v", s)
	}
	t.Logf("%d frames of 1280×720 at %.4g/s without a gap", frames, c.Chosen().Rate)
}

func TestVividNothingIsAllocatedForAFrame(t *testing.T) {
	for _, format := range []string{"GREY", "YUYV"} {
		m := usual
		m.Format = format
		c := running(t, m)
		ctx := context.Background()
		allocations := testing.AllocsPerRun(60, func() {
			f, err := c.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			f.Release()
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations a frame", format, allocations)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// at is a grey value scaled to 8 bits.
func at(f *camera.Frame, x, y int) int { return f.At(x, y) >> (f.Depth - 8) }

// Every format shows the same ramp from black to white. Those with colour encode
// grey in 16 to 235.
func TestVividFormatsAgree(t *testing.T) {
	var ramp [8]int
	for _, c := range []struct {
		format string
		depth  int
	}{{"GREY", 8}, {"Y10", 10}, {"Y12", 12}, {"Y16", 16}, {"NV12", 8}, {"NV16", 8}, {"YU12", 8}, {"YUYV", 8}, {"UYVY", 8}} {
		m := Mode{Input: webcam, Format: c.format, Width: 640, Height: 360}
		cam := running(t, m, "test_pattern=Gray Ramp", "osd_text_mode=None")
		f := next(t, cam)
		if f.Depth != c.depth {
			t.Errorf("%s: depth %d", c.format, f.Depth)
		}
		got := columns(t, f)
		t.Logf("%-4s %v", c.format, got)
		if c.format == "GREY" {
			ramp = got
		}
		for n, v := range got {
			want := ramp[n]
			if strings.ContainsAny(c.format, "UV") {
				want = 16 + (219*ramp[n]+127)/255
			}
			if v < want-2 || v > want+2 {
				t.Errorf("%s: column %d is %d; want %d", c.format, n, v, want)
			}
		}
		f.Release()
		if err := cam.Close(); err != nil {
			t.Error(err)
		}
	}
	for n := 1; n < len(ramp); n++ {
		if ramp[n] < ramp[n-1]+20 {
			t.Errorf("%v; want a ramp", ramp)
		}
	}
}

// columns are grey values across the frame, which must be the same in all rows.
func columns(t *testing.T, f *camera.Frame) (values [8]int) {
	t.Helper()
	for n := range values {
		x := (2*n + 1) * f.Width / 16
		values[n] = at(f, x, 0)
		for y := range f.Height {
			if v := at(f, x, y); v != values[n] {
				t.Fatalf("column %d: %d in row %d, %d in row 0", x, v, y, values[n])
			}
		}
	}
	return values
}
