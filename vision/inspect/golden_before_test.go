package inspect_test

import (
	"fmt"
	"image"
	"math"
	"slices"
	"testing"

	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/golden"
	"kensa/vision/internal/testdie"
	"kensa/vision/register"
)

// TestStageJumps inspects fields one after the other whose stage jumps: by little,
// by its whole play, and by whole periods of a pattern that repeats. Each must be
// found where it truly lies, whatever the field before was.
func TestStageJumps(t *testing.T) {
	for name, l := range map[string]testdie.Layout{
		"usual": layout, "repeats every 8 pixels": repeating(8), "repeats every 5 pixels, but for a corner": repeating(5),
	} {
		t.Run(name, func(t *testing.T) {
			still := testdie.Usual()
			still.Jitter = 0
			g, err := learn(l, still)
			if err != nil {
				t.Fatal(err)
			}
			in, r := inspector(t, g), source(31)
			f := l.Draw(still, r, nil)
			jumps := []int{0, 5, 0, -5, 0, 4, -4, 0, 1, 2, 1, 0, -1}
			for range 12 {
				jumps = append(jumps, r.IntN(11)-5)
			}
			for n, jump := range jumps {
				dx, dy := jump, jumps[(n*7+3)%len(jumps)]*(n%2)
				img, rects := moved(f, dx, dy)
				found, err := in.Inspect(img, rects)
				if err != nil {
					t.Fatal(err)
				}
				alone, err := inspector(t, g).Inspect(img, rects)
				if err != nil {
					t.Fatal(err)
				}
				for k, d := range found {
					if alone[k].Registered != d.Registered || len(d.Defects) != len(alone[k].Defects) ||
						math.Hypot(d.Shift.DX-alone[k].Shift.DX, d.Shift.DY-alone[k].Shift.DY) > 0.05 {
						t.Fatalf("field %d, die %d, moved by (%d, %d): %v, shift %v; by itself %v, shift %v",
							n, k, dx, dy, d.Registered, d.Shift, alone[k].Registered, alone[k].Shift)
					}
					if name == "usual" && (!d.Registered || math.Hypot(d.Shift.DX-float64(dx), d.Shift.DY-float64(dy)) > 0.15) {
						t.Fatalf("field %d, die %d, moved by (%d, %d): %q, shift %v", n, k, dx, dy, d.Reason, d.Shift)
					}
				}
			}
		})
	}
}

// repeating is a die of pads at a pitch, with one large pad in a corner.
func repeating(pitch float64) testdie.Layout {
	l := testdie.Layout{Width: width, Height: height}
	for y := 10.0; y < height-10; y += pitch {
		for x := 10.0; x < width-10; x += pitch {
			if x > 40 || y > 40 {
				l.Rects = append(l.Rects, testdie.Rect{X0: x, Y0: y, X1: x + pitch/2, Y1: y + pitch/2, Delta: testdie.Material - testdie.Background})
			}
		}
	}
	l.Rects = append(l.Rects, testdie.Rect{X0: 12, Y0: 14, X1: 34, Y1: 30, Delta: testdie.Material - testdie.Background})
	return l
}

// moved takes the layout's rectangles as if the stage stood elsewhere.
func moved(f testdie.Frame, dx, dy int) (img frame.Image, rects []image.Rectangle) {
	for _, r := range f.Rects {
		rects = append(rects, r.Sub(image.Pt(dx, dy)))
	}
	return f.Image, rects
}

// TestFieldBeforeChangesNothing inspects a run of fields with one inspector and with
// a new one for each: the same dies have defects in the same places. Of shapes on the
// border between two classes, a hundredth of a pixel may decide.
func TestFieldBeforeChangesNothing(t *testing.T) {
	g := trained(t)
	kept, r := inspector(t, g), source(32)
	c := testdie.Usual()
	for n := range 12 {
		c.Jitter = []float64{0.3, 2}[n%2]
		f := layout.Draw(c, r, func(int) []testdie.Disc {
			return []testdie.Disc{{X: 10 + 170*r.Float64(), Y: 10 + 130*r.Float64(), Radius: 2 + 3*r.Float64(), Delta: 70}}
		})
		want := dies(t, inspector(t, g), f)
		for k, got := range dies(t, kept, f) {
			if got.Registered != want[k].Registered || !alike(got.Defects, want[k].Defects) {
				t.Errorf("field %d, die %d: %+v; by itself %+v", n, k, got, want[k])
			}
		}
	}
}

// alike reports whether defects lie in the same places.
func alike(a, b []defect.Defect) bool {
	return slices.EqualFunc(a, b, func(a, b defect.Defect) bool { return math.Hypot(a.CX-b.CX, a.CY-b.CY) < 0.5 })
}

// BenchmarkFirstDie inspects a frame with a single die, which lies where the one of
// the frame before lay, and one that never does.
func BenchmarkFirstDie(b *testing.B) {
	l := testdie.NewLayout(500, 488, 7)
	f := l.Draw(testdie.Conditions{Noise: 2.5}, source(33), nil)
	var samples []golden.Sample
	for n, r := range f.Rects {
		samples = append(samples, golden.Sample{Name: fmt.Sprint(n), Image: f.Image, Rect: r})
	}
	g, _, err := golden.Train(golden.Header{Product: "test"}, samples, register.DefaultParams())
	if err != nil {
		b.Fatal(err)
	}
	for name, jump := range map[string]int{"repeats": 0, "jumps": 4} {
		b.Run(name, func(b *testing.B) {
			in := inspector(b, g)
			for n := 0; b.Loop(); n++ {
				if _, err := in.Inspect(f.Image, []image.Rectangle{f.Rects[4].Add(image.Pt(n%2*jump, 0))}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
