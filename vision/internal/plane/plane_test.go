package plane_test

import (
	"image"
	"math"
	"testing"

	"pgregory.net/rapid"

	"kensa/vision/frame"
	"kensa/vision/internal/plane"
)

// TestLoad compares with the nearest pixel taken one by one.
func TestLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		depth := rapid.SampledFrom([]int{8, 12, 16}).Draw(t, "depth")
		m := frame.New(rapid.IntRange(1, 9).Draw(t, "width"), rapid.IntRange(1, 9).Draw(t, "height"), depth)
		for n := range m.Width * m.Height {
			m.Set(n%m.Width, n/m.Width, rapid.IntRange(0, m.Max()).Draw(t, "grey"))
		}
		x, y := rapid.IntRange(-8, m.Width-1).Draw(t, "x"), rapid.IntRange(-8, m.Height-1).Draw(t, "y")
		r := image.Rect(x, y, max(x, 0)+rapid.IntRange(1, 12).Draw(t, "w"), max(y, 0)+rapid.IntRange(1, 12).Draw(t, "h"))
		var p plane.Plane
		p.Load(m, r)
		for n, got := range p.Pix {
			at := image.Pt(max(0, min(m.Width-1, x+n%p.Width)), max(0, min(m.Height-1, y+n/p.Width)))
			if want := float32(m.At(at.X, at.Y)) / float32(int(1)<<(depth-8)); got != want {
				t.Fatalf("pixel %d: %v; want %v as at %v", n, got, want, at)
			}
		}
	})
}

func TestLoadBesideTheImageIsZero(t *testing.T) {
	m := frame.New(4, 4, 8)
	m.Set(3, 3, 200)
	var p plane.Plane
	p.Load(m, image.Rect(10, 3, 13, 5))
	for _, v := range p.Pix {
		if v != 0 {
			t.Fatalf("%v; want zeros", p.Pix)
		}
	}
}

// TestSmoothAt filters a wave whose filtered and shifted form is known.
func TestSmoothAt(t *testing.T) {
	const size, omega = 40, 2 * math.Pi / 9
	wave := plane.New(size, size)
	for n := range wave.Pix {
		wave.Pix[n] = float32(100 * math.Sin(omega*float64(n%size)) * math.Cos(omega*float64(n/size)))
	}
	gain := math.Pow(math.Cos(omega/2), 8) // of (1 4 6 4 1)/16, across and down
	var p, scratch plane.Plane
	check := func(u, v float64, x0, y0 int, tolerance float64) {
		for n, got := range p.Pix {
			x, y := float64(n%p.Width+x0)+u, float64(n/p.Width+y0)+v
			want := gain * 100 * math.Sin(omega*x) * math.Cos(omega*y)
			if math.Abs(float64(got)-want) > tolerance {
				t.Fatalf("shift (%v, %v): %v at (%v, %v); want %v", u, v, got, x, y, want)
			}
		}
	}
	p.Smooth(wave, &scratch)
	check(0, 0, 2, 2, 1e-3)
	for _, u := range []float64{0, 0.25, 0.5, 0.9} {
		p.SmoothAt(wave, u, 1-u, &scratch)
		check(u, 1-u, 3, 3, 0.8)
	}
}

func TestHalfAndPad(t *testing.T) {
	var half plane.Plane
	half.Half(plane.Plane{Width: 3, Height: 2, Pix: []float32{1, 2, 9, 3, 6, 9}})
	if half.Width != 1 || half.Height != 1 || half.Pix[0] != 3 {
		t.Errorf("half %+v; want 3", half)
	}
	padded := plane.Plane{Width: 2, Height: 1, Pix: []float32{5, 7}}.Pad(1)
	for n, want := range []float32{5, 5, 7, 7, 5, 5, 7, 7, 5, 5, 7, 7} {
		if padded.Pix[n] != want {
			t.Errorf("padded %v", padded.Pix)
			break
		}
	}
}
