package inspect_test

import (
	"image"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"gocv.io/x/gocv"
	"golang.org/x/sys/unix"

	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/hotpath"
	"kensa/vision/register"
)

// BenchmarkInspectFrame compares ways to inspect a frame that is not in cache,
// in one thread. opencv-usual is what one writes first, opencv-usual-kept the
// same with its results' memory kept from frame to frame, opencv-best what was
// found fastest; all are told where the dies lie, fused finds it out. Times are the
// thread's processor time, because the machine may have other work: the median,
// and the least.
func BenchmarkInspectFrame(b *testing.B) {
	gocv.SetNumThreads(1)
	for _, depth := range []int{8, 16} {
		name := map[int]string{8: "", 16: "-16bit"}[depth]
		s := newBenchScene(b, depth)
		b.Run("fused"+name, func(b *testing.B) { newFused(b, s).run(b) })
		for _, w := range ways(b, s)[1:] {
			b.Run(w.name+name, func(b *testing.B) { timed(b, w.inspect) })
		}
	}
}

// BenchmarkInspectFrameRatios runs the ways in turn and takes the processor time
// of the thread, so that other work on the machine meets all of them and takes
// no time of them but what it takes of caches and memory. It reports medians,
// and how many times the fused pass's time the others take; the same of the least
// times, which other work touches least.
func BenchmarkInspectFrameRatios(b *testing.B) {
	gocv.SetNumThreads(1)
	for _, depth := range []int{8, 16} {
		s := newBenchScene(b, depth)
		b.Run(map[int]string{8: "8bit", 16: "16bit"}[depth], func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			all := ways(b, s)
			times := make([][]time.Duration, len(all))
			for n := 0; b.Loop(); n++ {
				for k, w := range all {
					for range w.repeats {
						img := (n + 3*k + len(times[k])) % benchFrames
						start := threadTime(b)
						w.inspect(img)
						times[k] = append(times[k], threadTime(b)-start)
					}
				}
			}
			fused, least := middle(times[0]), times[0][0].Seconds()
			b.ReportMetric(1e3*fused, "ms-fused")
			b.ReportMetric(1e3*least, "ms-least-fused")
			for k, w := range all[1:] {
				b.ReportMetric(1e3*middle(times[k+1]), "ms-"+w.name)
				b.ReportMetric(middle(times[k+1])/fused, w.name+"/fused")
				b.ReportMetric(times[k+1][0].Seconds()/least, w.name+"/fused-least")
			}
			memcpy := times[len(all)-1]
			b.ReportMetric(fused/middle(memcpy), "fused/memcpy")
			b.ReportMetric(least/memcpy[0].Seconds(), "fused/memcpy-least")
		})
	}
}

func threadTime(b *testing.B) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// way is a way to go through frame number n.
type way struct {
	name    string
	repeats int // in a round of BenchmarkInspectFrameRatios
	inspect func(n int)
}

func ways(b *testing.B, s *benchScene) []way {
	f, best, to := newFused(b, s), newBest(b, s), make([]byte, len(s.frames[0].Pix))
	usual, kept := newUsual(b, s, false), newUsual(b, s, true)
	return []way{
		{"fused", 8, func(n int) { wantDefects(b, f.inspect(b, s.frames[n])) }},
		{"opencv-usual", 1, func(n int) { wantDefects(b, usual.inspect(b, n)) }},
		{"opencv-usual-kept", 1, func(n int) { wantDefects(b, kept.inspect(b, n)) }},
		{"opencv-best", 2, func(n int) { wantDefects(b, best.inspect(b, n)) }},
		{"memcpy", 8, func(n int) { copy(to, s.frames[n].Pix) }},
	}
}

// BenchmarkInspectFrameTwoWorkers inspects two frames at once, and the same two
// one after the other, in turn, and reports how many times faster the former is.
// What the machine has to give is measured between: arithmetic that needs no
// memory, and copying. Where two of these are not twice as fast either, other work
// has the second core or there is none, and only the rounds in which the arithmetic
// was at least freely times as fast can say something of the inspection:
// times-one-free. Under a load that comes and goes even they do not.
func BenchmarkInspectFrameTwoWorkers(b *testing.B) {
	const freely = 1.9
	s := newBenchScene(b, 8)
	workers := [2]*fused{newFused(b, s), newFused(b, s)}
	to := [2][]byte{make([]byte, len(s.frames[0].Pix)), make([]byte, len(s.frames[0].Pix))}
	const each = 8 // frames, so that the start of a goroutine does not count
	var sinks [2]float64
	work := [3]func(w, n int){
		func(w, n int) { wantDefects(b, workers[w].inspect(b, s.frames[n])) },
		func(w, n int) { sinks[w] += arithmetic() },
		func(w, n int) { copy(to[w], s.frames[n].Pix) },
	}
	var times [3][]float64
	var free []float64
	var spent []time.Duration
	for n := 0; b.Loop(); n++ {
		for k, f := range work {
			together, alone := twice(func(w int) {
				for m := range each {
					f(w, (n+m+w*benchFrames/2)%benchFrames)
				}
			})
			times[k] = append(times[k], alone.Seconds()/together.Seconds())
			if k == 0 {
				spent = append(spent, together)
			}
		}
		if times[1][n] >= freely {
			free = append(free, times[0][n])
		}
	}
	b.ReportMetric(1e3*middle(spent)/(2*each), "ms/frame")
	for k, name := range []string{"times-one", "arithmetic-times-one", "memcpy-times-one"} {
		slices.Sort(times[k])
		b.ReportMetric(times[k][len(times[k])/2], name)
	}
	b.ReportMetric(float64(len(free)), "free-rounds")
	if len(free) > 0 {
		slices.Sort(free)
		b.ReportMetric(free[len(free)/2], "times-one-free")
	}
}

