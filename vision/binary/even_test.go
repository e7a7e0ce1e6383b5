package binary

import (
	"math/rand/v2"
	"testing"

	"kensa/vision/frame"
)

// TestMajorityAndLonely compares the words' arithmetic with counting pixel by pixel.
func TestMajorityAndLonely(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for _, width := range []int{3, 63, 64, 65, 150} {
		const height = 21
		m := frame.New(width, height, 8)
		for n := range m.Pix {
			m.Pix[n] = byte(r.IntN(256))
		}
		var b, smooth bitmap
		b.pack(m, true)
		smooth.majority(&b)
		at := func(x, y int) int {
			if b.at(max(0, min(width-1, x)), clamp(y, height)) {
				return 1
			}
			return 0
		}
		lonely := 0
		for y := range height {
			for x := range width {
				sum := 0
				for n := range 9 {
					sum += at(x+n%3-1, y+n/3-1)
				}
				if got := smooth.at(x, y); got != (sum >= 5) {
					t.Fatalf("width %d, (%d, %d): %v with %d of nine set", width, x, y, got, sum)
				}
				if v := at(x, y); y%4 == 1 && y < height-1 && v != at(x-1, y) && v != at(x+1, y) && v != at(x, y-1) && v != at(x, y+1) {
					lonely++
				}
			}
		}
		for y := range height {
			for x := width; x < smooth.words*wordBits; x++ {
				if smooth.at(x, y) != smooth.at(width-1, y) {
					t.Fatalf("width %d, row %d: bit %d beyond the width is not the last pixel's", width, y, x)
				}
			}
		}
		if got := b.lonely(); got != 4*lonely {
			t.Errorf("width %d: %d lonely; want %d", width, got, 4*lonely)
		}
	}
}
