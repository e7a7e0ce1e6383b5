package v4l2

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"kensa/hw/camera"
	"kensa/hw/line"
	"kensa/hw/thread"
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
func at(f *camera.Frame, x, y int) int {
	if f.Depth == 8 {
		return int(f.Pix[y*f.Stride+x])
	}
	return int(binary.LittleEndian.Uint16(f.Pix[y*f.Stride+2*x:])) >> (f.Depth - 8)
}

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

func TestVividDroppedBuffersAreGaps(t *testing.T) {
	d := device(t)
	c := running(t, usual)
	set(t, d, "percentage_of_dropped_buffers", "20")
	t.Cleanup(func() { set(t, d, "percentage_of_dropped_buffers", "0") })
	var last, gaps uint64
	for range 100 {
		f := next(t, c)
		gaps += f.Sequence - last - 1
		last = f.Sequence
		f.Release()
	}
	if s := c.Statistics(); gaps < 5 || s.Lost < gaps || s.Damaged != 0 {
		t.Errorf("%d numbers missing, %+v", gaps, s)
	}
}

func TestVividADamagedFrameIsAGap(t *testing.T) {
	d := device(t)
	c := running(t, usual)
	set(t, d, "inject_v4l2_buf_flag_error", "press")
	var last, missing uint64
	for range 20 {
		f := next(t, c)
		missing += f.Sequence - last - 1
		last = f.Sequence
		f.Release()
	}
	if s := c.Statistics(); missing != 1 || s.Damaged != 1 {
		t.Errorf("%d missing, %+v", missing, s)
	}
}

// The driver's numbers wrap at 2³²; ours go on.
func TestVividNumbersGoOnPastTheWrap(t *testing.T) {
	d := device(t)
	set(t, d, "wrap_sequence_number", "true")
	t.Cleanup(func() { set(t, d, "wrap_sequence_number", "false") })
	c := running(t, usual)
	var last uint64
	for n := range 300 { // vivid starts 128 before the wrap
		f := next(t, c)
		if n > 0 && f.Sequence != last+1 {
			t.Fatalf("%d after %d", f.Sequence, last)
		}
		last = f.Sequence
		f.Release()
	}
}

