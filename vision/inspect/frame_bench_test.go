package inspect_test

import (
	"image"
	"slices"
	"testing"
	"time"

	"gocv.io/x/gocv"

	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/hotpath"
	"kensa/vision/register"
)

// BenchmarkInspectFrame compares ways to inspect a frame that is not in cache,
// in one thread. opencv-usual is what one writes first, opencv-best what was
// found fastest; both are told where the dies lie, fused finds it out. Times are
// medians, because the machine may have other work.
func BenchmarkInspectFrame(b *testing.B) {
	gocv.SetNumThreads(1)
	for _, depth := range []int{8, 16} {
		name := map[int]string{8: "", 16: "-16bit"}[depth]
		s := newBenchScene(b, depth)
		b.Run("fused"+name, func(b *testing.B) { newFused(b, s).run(b) })
		b.Run("opencv-usual"+name, func(b *testing.B) {
			c := newUsual(b, s)
			timed(b, func(n int) { wantDefects(b, c.inspect(b, n)) })
		})
		b.Run("opencv-best"+name, func(b *testing.B) {
			c := newBest(b, s)
			timed(b, func(n int) { wantDefects(b, c.inspect(b, n)) })
		})
		b.Run("memcpy"+name, func(b *testing.B) {
			to := make([]byte, len(s.frames[0].Pix))
			timed(b, func(n int) { copy(to, s.frames[n].Pix) })
		})
	}
}

// timed calls f with one frame after the other and reports the median.
func timed(b *testing.B, f func(frame int)) {
	b.Helper()
	b.ReportAllocs()
	var times []time.Duration
	f(0) // makes room for what is kept
	for n := 0; b.Loop(); n++ {
		start := time.Now()
		f(n % benchFrames)
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	median := times[len(times)/2].Seconds()
	b.ReportMetric(1e3*times[0].Seconds(), "ms-least")
	b.ReportMetric(1e3*median, "ms")
	b.ReportMetric(benchPixels/median/1e6, "Mpx/s")
}

func wantDefects(b *testing.B, found int) {
	if found != benchDefects {
		b.Fatalf("%d defects; want %d", found, benchDefects)
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
	}
}

func (f *fused) inspect(b *testing.B, img frame.Image) int {
	start := time.Now()
	f.places = f.places[:0]
	for _, r := range f.rects {
		f.places = append(f.places, f.register(b, img, r))
	}
	registered := time.Now()
	if err := f.pass.Compare(img, f.flat, f.reference, f.places); err != nil {
		b.Fatal(err)
	}
	passed, found := time.Now(), 0
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
	for n, d := range []time.Duration{registered.Sub(start), passed.Sub(registered), time.Since(passed)} {
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
