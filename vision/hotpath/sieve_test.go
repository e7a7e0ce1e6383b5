package hotpath

import (
	"math/rand/v2"
	"testing"
)

// smoothScene is a die on which the sieve's proof holds: a flat field and a light
// that change little. Grey levels are noise from black to white, the worst for
// weights that are off; single pixels are outside of their limits by one grey
// level, and no other in their block is near its limits.
func smoothScene(t *testing.T, r *rand.Rand, depth int, flat bool) *scene {
	t.Helper()
	z := size{width: 1 + r.IntN(300), height: 1 + r.IntN(90), left: r.IntN(70), top: r.IntN(40), right: 1 + r.IntN(5), bottom: 1 + r.IntN(3), padding: 2 * r.IntN(9), depth: depth, flat: flat}
	at := Place{X: r.Float64(), Y: r.Float64(), Gain: 0.7 + 0.5*r.Float64(), GainX: 4e-4 * (r.Float64() - 0.5), GainY: 4e-4 * (r.Float64() - 0.5), Offset: 20*r.Float64() - 10}
	s := drawScene(t, r, z, at, 0)
	if flat {
		base, noise, pedestal := 0.8+0.3*r.Float64(), 0.018*r.Float64(), 8*r.Float64()
		for n := range s.gain {
			s.gain[n] = float32(base * (1 + noise*(2*r.Float64()-1)))
			s.dark[n] = float32(pedestal + 0.5*r.Float64())
		}
		s.flat = must[*Flat](t)(NewFlat(s.img.Width, s.img.Height, s.dark, s.gain))
	}
	grey := greys(t, s)
	for n := r.IntN(60); n < len(grey); n += 40 + r.IntN(60) {
		switch m := grey[n]; {
		case m < 255 && r.IntN(2) == 0:
			s.lo[n] = m + 1
		case m > 0:
			s.hi[n] = m - 1
		}
	}
	s.ref = must[*Reference](t)(NewReference(s.width, s.height, s.lo, s.hi, s.mean, s.sigma))
	return s
}

// TestSieveLetsNothingThrough wants all pixels found that are outside by a
// single grey level, where everything else would pass the sieve.
func TestSieveLetsNothingThrough(t *testing.T) {
	eachTarget(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(41, 42))
		for n := range 200 {
			agree(t, smoothScene(t, r, []int{8, 8, 10, 12, 16}[n%5], n%4 > 0))
		}
	})
}

// FuzzSieve lets the fuzzer choose the seed.
func FuzzSieve(f *testing.F) {
	f.Add(uint64(1), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, kind uint8) {
		if targets() != 0 {
			agree(t, smoothScene(t, rand.New(rand.NewPCG(seed, 1)), []int{8, 10, 12, 16}[kind%4], kind&16 == 0))
		}
	})
}

// TestSieveSparesWork counts what goes through the exact arithmetic where
// every pixel is well within its limits.
func TestSieveSparesWork(t *testing.T) {
	eachTarget(t, func(t *testing.T) {
		for _, depth := range []int{8, 12} {
			m, flat, ref := plain(t, depth)
			for n := range m.Width * m.Height { // plain's flat field is too uneven
				flat.words[n] = flat.coding.pack(2, 1.05)
			}
			flat.survey()
			var j job
			for _, f := range []*Flat{nil, flat} {
				if err := j.set(m, f, ref, grid()); err != nil {
					t.Fatal(err)
				}
				j.maxRuns = 1000
				if found := j.compare(make([]run, 1000)); found != 0 {
					t.Fatalf("%d runs; want none", found)
				}
				for _, d := range j.dies {
					if d.late != 0 {
						t.Errorf("depth %d: %d rows of blocks of a good die did not pass", depth, d.late)
					}
				}
			}
		}
	})
}

// TestMarginsNarrow works limits out by hand.
func TestMarginsNarrow(t *testing.T) {
	m := margin{1.0 / 64, 2}
	for _, c := range []struct{ lo, hi, wantLo, wantHi uint8 }{
		{0, 255, 0, 255},
		{61, 255, 64, 255}, // 63·64/63
		{0, 67, 0, 64},     // 65·64/65
		{100, 104, 255, 254},
		{255, 255, 255, 254},
	} {
		if lo, hi := m.narrow(c.lo, c.hi); lo != c.wantLo || hi != c.wantHi {
			t.Errorf("%d to %d: %d to %d; want %d to %d", c.lo, c.hi, lo, hi, c.wantLo, c.wantHi)
		}
	}
}
