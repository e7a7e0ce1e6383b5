package binary_test

import (
	"image"
	"math/rand/v2"
	"testing"

	"kensa/vision/binary"
	"kensa/vision/evaluate"
	"kensa/vision/frame"
)

// TestDeepPCBPerturbed spoils the pairs as another scanner would: nothing of this
// was in the set that the recipe was fitted to. Labels lie in the test image and
// stay.
func TestDeepPCBPerturbed(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hundreds of pairs are inspected in the full run")
	}
	p, err := binary.ParseParams(binary.Recipe, "recipe")
	if err != nil {
		t.Fatal(err)
	}
	all := pairs(t, 5)
	r := rand.New(rand.NewPCG(8, 8))
	for _, c := range []struct {
		name  string
		least float64 // of the F-score
		spoil func(template, test frame.Image) (frame.Image, frame.Image)
	}{
		{"as it is", 0.97, func(a, b frame.Image) (frame.Image, frame.Image) { return a, b }},
		{"template shifted by (3, −2)", 0.97, func(a, b frame.Image) (frame.Image, frame.Image) { return shifted(a, 3, -2), b }},
		{"template shifted by (−5, 6)", 0.96, func(a, b frame.Image) (frame.Image, frame.Image) { return shifted(a, -5, 6), b }},
		{"test a pixel thicker", 0.95, func(a, b frame.Image) (frame.Image, frame.Image) {
			return a, extreme(b, cross, darkest)
		}},
		{"test a pixel thinner", 0.95, func(a, b frame.Image) (frame.Image, frame.Image) {
			return a, extreme(b, cross, brightest)
		}},
		{"test thicker, corners too", 0.92, func(a, b frame.Image) (frame.Image, frame.Image) {
			return a, extreme(b, square, darkest)
		}},
		{"template thicker", 0.95, func(a, b frame.Image) (frame.Image, frame.Image) {
			return extreme(a, cross, darkest), b
		}},
		{"0.1 % of the test's pixels flipped", 0.95, func(a, b frame.Image) (frame.Image, frame.Image) { return a, salted(b, 0.001, r) }},
		{"1 % of the test's pixels flipped", 0.9, func(a, b frame.Image) (frame.Image, frame.Image) { return a, salted(b, 0.01, r) }},
	} {
		spoilt := make([]pair, len(all))
		for n, a := range all {
			spoilt[n] = a
			spoilt[n].template, spoilt[n].test = c.spoil(a.template, a.test)
		}
		score := evaluate.Of(results(t, p, spoilt), rules(p))
		t.Logf("%-36s mAP %.4f, F-score %.4f, precision %.4f, recall %.4f", c.name, score.MAP, score.F(), score.Precision(), score.Recall())
		if score.F() < c.least {
			t.Errorf("%s: F-score %.4f; want at least %v", c.name, score.F(), c.least)
		}
	}
}

// shifted repeats the border.
func shifted(m frame.Image, dx, dy int) frame.Image {
	out := frame.New(m.Width, m.Height, 8)
	for y := range m.Height {
		for x := range m.Width {
			out.Set(x, y, m.At(max(0, min(m.Width-1, x-dx)), max(0, min(m.Height-1, y-dy))))
		}
	}
	return out
}

// What lies around a pixel.
var (
	cross  = []image.Point{{X: 1}, {X: -1}, {Y: 1}, {Y: -1}}
	square = append([]image.Point{{X: 1, Y: 1}, {X: 1, Y: -1}, {X: -1, Y: 1}, {X: -1, Y: -1}}, cross...)
)

// extreme takes the darkest or brightest of each pixel and those around it.
func extreme(m frame.Image, around []image.Point, of func(a, b byte) byte) frame.Image {
	out := frame.New(m.Width, m.Height, 8)
	for y := range m.Height {
		for x := range m.Width {
			v := byte(m.At(x, y))
			for _, d := range around {
				if at := image.Pt(x, y).Add(d); at.In(m.Bounds()) {
					v = of(v, byte(m.At(at.X, at.Y)))
				}
			}
			out.Set(x, y, int(v))
		}
	}
	return out
}

func darkest(a, b byte) byte   { return min(a, b) }
func brightest(a, b byte) byte { return max(a, b) }

func salted(m frame.Image, share float64, r *rand.Rand) frame.Image {
	out := m.Clone()
	for range int(share * float64(len(m.Pix))) {
		n := r.IntN(len(out.Pix))
		out.Pix[n] = 255 - out.Pix[n]
	}
	return out
}
