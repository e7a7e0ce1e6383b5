package golden_test

import (
	"image"
	"math"
	"testing"

	"pgregory.net/rapid"

	"kensa/vision/golden"
	"kensa/vision/internal/testdie"
)

// TestMasksOnlyWiden compares the limits with and without random masks.
func TestMasksOnlyWiden(t *testing.T) {
	g, _ := train(t, dies(1, 6, testdie.NewLayout(width, height, 7), nil))
	plain := g.Planes(golden.DefaultLimits())
	rapid.Check(t, func(t *rapid.T) {
		masks := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) golden.Mask {
			x, y := rapid.IntRange(-20, width).Draw(t, "x"), rapid.IntRange(-20, height).Draw(t, "y")
			r := image.Rect(x, y, x+rapid.IntRange(0, 60).Draw(t, "w"), y+rapid.IntRange(0, 60).Draw(t, "h"))
			return golden.Mask{Rect: r, Factor: rapid.SampledFrom([]float64{1, 1.5, 3, math.Inf(1)}).Draw(t, "factor")}
		}), 0, 4).Draw(t, "masks")
		got := g.Masked(masks).Planes(golden.DefaultLimits())
		for n := range plain.Lo {
			factor := 1.0
			for _, m := range masks {
				if image.Pt(n%width, n/width).In(m.Rect) {
					factor = max(factor, m.Factor)
				}
			}
			lo, hi := plain.Lo[n], plain.Hi[n]
			switch {
			case factor == 1 && (got.Lo[n] != lo || got.Hi[n] != hi):
				t.Fatalf("pixel %d beside the masks: %d to %d; without masks %d to %d", n, got.Lo[n], got.Hi[n], lo, hi)
			case got.Lo[n] > lo || got.Hi[n] < hi:
				t.Fatalf("pixel %d: %d to %d; without masks %d to %d", n, got.Lo[n], got.Hi[n], lo, hi)
			case math.IsInf(factor, 1) && (got.Lo[n] != 0 || got.Hi[n] != 255):
				t.Fatalf("pixel %d is ignored: %d to %d; want 0 to 255", n, got.Lo[n], got.Hi[n])
			case factor > 1 && hi < 255 && got.Hi[n] == hi:
				t.Fatalf("pixel %d with factor %v: upper limit %d as without", n, factor, hi)
			}
		}
	})
	if again := g.Planes(golden.DefaultLimits()); again.Lo[0] != plain.Lo[0] || g.Hash() != g.Masked(nil).Hash() {
		t.Error("masks changed the golden itself")
	}
}
