package pairing

import (
	"testing"

	"kensa/hw/camera/v4l2"
)

// TestKernelFaultsNeverMisplaceAFrame: against the kernel's own lines and frames,
// with faults at random, no field shows another's frame, each fault is told by a
// report of its own, and one that is alone on its wafer costs one field at most. Of
// a stage that is held for the time of a stop while noise exposes there, only the
// count at the wafer's end tells that it was no stop whose pulse was lost: what was
// inspected after it under the next number is given up.
func TestKernelFaultsNeverMisplaceAFrame(t *testing.T) {
	r := newRig(t, v4l2.Mode{Width: 640, Height: 480}, 2)
	want := 1000
	if testing.Short() {
		want = 60
	}
	m := New(benchWindow, 2*period-period/4)
	// The first wafers show the motion.
	for range 2 {
		j := r.judge(m, 0)
		if _, right := j.compare(); right != perLoad || len(j.reports) > 0 {
			t.Fatalf("%d of %d fields paired on a sound wafer; %v", right, perLoad, j)
		}
	}
	var count tally
	for count.faults < want && !t.Failed() {
		j := r.judge(m, 0.1)
		wrong, right := j.compare()
		if left := j.unreported(); len(wrong) > 0 || len(left) > 0 {
			t.Errorf("wafer %d: fields %v show another's frame, %v not told; %v", count.wafers, wrong, left, j)
		}
		if len(j.faults) < 2 && perLoad-right > len(j.faults) && !j.has(lingering) {
			t.Errorf("wafer %d: %d fields lost; %v", count.wafers, perLoad-right, j)
		}
		if lost := perLoad - right; lost > len(j.faults) && !j.has(lingering) {
			t.Logf("wafer %d: %d fields lost; %v", count.wafers, lost, j)
		}
		count.add(j, perLoad-right)
	}
	count.log(t)
}

// TestKernelEveryFrameFindsItsPulse: without faults every frame is paired.
func TestKernelEveryFrameFindsItsPulse(t *testing.T) {
	r := newRig(t, v4l2.Mode{Width: 1280, Height: 720}, 1)
	frames := 10_000
	if testing.Short() {
		frames = 500
	}
	m := New(benchWindow, period-period/4)
	for n := 0; n < frames; n += perLoad {
		j := r.judge(m, 0)
		if wrong, right := j.compare(); right != perLoad || len(wrong)+len(j.reports) > 0 {
			t.Fatalf("after %d frames: %d of %d fields paired; %v", n, right, perLoad, j)
		}
	}
	t.Logf("%d frames of 1280×720 at 60 a second, each paired with its pulse", frames)
}
