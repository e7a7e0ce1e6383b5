package hotpath

import (
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// drawMarks makes random marks within a die of the size.
func drawMarks(t testing.TB, r *rand.Rand, width, height, count int) *Marks {
	t.Helper()
	m := &Marks{}
	plane := func(limit float64) []float32 {
		out := make([]float32, markPixels)
		for n := range out {
			out[n] = float32(limit * (2*r.Float64() - 1))
		}
		return out
	}
	for range count {
		if err := m.Add(r.IntN(width-MarkSide), r.IntN(height-MarkSide), plane(255), plane(128), plane(255)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestMeasureAgreesWithTwin(t *testing.T) {
	eachTarget(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for range 40 {
			z := drawSize(r)
			z.width, z.height = 40+r.IntN(40), 40+r.IntN(20)
			s := drawScene(t, r, z, drawPlace(r, z), 0)
			m := drawMarks(t, r, z.width, z.height, 5)
			var j job
			j.see(s.img, nil)
			want, got := make([]sums, 5), make([]sums, 5)
			u, v := int16(r.IntN(1<<15)), int16(r.IntN(1<<15))
			j.measureTwin(m, m.corners, u, v, want)
			j.measure(m, m.corners, u, v, r.IntN(9)*s.img.Stride, got)
			if !slices.Equal(got, want) {
				t.Fatalf("depth %d: kernel %v, twin %v", s.img.Depth, got, want)
			}
		}
	})
}

// measure measures a scene's die.
func (k *Meter) measure(m *Marks, s *scene) ([]Sums, bool) {
	if !k.See(s.img, s.flat) {
		return nil, false
	}
	return k.Measure(m, s.at.X, s.at.Y, image.Point{})
}

// TestMeasureAgainstFloat64 compares the sums with those of exact arithmetic.
func TestMeasureAgainstFloat64(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	s := drawScene(t, r, size{width: 80, height: 60, left: 3, top: 2, right: 2, bottom: 2, depth: 12, flat: true}, Place{X: 0.3, Y: 0.7, Gain: 1}, 0)
	for n := range s.gain { // pixels differ by 0.5 %, on the slope of a lens
		s.gain[n] = float32(1.1 + 7e-5*float64(n%s.img.Width) - 1e-4*float64(n/s.img.Width) + 0.005*r.NormFloat64())
	}
	s.flat = must[*Flat](t)(NewFlat(s.img.Width, s.img.Height, s.dark, s.gain))
	m := &Marks{}
	ramp, flat := make([]float32, markPixels), make([]float32, markPixels)
	for n := range ramp {
		ramp[n], flat[n] = float32(n%MarkSide)-15.5, 1
	}
	if err := m.Add(11, 13, ramp, flat, flat); err != nil {
		t.Fatal(err)
	}
	var k Meter
	got, ok := k.measure(m, s)
	if !ok {
		t.Fatal("not measured")
	}
	var want Sums
	energy := 0.0
	for n := range markPixels {
		g := s.exact(11+n%MarkSide, 13+n/MarkSide)
		energy += float64(ramp[n]) * float64(ramp[n])
		want.Sum, want.Square, want.Pattern = want.Sum+g, want.Square+g*g, want.Pattern+g*float64(ramp[n])
	}
	if math.Abs(got[0].Sum-want.Sum) > 0.2*markPixels || math.Abs(got[0].Square/want.Square-1) > 0.004 || math.Abs(got[0].Pattern-want.Pattern) > 0.001*math.Sqrt(want.Square*energy) || math.Abs(got[0].GX-got[0].Sum) > 1e-6 {
		t.Errorf("%+v; want %+v", got[0], want)
	}
	if _, ok := k.Measure(m, 60, 0, image.Point{}); ok {
		t.Error("measured beyond the frame")
	}
	if _, ok := k.Measure(m, math.NaN(), 0, image.Point{}); ok {
		t.Error("measured nowhere")
	}
}
