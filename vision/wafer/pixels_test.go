package wafer

import (
	"image"
	"math"
	"testing"

	"pgregory.net/rapid"

	"kensa/vision/defect"
	"kensa/vision/length"
)

func TestRectsLieWhereTheDiesAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		for _, f := range p.Fields {
			for _, d := range f.Dies {
				die := p.Dies[d.Die].Center
				x := float64(p.Width)/2 + float64(die.X-f.Center.X)/float64(p.Layout.PixelSize)
				y := float64(p.Height)/2 - float64(die.Y-f.Center.Y)/float64(p.Layout.PixelSize)
				cx, cy := float64(d.Rect.Min.X+d.Rect.Max.X)/2, float64(d.Rect.Min.Y+d.Rect.Max.Y)/2
				if math.Abs(cx-x) > 0.501 || math.Abs(cy-y) > 0.501 {
					t.Fatalf("die %v: centre of %v; should be near (%g, %g)", p.Dies[d.Die].Index, d.Rect, x, y)
				}
			}
		}
	})
}

// TestWholePixelsAreNotLostToRounding: quotients such as 324.7/0.3247 are not
// whole in floating point.
func TestWholePixelsAreNotLostToRounding(t *testing.T) {
	for n := 8; n < 5000; n++ {
		for _, pixel := range []length.Length{0.3247, 0.1, 0.7, 1.0 / 3, 2.2} {
			l := sram()
			l.PixelSize = pixel
			l.DieWidth = pixel * length.Length(n)
			l.PitchX = l.DieWidth
			l.FieldColumns = 3
			w, _ := l.DiePixels()
			if fw, _ := l.FieldPixels(); w != n || fw != 3*n {
				t.Fatalf("%d pixels of %v: die %d, field %d", n, pixel, w, fw)
			}
		}
	}
}

// TestLocateReversesTheCamera puts a defect on the wafer, works out at which
// pixel a displaced die would show it, and locates it from there.
func TestLocateReversesTheCamera(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		l := p.Layout
		f := p.Fields[rapid.IntRange(0, len(p.Fields)-1).Draw(t, "field")]
		d := f.Dies[rapid.IntRange(0, len(f.Dies)-1).Draw(t, "die")]
		die := p.Dies[d.Die]
		onDie := Point{
			l.DieWidth * length.Length(rapid.Float64Range(0, 1).Draw(t, "x")),
			l.DieHeight * length.Length(rapid.Float64Range(0, 1).Draw(t, "y")),
		}
		// The stage stopped beside the field's centre by these distances.
		missX, missY := rapid.Float64Range(-5, 5).Draw(t, "missX"), rapid.Float64Range(-5, 5).Draw(t, "missY")
		wafer := Point{die.Center.X - l.DieWidth/2 + onDie.X, die.Center.Y - l.DieHeight/2 + onDie.Y}
		toFrame := func(q Point) (x, y float64) {
			return float64(p.Width)/2 + float64((q.X-f.Center.X)/l.PixelSize) + missX,
				float64(p.Height)/2 - float64((q.Y-f.Center.Y)/l.PixelSize) + missY
		}
		x, y := toFrame(wafer)
		cx, cy := toFrame(die.Center)
		dx, dy := cx-float64(d.Rect.Min.X+d.Rect.Max.X)/2, cy-float64(d.Rect.Min.Y+d.Rect.Max.Y)/2
		found := defect.Defect{CX: x - 0.5, CY: y - 0.5, Box: image.Rect(10, 20, 13, 27)}

		got := l.Locate(die.Index, d.Rect, dx, dy, found)
		near := func(a, b length.Length) bool { return math.Abs(float64(a-b)) < 1e-5 }
		if !near(got.OnWafer.X, wafer.X) || !near(got.OnWafer.Y, wafer.Y) || !near(got.OnDie.X, onDie.X) || !near(got.OnDie.Y, onDie.Y) {
			t.Fatalf("located %+v; put on wafer %+v, on die %+v", got, wafer, onDie)
		}
		if got.Width != 3*l.PixelSize || got.Height != 7*l.PixelSize {
			t.Fatalf("size %v × %v", got.Width, got.Height)
		}
	})
}

func TestSizeHasTheScalesUncertainty(t *testing.T) {
	l := Layout{PixelSize: 2, PixelSizeUncertainty: 0.04} // 2 %
	got := l.Locate(DieIndex{}, image.Rect(0, 0, 9, 9), 0, 0, defect.Defect{Measures: defect.Measures{Size: 100, SizeUncertainty: 1.5}})
	if want := math.Hypot(3, 4); got.Size != 200 || math.Abs(float64(got.Uncertainty)-want) > 1e-9 {
		t.Errorf("size %v ± %v; want 200 µm ± %v µm", got.Size, got.Uncertainty, want)
	}
	l.PixelSizeUncertainty = 0
	if got := l.Locate(DieIndex{}, image.Rect(0, 0, 9, 9), 0, 0, defect.Defect{Measures: defect.Measures{Size: 5, SizeUncertainty: 0.5}}); got.Uncertainty != 1 {
		t.Errorf("without the scale's: %v; want 1 µm", got.Uncertainty)
	}
}

func TestLocateByHand(t *testing.T) {
	l := sram() // die 790×990 pixels of 10 µm
	corner := image.Rect(100, 200, 100+790, 200+990)
	for _, c := range []struct {
		name   string
		cx, cy float64
		dx, dy float64
		want   Point
	}{
		{"lower left pixel", 100, 1189, 0, 0, Point{5, 5}},
		{"upper right pixel", 889, 200, 0, 0, Point{7895, 9895}},
		{"the same, the die found right and below", 889 + 3, 200 + 2, 3, 2, Point{7895, 9895}},
	} {
		got := l.Locate(DieIndex{2, -1}, corner, c.dx, c.dy, defect.Defect{CX: c.cx, CY: c.cy})
		wafer := Point{16000 - 3950 + c.want.X, -10000 - 4950 + c.want.Y}
		if got.OnDie != c.want || got.OnWafer != wafer {
			t.Errorf("%s: %+v; want %+v on the die, %+v on the wafer", c.name, got, c.want, wafer)
		}
	}
}

// TestOnDieIsWhereLocateSays places regions of one pixel and wants Locate to
// give their corner back.
func TestOnDieIsWhereLocateSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Layout{Kind: DieGrid, PixelSize: length.Length(rapid.Float64Range(0.1, 50).Draw(t, "pixel"))}
		l.DieWidth = l.PixelSize * length.Length(rapid.Float64Range(8, 500).Draw(t, "width"))
		l.DieHeight = l.PixelSize * length.Length(rapid.Float64Range(8, 500).Draw(t, "height"))
		w, h := l.DiePixels()
		x, y := rapid.IntRange(0, w-1).Draw(t, "x"), rapid.IntRange(0, h-1).Draw(t, "y")
		spot := l.Locate(DieIndex{}, image.Rect(0, 0, w, h), 0, 0, defect.Defect{CX: float64(x), CY: float64(y)})
		half := l.PixelSize / 2
		got := l.OnDie(Point{spot.OnDie.X - half, spot.OnDie.Y - half}, l.PixelSize, l.PixelSize)
		if want := image.Rect(x, y, x+1, y+1); got != want {
			t.Fatalf("pixel %v; want %v", got, want)
		}
	})
}
