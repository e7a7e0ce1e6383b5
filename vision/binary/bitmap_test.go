package binary

import (
	"image"
	"testing"

	"pgregory.net/rapid"

	"kensa/vision/defect"
	"kensa/vision/frame"
)

// picture is a bitmap of one byte a pixel, for the plain versions of what
// bitmap does in words.
type picture struct {
	width, height int
	set           []bool
}

// at repeats the pixels at the edges.
func (p picture) at(x, y int) bool {
	return p.set[clamp(y, p.height)*p.width+clamp(x, p.width)]
}

func drawPicture(t *rapid.T) picture {
	p := picture{width: rapid.IntRange(1, 200).Draw(t, "width"), height: rapid.IntRange(1, 9).Draw(t, "height")}
	seed, share := rapid.Uint64().Draw(t, "seed"), rapid.Uint64Range(0, 16).Draw(t, "share")
	for range p.width * p.height {
		seed = seed*6364136223846793005 + 1442695040888963407
		p.set = append(p.set, seed>>60 < share)
	}
	return p
}

// packed is the picture as a bitmap, by way of an image.
func (p picture) packed() *bitmap {
	m := frame.New(p.width, p.height, 8)
	for n, on := range p.set {
		m.Pix[n] = 128
		if on {
			m.Pix[n] = 127
		}
	}
	var b bitmap
	b.pack(m, false)
	return &b
}

// same reports a pixel at which the bitmap is not what want says.
func same(t *rapid.T, b *bitmap, what string, want func(x, y int) bool) {
	t.Helper()
	for y := range b.height {
		for x := range b.width {
			if b.at(x, y) != want(x, y) {
				t.Fatalf("%s: pixel (%d, %d) of %d×%d is %v", what, x, y, b.width, b.height, b.at(x, y))
			}
		}
	}
}

func TestWordsAgreeWithPixels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPicture(t)
		b := p.packed()
		same(t, b, "pack", p.at)
		var to bitmap
		to.complement(b)
		same(t, &to, "complement", func(x, y int) bool { return !p.at(x, y) })
		dx := rapid.IntRange(-maxMove, maxMove).Draw(t, "dx")
		to.shift(b, dx)
		same(t, &to, "shift", func(x, y int) bool { return p.at(x-dx, y) })
		dy := rapid.IntRange(-5, 5).Draw(t, "dy")
		to.cut(b, image.Rect(0, 0, b.words, b.height), offset{dx, dy}, true)
		same(t, &to, "cut", func(x, y int) bool { return !p.at(x-dx, y-dy) })
	})
}

func TestSpreadAgreesWithPixels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, square := drawPicture(t), rapid.Bool().Draw(t, "square")
		near := func(x, y int, value bool) bool {
			for v := -1; v <= 1; v++ {
				for u := -1; u <= 1; u++ {
					if (square || u == 0 || v == 0) && p.at(x+u, y+v) == value {
						return true
					}
				}
			}
			return false
		}
		var to bitmap
		to.dilate(p.packed(), square)
		same(t, &to, "dilate", func(x, y int) bool { return near(x, y, true) })
		to.erode(p.packed(), square)
		same(t, &to, "erode", func(x, y int) bool { return !near(x, y, false) })
	})
}

func TestDifferencesAgreeWithPixels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPicture(t)
		p.width = p.width / wordBits * wordBits // what lies beyond the width counts too
		if p.width == 0 || p.height < 2 {
			t.Skip("too small")
		}
		p.set = p.set[:p.width*p.height]
		b, dx, want := p.packed(), rapid.IntRange(-maxMove, maxMove).Draw(t, "dx"), 0
		for x := range p.width {
			if p.at(x, 0) != p.at(x-dx, 1) {
				want++
			}
		}
		if got := differences(b.row(0), b.row(1), dx); got != want {
			t.Fatalf("%d pixels differ; want %d", got, want)
		}
	})
}

func TestRunsCoverThePixelsWithin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPicture(t)
		x0, y0 := rapid.IntRange(0, p.width).Draw(t, "x0"), rapid.IntRange(0, p.height).Draw(t, "y0")
		within := image.Rect(x0, y0, rapid.IntRange(x0, p.width).Draw(t, "x1"), rapid.IntRange(y0, p.height).Draw(t, "y1"))
		runs := p.packed().runs(nil, within)
		got := picture{width: p.width, height: p.height, set: make([]bool, len(p.set))}
		count := 0
		for n, r := range runs {
			if r.Weight != int64(r.X1-r.X0) || n > 0 && runs[n-1].Y == r.Y && runs[n-1].X1 >= r.X0 {
				t.Fatalf("run %d is %+v after %+v; want runs apart, of weight 1 a pixel", n, r, runs[max(0, n-1)])
			}
			for x := r.X0; x < r.X1; x++ {
				got.set[r.Y*p.width+x] = true
				count++
			}
		}
		same(t, got.packed(), "runs", func(x, y int) bool { return p.at(x, y) && image.Pt(x, y).In(within) })
		if all := p.packed().count(defect.Blob{Runs: runs}); all != count {
			t.Fatalf("count: %d pixels; want %d", all, count)
		}
	})
}
