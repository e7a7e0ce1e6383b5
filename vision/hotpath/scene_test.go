package hotpath

import (
	"math"
	"math/rand/v2"
	"testing"

	"kensa/vision/frame"
)

// scene is everything that one comparison reads.
type scene struct {
	img        frame.Image
	dark, gain []float32
	flat       *Flat // nil: none
	width      int   // of the die
	height     int
	lo, hi     []uint8
	mean       []float32
	sigma      []float32
	ref        *Reference
	at         Place
}

// size is what a scene is drawn from.
type size struct {
	width, height int // of the die
	left, top     int // pixels of frame before the die
	right, bottom int // and behind it, at least 1 where the shift has a fraction
	padding       int // bytes from row to row beyond the pixels, even
	depth         int
	flat          bool
}

// drawScene fills a scene with random values: a noisy pattern, limits that
// share of its pixels exceed.
func drawScene(t testing.TB, r *rand.Rand, z size, at Place, share float64) *scene {
	t.Helper()
	s := &scene{width: z.width, height: z.height, at: at}
	s.at.X, s.at.Y = s.at.X+float64(z.left), s.at.Y+float64(z.top)
	s.img = frame.New(z.left+z.width+z.right, z.top+z.height+z.bottom, z.depth)
	s.img.Stride += z.padding
	s.img.Pix = make([]byte, s.img.Stride*s.img.Height-z.padding)
	for n := range s.img.Pix {
		s.img.Pix[n] = byte(r.Uint32())
	}
	n := s.img.Width * s.img.Height
	base, spread, pedestal := 0.7+0.5*r.Float64(), 0.3*r.Float64(), 10*r.Float64()
	for range n {
		s.dark = append(s.dark, float32(pedestal+0.6*r.Float64()))
		s.gain = append(s.gain, float32(base+spread*r.Float64()))
	}
	if z.flat {
		s.flat = must[*Flat](t)(NewFlat(s.img.Width, s.img.Height, s.dark, s.gain))
	}
	for range z.width * z.height {
		low := r.IntN(256)
		lo, hi := uint8(low), uint8(low+r.IntN(256-low))
		if r.Float64() >= share {
			lo, hi = 0, 255
		}
		s.lo, s.hi = append(s.lo, lo), append(s.hi, hi)
		s.mean, s.sigma = append(s.mean, 255*r.Float32()), append(s.sigma, 0.01+5*r.Float32())
	}
	s.ref = must[*Reference](t)(NewReference(s.width, s.height, s.lo, s.hi, s.mean, s.sigma))
	return s
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// drawSize and drawPlace cover what a scene can be.
func drawSize(r *rand.Rand) size {
	return size{width: 1 + r.IntN(200), height: 1 + r.IntN(12), left: r.IntN(9), top: r.IntN(4), right: 1 + r.IntN(5), bottom: 1 + r.IntN(3),
		padding: 2 * r.IntN(9), depth: []int{8, 10, 12, 16}[r.IntN(4)], flat: r.IntN(4) > 0}
}

func drawPlace(r *rand.Rand, z size) Place {
	p := Place{Gain: 0.5 + r.Float64(), Offset: 60*r.Float64() - 30}
	p.GainX = 0.3 * p.Gain * (2*r.Float64() - 1) / float64(z.width)
	p.GainY = 0.3 * p.Gain * (2*r.Float64() - 1) / float64(z.height)
	if r.IntN(4) > 0 {
		p.X, p.Y = r.Float64(), r.Float64()
	}
	return p
}

// exact is the die's grey level at (x, y) in float64, unrounded.
func (s *scene) exact(x, y int) float64 {
	fx, fy := math.Floor(s.at.X), math.Floor(s.at.Y)
	u, v := s.at.X-fx, s.at.Y-fy
	corrected := func(x, y int) float64 {
		x, y = min(x+int(fx), s.img.Width-1), min(y+int(fy), s.img.Height-1)
		raw := math.Ldexp(float64(s.img.At(x, y)&s.img.Max()), 8-s.img.Depth)
		if s.flat == nil {
			return raw
		}
		n := y*s.img.Width + x
		return (raw - float64(s.dark[n])) * float64(s.gain[n])
	}
	grey := (1-v)*((1-u)*corrected(x, y)+u*corrected(x+1, y)) + v*((1-u)*corrected(x, y+1)+u*corrected(x+1, y+1))
	light := s.at.Gain + s.at.GainX*(float64(x)-float64(s.width)/2) + s.at.GainY*(float64(y)-float64(s.height)/2)
	return grey*light + s.at.Offset
}

// places are two dies, the second, where the frame has room, at whole pixels
// and a little higher, so that the two overlap.
func (s *scene) places() []Place {
	second := s.at
	second.X, second.Y = math.Floor(s.at.X), 0
	second.Gain, second.Offset = s.at.Gain, -s.at.Offset
	return []Place{s.at, second}
}
