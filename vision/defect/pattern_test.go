package defect_test

import (
	"image"
	"math"
	"testing"

	"kensa/vision/defect"
)

// Grey levels of the drawn die: two lines across, an L and a wide plane.
const (
	ground, material = 60, 160
	side             = 64
)

var lines = []image.Rectangle{
	image.Rect(2, 10, 62, 16), image.Rect(2, 21, 62, 27), // lines 5 pixels apart
	image.Rect(4, 34, 9, 60), image.Rect(4, 55, 24, 60), // an L
	image.Rect(34, 34, 62, 62), // a plane
}

// draw blurs the edges a little, as an optic does.
func draw(fill func(x, y int) int) []uint8 {
	pix := make([]uint8, side*side)
	at := func(x, y int) int { return fill(max(0, min(side-1, x)), max(0, min(side-1, y))) }
	for n := range pix {
		x, y := n%side, n/side
		sum := 4*at(x, y) + 2*(at(x-1, y)+at(x+1, y)+at(x, y-1)+at(x, y+1)) + at(x-1, y-1) + at(x+1, y-1) + at(x-1, y+1) + at(x+1, y+1)
		pix[n] = uint8((sum + 8) / 16)
	}
	return pix
}

func pattern(x, y int) int {
	for _, r := range lines {
		if image.Pt(x, y).In(r) {
			return material
		}
	}
	return ground
}

// blob is where the die differs from the golden by more than 15 grey levels.
func blob(t *testing.T, golden, die []uint8) defect.Blob {
	t.Helper()
	p := picture{side, side, make([]int, side*side)}
	for n := range die {
		if d := int(die[n]) - int(golden[n]); d > 15 || d < -15 {
			p.excess[n] = d
		}
	}
	blobs, err := new(defect.Joiner).Join(p.runs(), defect.Params{MinArea: 1, MergeDistance: 2, MaxDefects: 9})
	if err != nil || len(blobs) != 1 {
		t.Fatalf("%d blobs, %v; want one", len(blobs), err)
	}
	return blobs[0]
}

var marks = []struct {
	name string
	at   image.Rectangle
	grey int
	want defect.Class
}{
	{"cut line", image.Rect(30, 10, 34, 16), ground, defect.Open},
	{"line cut near its end", image.Rect(54, 10, 57, 16), ground, defect.Open},
	{"half a cut", image.Rect(30, 10, 34, 13), ground, defect.MouseBite},
	{"bite of the plane", image.Rect(45, 34, 49, 37), ground, defect.MouseBite},
	{"hole in the plane", image.Rect(45, 45, 49, 49), ground, defect.PinHole},
	{"bridge between lines", image.Rect(30, 16, 34, 21), material, defect.Short},
	{"bump on a line", image.Rect(30, 7, 34, 10), material, defect.Spur},
	{"filled inner corner", image.Rect(9, 50, 14, 55), material, defect.Spur},
	{"island", image.Rect(18, 40, 22, 44), material, defect.Copper},
	{"faint island", image.Rect(18, 40, 22, 44), ground + 40, defect.Copper},
	{"small island near a line", image.Rect(18, 30, 20, 32), material, defect.Copper},
	{"faint cut", image.Rect(30, 10, 34, 16), material - 60, defect.Open},
	{"something bright on the plane", image.Rect(44, 44, 50, 50), 240, defect.Particle},
	{"something black on the ground", image.Rect(18, 40, 24, 46), 5, defect.Particle},
	{"something black on a line and beside it", image.Rect(30, 8, 36, 14), 5, defect.Particle},
	{"wide and faint on the plane", image.Rect(40, 40, 56, 56), material - 30, defect.Stain},
	{"long and thin over all", image.Rect(28, 2, 30, 62), 230, defect.Scratch},
}

func TestClassify(t *testing.T) {
	golden := draw(pattern)
	for _, c := range marks {
		t.Run(c.name, func(t *testing.T) {
			die := draw(func(x, y int) int {
				if image.Pt(x, y).In(c.at) {
					return c.grey
				}
				return pattern(x, y)
			})
			b := blob(t, golden, die)
			class, confidence, _ := defect.NewPattern(golden, side, side, defect.BrightMaterial).Classify(b, die)
			if class != c.want || confidence <= 0 || confidence > 1 {
				t.Errorf("%s, confidence %.2f; want %s", class, confidence, c.want)
			}
		})
	}
}

// TestClassifyNegative wants the same classes where material is dark.
func TestClassifyNegative(t *testing.T) {
	negative := func(pix []uint8) []uint8 {
		out := make([]uint8, len(pix))
		for n, v := range pix {
			out[n] = 255 - v
		}
		return out
	}
	golden := draw(pattern)
	for _, c := range marks {
		die := negative(draw(func(x, y int) int {
			if image.Pt(x, y).In(c.at) {
				return c.grey
			}
			return pattern(x, y)
		}))
		b := blob(t, negative(golden), die)
		if class, _, _ := defect.NewPattern(negative(golden), side, side, defect.DarkMaterial).Classify(b, die); class != c.want {
			t.Errorf("%s: %s; want %s", c.name, class, c.want)
		}
	}
}

// TestClassifyWithoutPattern must not divide by a step of zero.
func TestClassifyWithoutPattern(t *testing.T) {
	flat := make([]uint8, side*side)
	die := make([]uint8, side*side)
	die[side*30+30], die[side*30+31] = 90, 90
	if class, confidence, _ := defect.NewPattern(flat, side, side, defect.BrightMaterial).Classify(blob(t, flat, die), die); confidence < 0 || confidence > 1 || math.IsNaN(confidence) {
		t.Errorf("%s, confidence %v", class, confidence)
	}
}

func TestAxes(t *testing.T) {
	p := picture{40, 40, make([]int, 1600)}
	for y := 5; y < 11; y++ {
		for x := 5; x < 35; x++ {
			p.excess[y*40+x] = 1
		}
	}
	blobs, err := new(defect.Joiner).Join(p.runs(), defect.Params{MinArea: 1, MaxDefects: 1})
	if err != nil {
		t.Fatal(err)
	}
	length, width := blobs[0].Axes()
	if k := 2 / math.Sqrt(3); math.Abs(length-30*k) > 1e-9 || math.Abs(width-6*k) > 1e-9 {
		t.Errorf("axes %v × %v; want %v × %v", length, width, 30*k, 6*k)
	}
}

// BenchmarkClassify measures and names one small defect.
func BenchmarkClassify(b *testing.B) {
	golden := draw(pattern)
	at := image.Rect(30, 7, 34, 10)
	die := draw(func(x, y int) int {
		if image.Pt(x, y).In(at) {
			return material
		}
		return pattern(x, y)
	})
	var runs []defect.Run
	for y := at.Min.Y; y < at.Max.Y; y++ {
		runs = append(runs, defect.Run{Y: y, X0: at.Min.X, X1: at.Max.X, Bright: at.Dx(), Weight: int64(at.Dx()), Peak: 20})
	}
	blobs, err := new(defect.Joiner).Join(runs, defect.Params{MinArea: 1, MaxDefects: 9})
	if err != nil || len(blobs) != 1 {
		b.Fatal(err)
	}
	p := defect.NewPattern(golden, side, side, defect.BrightMaterial)
	b.ReportAllocs()
	for b.Loop() {
		p.Classify(blobs[0], die)
	}
}
