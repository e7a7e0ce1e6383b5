package v4l2

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"kensa/hw/camera"
)

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
