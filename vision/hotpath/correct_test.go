package hotpath

import (
	"math"
	"math/rand/v2"
	"testing"

	"kensa/vision/frame"
)

// TestCorrect compares with the correction worked out in floating point.
func TestCorrect(t *testing.T) {
	const width, height = 37, 11
	r := rand.New(rand.NewPCG(4, 4))
	dark, gain := make([]float32, width*height), make([]float32, width*height)
	for n := range dark {
		dark[n], gain[n] = 4+2*r.Float32(), 0.7+r.Float32()
	}
	flat, err := NewFlat(width, height, dark, gain)
	if err != nil {
		t.Fatal(err)
	}
	for _, depth := range []int{8, 12, 16} {
		img := frame.New(width, height, depth)
		for n := range dark {
			img.Set(n%width, n/width, r.IntN(img.Max()+1))
		}
		for _, f := range []*Flat{nil, flat} {
			even := f.CorrectFrame(img, frame.Image{})
			for n := range dark {
				x, y := n%width, n/width
				want, off := float64(img.At(x, y))/float64(int(1)<<(depth-8)), 1.0/64
				if f != nil {
					want, off = (want-float64(dark[n]))*float64(gain[n]), flat.Error()+1.0/32
				}
				want = max(0, min(255.99, want))
				if got := float64(even.At(x, y)) / 256; math.Abs(got-want) > off {
					t.Fatalf("depth %d, flat %v: %.3f grey levels; want %.3f ± %.3f", depth, f != nil, got, want, off)
				}
			}
		}
	}
	if flat.Fits(frame.New(width+1, height, 8)) || !(*Flat)(nil).Fits(frame.New(1, 1, 8)) {
		t.Error("what fits is wrong")
	}
}
