package appliance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"kensa/hw/camera/v4l2"
	"kensa/hw/line"
	"kensa/hw/line/linetest"
)

// lamp is light for the virtual camera, which sees none: it sets the brightness of what
// that shows, beside whoever streams. vivid stamps each frame when its thread's tick comes,
// and draws it at once, with the brightness of that instant
// (drivers/media/test-drivers/vivid/vivid-kthread-cap.c): a camera of no exposure. At
// 60 frames a second the ticks, of 4 ms, make four of five frames 16 ms apart and every sixth
// or so 20 ms.
type lamp struct{ fd int }

// dark is the brightness at which vivid draws black as 0.
const dark, light = 128, 220

func openLamp() (*lamp, error) {
	fd, err := unix.Open("/dev/video0", unix.O_RDWR|unix.O_CLOEXEC, 0)
	return &lamp{fd}, err
}

// shine sets the brightness (videodev2.h: VIDIOC_S_CTRL, V4L2_CID_BRIGHTNESS).
func (l *lamp) shine(brightness int32) error {
	const setControl, idBrightness = 0xc008561c, 0x980900
	control := struct {
		id    uint32
		value int32
	}{idBrightness, brightness}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(l.fd), setControl, uintptr(unsafe.Pointer(&control))); errno != 0 {
		return errno
	}
	return nil
}

// asFound has the camera show in the end what it does from the start.
func asFound(t *testing.T) {
	t.Helper()
	d, err := v4l2.Open("/dev/video0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(d.Set("osd_text_mode", "All"), d.Set("test_pattern", "75% Colorbar"), d.Set("brightness", "128"), d.Close()); err != nil {
			t.Error(err)
		}
	})
}

// change is when the light was changed: between two times.
type change struct{ before, after time.Duration }

func (l *lamp) change(t *testing.T, brightness int32) change {
	t.Helper()
	c := change{before: line.Monotonic()}
	if err := l.shine(brightness); err != nil {
		t.Fatal(err)
	}
	c.after = line.Monotonic()
	return c
}

// follow has the lamp shine, as bright as asked for, for as long as a line is high. It is
// a program of its own: this test binary, started anew. flash is how
// long the line will be high: the lamp looks closely for its fall, by which the procedure
// goes. The function that it returns ends the lamp, and tells how much later than the line
// that was switched off at most.
func follow(t *testing.T, chip *linetest.Chip, name string, brightness int, flash time.Duration) (end func() (lag time.Duration)) {
	t.Helper()
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), "KENSA_LAMP="+chip.Wire(name), fmt.Sprintf("KENSA_BRIGHTNESS=%d", brightness), fmt.Sprintf("KENSA_FLASH=%v", flash))
	program.Stderr = os.Stderr
	var said bytes.Buffer
	program.Stdout = &said
	stdin, err := program.StdinPipe()
	if err == nil {
		err = program.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() (lag time.Duration) {
		t.Helper()
		err := errors.Join(stdin.Close(), program.Wait())
		if err == nil {
			lag, err = time.ParseDuration(said.String())
		}
		if err != nil {
			t.Errorf("lamp: %v", err)
		}
		return lag
	}
}

// TestMain is the lamp's program, where it is started as that.
func TestMain(m *testing.M) {
	wire := os.Getenv("KENSA_LAMP")
	if wire == "" {
		os.Exit(m.Run())
	}
	bright, err := strconv.Atoi(os.Getenv("KENSA_BRIGHTNESS"))
	flash, wrong := time.ParseDuration(os.Getenv("KENSA_FLASH"))
	var lag time.Duration
	if err = errors.Join(err, wrong); err == nil {
		lag, err = shineWhile(wire, int32(bright), flash)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lamp:", err)
		os.Exit(1)
	}
	fmt.Print(lag)
}

// shineWhile has the lamp shine while the file shows a 1, until the input ends.
func shineWhile(path string, bright int32, flash time.Duration) (lag time.Duration, err error) {
	l, err := openLamp()
	if err != nil {
		return 0, err
	}
	wire, err := unix.Open(path, unix.O_RDONLY, 0)
	if err != nil {
		return 0, err
	}
	runtime.LockOSThread()
	// Not a real-time thread: while that runs the camera's may be held up, and warns.
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, -20); err != nil {
		return 0, err
	}
	const now, soon = 100 * time.Microsecond, time.Millisecond // looking costs this machine's time
	input := []unix.PollFd{{Fd: 0, Events: unix.POLLIN}}
	high, looked := false, line.Monotonic()
	for next := looked; ; line.WaitUntil(next) {
		at := line.Monotonic()
		var b [2]byte
		if _, err := unix.Pread(wire, b[:], 0); err != nil {
			return lag, err
		}
		switch is := b[0] == '1'; {
		case is && !high:
			err = l.shine(bright)
			next = at + flash - 2*soon
		case high && !is:
			err = l.shine(dark)
			lag = max(lag, line.Monotonic()-looked)
			next = at + soon
		case high:
			next = at + now
		default:
			next = at + soon
		}
		if over, _ := unix.Poll(input, 0); over > 0 || err != nil {
			return lag, err
		}
		high, looked = b[0] == '1', at
	}
}

// witness says by how much the camera's stamp is later than the exposure, within bounds,
// and how long its period is. It knows nothing of calibration: it switches the light at
// known times, and looks which frames are bright.
func witness(t *testing.T, changes int) (earliest, latest, period time.Duration) {
	t.Helper()
	l, err := openLamp()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(l.fd)
	frames, stop := watch(t)
	var on []change
	for n := range changes {
		_, part := math.Modf(float64(n) * 0.6180339887)
		line.WaitUntil(line.Monotonic() + time.Duration((1+part)*float64(time.Second)/60))
		on = append(on, l.change(t, light))
		time.Sleep(40 * time.Millisecond)
		l.change(t, dark)
		time.Sleep(40 * time.Millisecond)
	}
	stop()
	earliest, latest = math.MinInt64, math.MaxInt64
	for _, c := range on {
		for _, f := range *frames {
			switch near := (f.stamp - c.after).Abs() < 30*time.Millisecond; {
			case near && f.bright: // it was exposed after the change began
				latest = min(latest, f.stamp-c.before)
			case near: // and it before the change was over
				earliest = max(earliest, f.stamp-c.after)
			}
		}
	}
	first, last := (*frames)[1], (*frames)[len(*frames)-1]
	return earliest, latest, (last.stamp - first.stamp) / time.Duration(last.number-first.number)
}

// sight is a frame as the witness saw it.
type sight struct {
	stamp  time.Duration
	number uint64
	bright bool
}

// watch takes all frames of the camera until stop.
func watch(t *testing.T) (frames *[]sight, stop func()) {
	c, err := v4l2.New(v4l2.Config{Path: "/dev/video0", Buffers: 8, Mode: v4l2.Mode{Format: "GREY", Width: 320, Height: 180, Rate: 60},
		Controls: []string{"timestamp_source=Start of Exposure", "osd_text_mode=None", "test_pattern=100% Black", "brightness=128"}})
	if err == nil {
		err = c.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	frames = &[]sight{}
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			f, err := c.Next(ctx)
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				return
			}
			*frames = append(*frames, sight{f.Time, f.Sequence, f.At(f.Width/2, f.Height/2) > (light-dark)/2})
			f.Release()
		}
	})
	return frames, func() {
		cancel()
		wait.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
