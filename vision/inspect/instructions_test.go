package inspect_test

import (
	"os"
	"testing"
	"time"

	"gocv.io/x/gocv"

	"kensa/vision/hotpath"
)

// leastRatio is how many times fewer instructions the fused way must take than
// the usual one with OpenCV.
const leastRatio = 10

// BenchmarkInstructions compares, in the virtual machine, how many arm64
// instructions two ways to inspect a frame take. There each takes two nanoseconds
// of guest time, so times are counts; it is not the time on real hardware, which
// has caches.
func BenchmarkInstructions(b *testing.B) {
	if os.Getenv("KENSA_VM") == "" {
		b.Skip("needs the virtual machine: make test-vm")
	}
	b.Logf("the kernel's instruction set is %s", hotpath.Target())
	gocv.SetNumThreads(1)
	s := newBenchScene(b, 8)
	f, usual := newFused(b, s), newUsual(b, s, true)
	for n := range f.spent {
		f.spent[n] = make([]time.Duration, 0, 1<<10)
	}
	fused := func(n int) int { return f.inspect(b, f.frames[n]) }
	opencv := func(n int) int { return usual.inspect(b, n) }
	for b.Loop() {
		few, many := instructions(b, fused), instructions(b, opencv)
		b.ReportMetric(few/benchPixels, "fused-instr/px")
		b.ReportMetric(many/benchPixels, "opencv-instr/px")
		b.ReportMetric(many/few, "times-fewer")
		if many < leastRatio*few {
			b.Errorf("%.1f times fewer instructions than the usual way; want %d", many/few, leastRatio)
		}
	}
}

// instructions counts those of one frame, after another has made room for what is
// kept.
func instructions(b *testing.B, inspect func(frame int) int) float64 {
	wantDefects(b, inspect(0))
	start := time.Now()
	found := inspect(1)
	spent := time.Since(start)
	wantDefects(b, found)
	return float64(spent) / float64(2*time.Nanosecond)
}
