package inspect_test

import (
	"testing"

	"kensa/vision/inspect"
)

// BenchmarkPair compares two drawn micrographs of 480 × 480 pixels.
func BenchmarkPair(b *testing.B) {
	s := newScene(1, 480)
	ref := s.picture(view{side: 480, noise: 8})
	img := s.picture(view{side: 480, noise: 8, seed: 2, dx: 20.3, dy: -7.7, turn: 0.3, blots: three})
	b.SetBytes(480 * 480)
	for b.Loop() {
		pair(b, ref, img)
	}
}

// BenchmarkUnpatterned searches a drawn photograph of ten megapixels.
func BenchmarkUnpatterned(b *testing.B) {
	w := usualWafer()
	w.w, w.h, w.blots = 3656, 2740, specks
	img := w.picture()
	p := inspect.DefaultUnpatternedParams()
	b.SetBytes(int64(w.w * w.h))
	for b.Loop() {
		inspectBare(b, img, p)
	}
}