func TestVividComesBack(t *testing.T) {
	for _, fault := range []string{"disconnect", "inject_fatal_streaming_error"} {
		d := device(t)
		c := running(t, usual)
		held := next(t, c)
		before := held.Pix[0]
		set(t, d, fault, "press")
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		var err error
		for err == nil {
			var f *camera.Frame
			if f, err = c.Next(ctx); err == nil {
				f.Release()
			}
		}
		cancel()
		if !errors.Is(err, camera.ErrGone) {
			t.Fatalf("%s: %v; want %v", fault, err, camera.ErrGone)
		}
		t.Log(fault+":", err)
		if held.Pix[0] != before {
			t.Errorf("%s: a lent frame changed", fault)
		}
		held.Release() // vivid comes back when nobody uses it any more
		if err := c.Start(context.Background()); err != nil {
			t.Fatalf("%s: %v", fault, err)
		}
		for n := uint64(1); n <= 5; n++ {
			f := next(t, c)
			if f.Sequence != n {
				t.Errorf("%s: number %d; want %d", fault, f.Sequence, n)
			}
			f.Release()
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestVividStartFailsAndThenWorks(t *testing.T) {
	d := device(t)
	c := running(t, usual)
	for fault, want := range map[string]string{
		"inject_vidioc_streamon_error": "start: ",
		"inject_vidioc_reqbufs_error":  "ask for buffers: ",
		"inject_vidioc_qbuf_error":     "queue a buffer: ",
	} {
		set(t, d, fault, "press")
		err := c.Start(context.Background())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", fault, err, want)
		}
		if err := c.Start(context.Background()); err != nil {
			t.Fatalf("%s: the second time: %v", fault, err)
		}
		next(t, c).Release()
	}
}

func TestVividStopsAndRestarts(t *testing.T) {
	c := running(t, usual)
	for range 20 {
		f := next(t, c)
		if f.Sequence != 1 {
			t.Fatalf("number %d; want 1", f.Sequence)
		}
		if err := c.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		f.Release() // after its stream's end
	}
}

func TestVividAReaderWhoHoldsAllFramesLosesSome(t *testing.T) {
	c := running(t, usual)
	var held []*camera.Frame
	for range DefaultBuffers {
		held = append(held, next(t, c))
	}
	time.Sleep(time.Second)
	for _, f := range held {
		f.Release()
	}
	f := next(t, c)
	defer f.Release()
	if f.Sequence < 30 {
		t.Errorf("number %d after a second without a free buffer", f.Sequence)
	}
	if s := c.Statistics(); s.Lost < 30 {
		t.Errorf("%+v", s)
	}
}

func TestVividABusyCameraNamesWhoHasIt(t *testing.T) {
	running(t, usual)
	text := otherProcess(t, nil)
	if !strings.Contains(text, "in use by") || !strings.Contains(text, "(process ") || !strings.Contains(text, "busy") {
		t.Error(text)
	}
}

// otherProcess runs this test binary as another user's, or another's, program
// that starts the camera, and returns what it says.
func otherProcess(t *testing.T, as *syscall.Credential) string {
	t.Helper()
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "KENSA_HELPER=start")
	other.Dir, other.SysProcAttr = "/", &syscall.SysProcAttr{Credential: as}
	out, err := other.CombinedOutput()
	if err == nil {
		t.Errorf("it started: %s", out)
	}
	return string(out)
}

// helper is that program.
func helper() error {
	c, err := New(Config{Path: vivid, Mode: usual})
	if err != nil {
		return err
	}
	return errors.Join(c.Start(context.Background()), c.Close())
}

func TestMain(m *testing.M) {
	if os.Getenv("KENSA_HELPER") == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := helper(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestVividWhatIsNotOffered(t *testing.T) {
	inMachine(t)
	for name, c := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"size":     {func(c *Config) { c.Mode = Mode{Input: webcam, Format: "GREY", Width: 1281, Height: 1024} }, []string{"no GREY 1281×1024; it offers", "GREY Y10 Y12 Y16", ": 320×180 at 1, 2"}},
		"format":   {func(c *Config) { c.Format = "Y10P" }, []string{"no Y10P", "offers"}},
		"unknown":  {func(c *Config) { c.Format = "MJPG" }, []string{"format MJPG: not supported; want one of GREY"}},
		"rate":     {func(c *Config) { c.Mode = Mode{Input: webcam, Format: "GREY", Width: 640, Height: 360, Rate: 17} }, []string{"17 frames/s: not at 640×360 at"}},
		"input":    {func(c *Config) { c.Input = 7 }, []string{"input 7; it has 2, from 0"}},
		"control":  {func(c *Config) { c.Controls = []string{"exposre=1"} }, []string{`no control "exposre"; it has `, "brightness"}},
		"range":    {func(c *Config) { c.Controls = []string{"contrast=256"} }, []string{`contrast: "256"; want 0 to 255`}},
		"step":     {func(c *Config) { c.Controls = []string{"integer_32_bits=x"} }, []string{`"x"; want -2147483648 to 2147483647`}},
		"menu":     {func(c *Config) { c.Controls = []string{"test_pattern=Cat"} }, []string{`"Cat"; want one of 0 75% Colorbar`}},
		"bool":     {func(c *Config) { c.Controls = []string{"boolean=2"} }, []string{`"2"; want false or true`}},
		"priority": {func(c *Config) { c.Thread.CPUs = []int{63} }, []string{"thread: cpus [63]"}},
		"device":   {func(c *Config) { c.Path = "/dev/video9" }, []string{"no such device; there are: /dev/video0 (vivid"}},
		"no video": {func(c *Config) { c.Path = "/dev/null" }, []string{"/dev/null: not a V4L2 device"}},
	} {
		config := Config{Path: vivid, Mode: usual}
		c.change(&config)
		cam, err := New(config)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		err = cam.Start(context.Background())
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want %q", name, err, want)
			}
		}
		if err := cam.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestVividControls(t *testing.T) {
	d := device(t)
	all, err := d.Controls()
	if err != nil || len(all) < 20 {
		t.Fatalf("%d controls: %v", len(all), err)
	}
	for name, values := range map[string][]string{
		"contrast":        {"0", "255", "128"},
		"boolean":         {"true", "false"},
		"test_pattern":    {"100% White", "0"},
		"integer_64_bits": {"-9000000000", "0"},
		"integer_menu":    {"42", "8"},
		"bitmask":         {"0x80002000", "0"},
		"button":          {"press"},
	} {
		for _, value := range values {
			if err := d.Set(name, value); err != nil {
				t.Error(err)
			}
		}
	}
	if c, err := d.Get("test_pattern"); err != nil || c.Value != "75% Colorbar" {
		t.Errorf("%+v, %v", c, err)
	}
	if err := d.Set("read_only_integer_32_bits", "1"); err == nil || !strings.Contains(err.Error(), "can only be read") {
		t.Errorf("a control that can only be read: %v", err)
	}
}

func TestVividPermission(t *testing.T) {
	inMachine(t)
	if err := unix.Chmod(vivid, 0o660); err != nil {
		t.Fatal(err)
	}
	if err := unix.Chown(vivid, 0, 44); err != nil {
		t.Fatal(err)
	}
	text := otherProcess(t, &syscall.Credential{Uid: 1000, Gid: 1000})
	if want := "permission denied; members of the group video may open it (adduser USER video)"; !strings.Contains(text, want) {
		t.Errorf("%s; want %s", text, want)
	}
}

func TestVividRealTime(t *testing.T) {
	inMachine(t)
	c, err := New(Config{Path: vivid, Mode: usual, Thread: thread.Settings{Priority: 50, CPUs: []int{0}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	next(t, c).Release()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestVividAStrangerIsToldTheGroup opens the device as a user who may not: the
// error names the group that may, unless that is root's.
func TestVividAStrangerIsToldTheGroup(t *testing.T) {
	if path := os.Getenv("STRANGER_OPENS"); path != "" {
		_, err := Open(path)
		fmt.Println(err)
		os.Exit(0)
	}
	inMachine(t)
	const path = vivid
	t.Cleanup(func() { restore(t, path, 0, 0o600) })
	for group, want := range map[int]string{44: "video", 0: ""} {
		restore(t, path, group, 0o660)
		child := exec.Command(os.Args[0], "-test.run=^TestVividAStrangerIsToldTheGroup$")
		child.Env = append(os.Environ(), "STRANGER_OPENS="+path)
		child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
		out, err := child.Output()
		said := string(out)
		if err != nil || !strings.Contains(said, "permission denied") || strings.Contains(said, "group") != (want != "") || !strings.Contains(said, want) {
			t.Errorf("group %d: %q, %v; want permission denied and the group %q", group, said, err, want)
		}
	}
}

func restore(t *testing.T, path string, group int, mode os.FileMode) {
	t.Helper()
	if err := errors.Join(os.Chown(path, 0, group), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}
