package hotpath

import (
	"cmp"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// eachTarget runs f with every instruction set that this CPU has.
func eachTarget(t *testing.T, f func(t *testing.T)) {
	if targets() == 0 {
		t.Skip("built without the kernel")
	}
	defer useTargets(0)
	for left := targets(); left != 0; left &= left - 1 {
		useTargets(1 << bits.TrailingZeros64(uint64(left)))
		t.Run(Target(), f)
	}
}

// agree compares what kernel and twin find, run by run.
func agree(t *testing.T, s *scene) {
	t.Helper()
	var j job
	if err := j.set(s.img, s.flat, s.ref, s.places()); err != nil {
		t.Fatal(err)
	}
	j.maxRuns = 1000
	want, got := make([]run, 4000), make([]run, 4000)
	wantCount, gotCount := j.twin(want), 0
	counts := j.counts()
	gotCount = j.compare(got)
	if wantCount != gotCount || !slices.Equal(counts, j.counts()) {
		t.Fatalf("die of %d×%d, depth %d, at %+v: kernel %d runs, twin %d", s.width, s.height, s.img.Depth, s.at, gotCount, wantCount)
	}
	slices.SortStableFunc(want, func(a, b run) int { return cmp.Compare(a.die, b.die) })
	slices.SortStableFunc(got, func(a, b run) int { return cmp.Compare(a.die, b.die) })
	for n := range want {
		if want[n] != got[n] {
			t.Fatalf("die of %d×%d, depth %d, at %+v: run %d: kernel %+v, twin %+v", s.width, s.height, s.img.Depth, s.at, n, got[n], want[n])
		}
	}
}

func (j *job) counts() (counts []int32) {
	for _, d := range j.dies {
		counts = append(counts, d.count)
	}
	return counts
}

func TestKernelAgreesWithTwin(t *testing.T) {
	eachTarget(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for range 300 {
			z := drawSize(r)
			agree(t, drawScene(t, r, z, drawPlace(r, z), []float64{0, 0.02, 0.3, 1}[r.IntN(4)]))
		}
	})
}

// TestLengthsAroundVectors tries every width from one pixel to beyond two
// vectors of 64 bytes, and where the frame has no pixel behind the die.
func TestLengthsAroundVectors(t *testing.T) {
	eachTarget(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for width := 1; width <= 140; width++ {
			for _, behind := range []int{0, 1} {
				z := size{width: width, height: 2, right: behind, bottom: behind, depth: []int{8, 12}[width%2], flat: width%3 > 0}
				at := Place{Gain: 1.1, X: 0.3 * float64(behind), Y: 0.6 * float64(behind)}
				agree(t, drawScene(t, r, z, at, 0.4))
			}
		}
	})
}

// TestExtremes drives every step of the arithmetic into its limits.
func TestExtremes(t *testing.T) {
	eachTarget(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, depth := range []int{8, 10, 12, 16} {
			for _, light := range []Place{{Gain: maxLight, Offset: maxOffset}, {Gain: minLight, Offset: -maxOffset}, {Gain: 1, X: 1 - 1e-9, Y: 1 - 1e-9}, {Gain: 1, X: 0.99997, Y: 0.99997}} {
				s := drawScene(t, r, size{width: 90, height: 4, right: 2, bottom: 2, depth: depth, flat: true}, light, 1)
				for n := range s.dark {
					s.dark[n], s.gain[n] = float32(MaxDark*r.IntN(2)), []float32{MinGain, MaxGain}[r.IntN(2)]
					if depth == 8 {
						s.img.Pix[n] = byte(255 * r.IntN(2))
					}
				}
				s.flat = must[*Flat](t)(NewFlat(s.img.Width, s.img.Height, s.dark, s.gain))
				agree(t, s)
			}
		}
	})
}

// FuzzKernelAgrees lets the fuzzer choose the seed and the bounds.
func FuzzKernelAgrees(f *testing.F) {
	f.Add(uint64(1), uint16(64), uint8(3), uint8(0), uint8(100), 0.5, 0.25, 1.0, 0.001, -0.001, 3.0)
	f.Add(uint64(2), uint16(1), uint8(1), uint8(1), uint8(255), 0.0, 0.0, 0.5, 0.0, 0.0, -20.0)
	f.Add(uint64(3), uint16(129), uint8(2), uint8(7), uint8(9), 0.9999, 0.0001, 3.9, 0.0, 0.0, 255.0)
	f.Fuzz(func(t *testing.T, seed uint64, width uint16, height, kind, share uint8, x, y, gain, gainX, gainY, offset float64) {
		z := size{width: 1 + int(width)%300, height: 1 + int(height)%20, left: 1, top: 1, right: 1 + int(kind)%3, bottom: 1 + int(kind)%2,
			padding: 2 * (int(kind) % 5), depth: []int{8, 10, 12, 16}[kind%4], flat: kind&16 == 0}
		r := rand.New(rand.NewPCG(seed, 0))
		s := drawScene(t, r, z, Place{x, y, gain, gainX, gainY, offset}, float64(share)/255)
		if new(job).set(s.img, s.flat, s.ref, s.places()) == nil && targets() != 0 {
			agree(t, s)
		}
	})
}
