package hotpath

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	"kensa/vision/frame"
)

// BenchmarkCompare passes over all dies of a 4096×3000 frame that is not in
// cache: die by die, no defects.
func BenchmarkCompare(b *testing.B) {
	for name, c := range map[string]struct {
		depth int
		flat  bool
	}{"8bit": {8, true}, "8bit-without-flat": {8, false}, "12bit": {12, true}} {
		b.Run(name, func(b *testing.B) { benchmarkCompare(b, c.depth, c.flat) })
	}
}

func benchmarkCompare(b *testing.B, depth int, withFlat bool) {
	const width, height, pitchX, pitchY, frames = 500, 488, 512, 500, 8
	r := rand.New(rand.NewPCG(1, 1))
	var imgs []frame.Image
	for range frames {
		m := frame.New(8*pitchX, 6*pitchY, depth)
		words := unsafe.Slice((*uint64)(unsafe.Pointer(&m.Pix[0])), len(m.Pix)/8)
		for n := range words {
			words[n] = r.Uint64()
		}
		imgs = append(imgs, m)
	}
	plane := func(n int, v float32) []float32 { return slices.Repeat([]float32{v}, n) }
	var flat *Flat
	if withFlat {
		n := imgs[0].Width * imgs[0].Height
		flat = must[*Flat](b)(NewFlat(imgs[0].Width, imgs[0].Height, plane(n, 2), plane(n, 1.1)))
	}
	n := width * height
	ref := must[*Reference](b)(NewReference(width, height, make([]uint8, n), slices.Repeat([]uint8{255}, n), plane(n, 100), plane(n, 2)))
	p := must[*Pass](b)(NewPass(1000))
	var places []Place
	for d := range 48 {
		places = append(places, Place{X: 4.3 + float64(d%8*pitchX), Y: 4.6 + float64(d/8*pitchY), Gain: 1.05, GainX: 1e-5, GainY: -1e-5, Offset: 2})
	}
	var times []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		if err := p.Compare(imgs[i%frames], flat, ref, places); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	pixels := float64(8 * pitchX * 6 * pitchY)
	b.ReportMetric(times[len(times)/2].Seconds()*1e3, "ms-median")
	b.ReportMetric(times[0].Seconds()*1e3, "ms-least")
	b.ReportMetric(pixels/times[len(times)/2].Seconds()/1e6, "Mpx/s")
}