// twice times f(0) and f(1) at once and one after the other.
func twice(f func(w int)) (together, alone time.Duration) {
	start := time.Now()
	var wait sync.WaitGroup
	for w := range 2 {
		wait.Go(func() { f(w) })
	}
	wait.Wait()
	middle := time.Now()
	f(0)
	f(1)
	return middle.Sub(start), time.Since(middle)
}

// arithmetic takes a few milliseconds and no memory.
func arithmetic() float64 {
	x := 0.5
	for range 1 << 20 {
		x = 3.9 * x * (1 - x)
	}
	return x
}

// timed calls f with one frame after the other and reports the median.
func timed(b *testing.B, f func(frame int)) {
	b.Helper()
	b.ReportAllocs()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var times []time.Duration
	f(0) // makes room for what is kept
	for n := 0; b.Loop(); n++ {
		start := threadTime(b)
		f(n % benchFrames)
		times = append(times, threadTime(b)-start)
	}
	median := middle(times)
	b.ReportMetric(1e3*slices.Min(times).Seconds(), "ms-least")
	b.ReportMetric(1e3*median, "ms")
	b.ReportMetric(benchPixels/median/1e6, "Mpx/s")
}

// middle is the median in seconds; it sorts.
func middle(times []time.Duration) float64 {
	slices.Sort(times)
	return times[len(times)/2].Seconds()
}

func wantDefects(b *testing.B, found int) {
	if found != benchDefects {
		b.Helper()
		b.Errorf("%d defects; want %d", found, benchDefects)
	}
}

// fused is registration, pass and labelling.
type fused struct {
	*benchScene
	matcher register.Matcher
	last    register.Match
	pass    *hotpath.Pass
	joiner  defect.Joiner
	places  []hotpath.Place
	spent   [3][]time.Duration
}

func newFused(b *testing.B, s *benchScene) *fused {
	pass, err := hotpath.NewPass(defect.DefaultParams().MaxRuns())
	if err != nil {
		b.Fatal(err)
	}
	f := &fused{benchScene: s, pass: pass}
	if f.last, err = f.matcher.Match(s.template, s.frames[0], s.rects[0], register.DefaultParams()); err != nil {
		b.Fatal(err)
	}
	return f
}

func (f *fused) run(b *testing.B) {
	for n := range f.spent {
		f.spent[n] = make([]time.Duration, 0, 1<<16)
	}
	timed(b, func(n int) { wantDefects(b, f.inspect(b, f.frames[n])) })
	for n, part := range []string{"registration", "pass", "labelling"} {
		slices.Sort(f.spent[n])
		b.ReportMetric(f.spent[n][len(f.spent[n])/2].Seconds()*1e3, "ms-"+part)
		b.ReportMetric(f.spent[n][0].Seconds()*1e3, "ms-least-"+part)
	}
}

func (f *fused) inspect(b *testing.B, img frame.Image) int {
	start := threadTime(b)
	f.places = f.places[:0]
	for _, r := range f.rects {
		f.places = append(f.places, f.register(b, img, r))
	}
	registered := threadTime(b)
	if err := f.pass.Compare(img, f.flat, f.reference, f.places); err != nil {
		b.Fatal(err)
	}
	passed, found := threadTime(b), 0
	for n := range f.places {
		runs, err := f.pass.Runs(n)
		if err != nil {
			b.Fatal(err)
		}
		blobs, err := f.joiner.Join(runs, defect.DefaultParams())
		if err != nil {
			b.Fatal(err)
		}
		found += len(blobs)
	}
	for n, d := range []time.Duration{registered - start, passed - registered, threadTime(b) - passed} {
		f.spent[n] = append(f.spent[n], d)
	}
	return found
}

// register finds a die that is expected a third of a pixel from where the one
// before it was, as on a stage that repeats to that.
func (f *fused) register(b *testing.B, img frame.Image, r image.Rectangle) hotpath.Place {
	m, ok := f.matcher.Track(f.template, img, f.flat, r, f.last.DX+0.2, f.last.DY-0.2, register.DefaultParams())
	if !ok {
		b.Fatal("a die was lost")
	}
	f.last = m
	return hotpath.Place{X: float64(r.Min.X) + m.DX, Y: float64(r.Min.Y) + m.DY,
		Gain: m.Light.Gain, GainX: m.Light.GainX, GainY: m.Light.GainY, Offset: m.Light.Offset}
}
