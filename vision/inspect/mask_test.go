package inspect_test

import (
	"image"
	"math"
	"slices"
	"testing"

	"kensa/vision/defect"
	"kensa/vision/golden"
	"kensa/vision/inspect"
	"kensa/vision/internal/testdie"
)

// TestMaskNeverAddsAFinding: what is found with masks lies within what is found
// without, in golden mode and by vote; and what an ignored region covers is not
// found.
func TestMaskNeverAddsAFinding(t *testing.T) {
	g, r := trained(t), source(30)
	for range times(8) {
		f := layout.Draw(testdie.Usual(), r, func(die int) (d []testdie.Disc) {
			for range r.IntN(3) {
				d = append(d, testdie.Disc{X: width * r.Float64(), Y: height * r.Float64(), Radius: 2 + 6*r.Float64(), Delta: 140*float64(r.IntN(2)) - 70})
			}
			return d
		})
		x, y := r.IntN(width), r.IntN(height)
		masks := []golden.Mask{
			{Rect: image.Rect(x, y, x+60, y+60), Factor: math.Inf(1)},
			{Rect: image.Rect(0, r.IntN(height), width, height), Factor: 1 + 2*r.Float64()},
		}
		ignored := masks[0].Rect
		check := func(plain, masked inspect.Inspector) {
			before := dies(t, plain, f)
			for n, d := range dies(t, masked, f) {
				if d.Registered != before[n].Registered || d.Shift != before[n].Shift {
					t.Errorf("die %d: masks changed its registration", n)
				}
				for _, found := range d.Defects {
					if !slices.ContainsFunc(before[n].Defects, func(b defect.Defect) bool { return found.Box.In(b.Box) }) {
						t.Errorf("die %d: %+v; without masks %+v", n, found, before[n].Defects)
					}
					at := found.Box.Sub(d.Rect.Min).Sub(image.Pt(int(math.Round(d.Shift.DX)), int(math.Round(d.Shift.DY))))
					if at.In(ignored) {
						t.Errorf("die %d: %+v lies in the ignored region %v", n, found, ignored)
					}
				}
			}
		}
		check(inspector(t, g), inspector(t, g.Masked(masks)))
		check(voting(t), voting(t, masks...))
	}
}
