package hotpath

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"
)

// TestErrorAgainstFloat64 measures the arithmetic against float64 on the exact
// dark and gain, at the limits that the package comment names.
func TestErrorAgainstFloat64(t *testing.T) {
	for _, depth := range []int{8, 10, 12, 16} {
		r := rand.New(rand.NewPCG(7, uint64(depth)))
		worst, sum, count, packing := 0.0, 0.0, 0, 0.0
		for range 60 {
			z := size{width: 120, height: 40, left: 2, top: 2, right: 2, bottom: 2, depth: depth, flat: r.IntN(8) > 0}
			at := drawPlace(r, z)
			at.Gain, at.GainX, at.GainY = 0.8+0.25*r.Float64(), 0.1*(2*r.Float64()-1)/120, 0.1*(2*r.Float64()-1)/40
			s := drawScene(t, r, z, at, 0)
			if s.flat != nil {
				packing = max(packing, s.flat.Error())
			}
			got := greys(t, s)
			for n, m := range got {
				want := s.exact(n%s.width, n/s.width)
				if want < 0 || want > 255 {
					want = max(0, min(255, want))
				} else {
					sum, count = sum+float64(m)-want, count+1
				}
				worst = max(worst, math.Abs(float64(m)-want))
			}
		}
		bias := sum / float64(count)
		t.Logf("depth %d: worst error %.3f, bias %+.4f grey levels over %d pixels; packing of dark and gain %.3f", depth, worst, bias, count, packing)
		if worst > 0.75 || math.Abs(bias) > 0.1 {
			t.Errorf("depth %d: worst error %.3f, bias %+.4f; want 0.75 and 0.1", depth, worst, bias)
		}
		if packing > 0.15 {
			t.Errorf("packing error %.3f; the statement is about 0.15", packing)
		}
	}
}

// greys are the matched grey levels of the whole die.
func greys(t *testing.T, s *scene) []uint8 {
	t.Helper()
	p := must[*Pass](t)(NewPass(1 << 20))
	if err := p.Compare(s.img, s.flat, s.ref, []Place{s.at}); err != nil {
		t.Fatal(err)
	}
	out := make([]uint8, s.width*s.height)
	p.Grey(0, image.Rect(-5, -5, 1000, 1000), out)
	return out
}

// TestFlatKeepsWhatItIsGiven packs planes of many ranges and wants the error
// that the number of bits allows.
func TestFlatKeepsWhatItIsGiven(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	for range 400 {
		const pixels = 64
		pedestal, spread := float64(r.IntN(30*256))/256, float64(r.IntN(1<<r.IntN(12)))/256
		dark, gain := make([]float32, pixels), make([]float32, pixels)
		for n := range dark {
			dark[n], gain[n] = float32(pedestal+math.Round(256*spread*r.Float64())/256), float32(0.3+1.6*r.Float64())
		}
		f := must[*Flat](t)(NewFlat(pixels, 1, dark, gain))
		// Best of the divisions: half a step of dark times the gain, half a step of gain at white.
		want := math.Inf(1)
		for bits := range maxBits + 1 {
			codes := math.Exp2(float64(bits))
			want = min(want, 1.9*(spread/max(1, codes-1)+2.0/128)/2+256*codes/2/gainOne)
		}
		if f.Error() > 1.5*want+0.03 {
			t.Fatalf("dark %.3f to %.3f: error %.3f; want about %.3f", pedestal, pedestal+spread, f.Error(), want)
		}
	}
}
