package register_test

import (
	"errors"
	"image"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"kensa/vision/frame"
	"kensa/vision/internal/testdie"
	"kensa/vision/register"
)

// ideal is a product's die without noise, drawn at its expected place.
func ideal(t testing.TB, l testdie.Layout) *register.Template {
	t.Helper()
	f := l.Draw(testdie.Conditions{}, rand.New(rand.NewPCG(1, 1)), nil)
	template, err := register.NewTemplate(grey(f.Image.Sub(f.Rects[4])), l.Width, l.Height)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func grey(m frame.Image) []float32 {
	var values []float32
	for y := range m.Height {
		for _, v := range m.Row(y) {
			values = append(values, float32(v))
		}
	}
	return values
}

// TestShift compares with the shifts at which frames were drawn.
func TestShift(t *testing.T) {
	for _, c := range []struct {
		name          string
		width, height int
		change        func(*testdie.Conditions)
		rms, worst    float64
		frames        int
	}{
		{"usual conditions", 290, 240, func(c *testdie.Conditions) {}, 0.02, 0.05, 5},
		{"±4 pixels", 290, 240, func(c *testdie.Conditions) { c.Jitter = 4 }, 0.02, 0.05, 5},
		{"strong vignette", 290, 240, func(c *testdie.Conditions) { c.Vignette, c.Tilt = 0.3, 0.2 }, 0.02, 0.05, 3},
		{"noisy", 290, 240, func(c *testdie.Conditions) { c.Noise = 8 }, 0.04, 0.12, 3},
		{"small die", 100, 90, func(c *testdie.Conditions) { c.Jitter = 4 }, 0.05, 0.15, 3},
		{"no noise", 290, 240, func(c *testdie.Conditions) { c.Noise, c.EdgeNoise = 0, 0 }, 0.01, 0.02, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			layout := testdie.NewLayout(c.width, c.height, 7)
			template := ideal(t, layout)
			conditions := testdie.Usual()
			c.change(&conditions)
			r := rand.New(rand.NewPCG(2, 2))
			var matcher register.Matcher
			var sum, worst, least float64 = 0, 0, 1
			for range c.frames {
				f := layout.Draw(conditions, r, nil)
				for n, rect := range f.Rects {
					m, err := matcher.Match(template, f.Image, rect, register.DefaultParams())
					if err != nil {
						t.Fatal(err)
					}
					dx, dy := m.DX-f.DX[n], m.DY-f.DY[n]
					sum += dx*dx + dy*dy
					worst = max(worst, math.Abs(dx), math.Abs(dy))
					least = min(least, m.Confidence)
				}
			}
			rms := math.Sqrt(sum / float64(2*9*c.frames))
			t.Logf("rms %.4f, worst %.4f pixel of %d dies; least confidence %.3f", rms, worst, 9*c.frames, least)
			if rms > c.rms || worst > c.worst {
				t.Errorf("rms %.4f, worst %.4f pixel; want at most %v and %v", rms, worst, c.rms, c.worst)
			}
		})
	}
}

// TestLight applies what Match found and compares with the ideal die.
func TestLight(t *testing.T) {
	layout := testdie.NewLayout(290, 240, 7)
	template := ideal(t, layout)
	conditions := testdie.Usual()
	conditions.EdgeNoise = 0
	r := rand.New(rand.NewPCG(3, 3))
	var matcher register.Matcher
	for range 3 {
		f := layout.Draw(conditions, r, nil)
		for _, rect := range f.Rects {
			m, err := matcher.Match(template, f.Image, rect, register.DefaultParams())
			if err != nil {
				t.Fatal(err)
			}
			// The corners, where the light is farthest from its mean, are background.
			for _, at := range []image.Point{{4, 4}, {285, 4}, {4, 235}, {285, 235}} {
				got, n := 0.0, 0.0
				for dy := -2; dy <= 2; dy++ {
					for dx := -2; dx <= 2; dx++ {
						x, y := at.X+dx, at.Y+dy
						v := f.Image.At(rect.Min.X+x+int(math.Round(m.DX)), rect.Min.Y+y+int(math.Round(m.DY)))
						got += m.Light.At(x, y, 290, 240)*float64(v) + m.Light.Offset
						n++
					}
				}
				if got /= n; math.Abs(got-testdie.Background) > 3 {
					t.Errorf("corner %v: grey level %.1f; want %v", at, got, testdie.Background)
				}
			}
		}
	}
}

// TestDefectsDoNotPull puts bright and dark discs of 20 pixels on the die.
func TestDefectsDoNotPull(t *testing.T) {
	layout := testdie.NewLayout(290, 240, 7)
	template := ideal(t, layout)
	r := rand.New(rand.NewPCG(4, 4))
	spoil := func(int) []testdie.Disc {
		var discs []testdie.Disc
		for range 5 {
			delta := []float64{-90, 90}[r.IntN(2)]
			discs = append(discs, testdie.Disc{X: 290 * r.Float64(), Y: 240 * r.Float64(), Radius: 10, Delta: delta})
		}
		return discs
	}
	var matcher register.Matcher
	for range 3 {
		f := layout.Draw(testdie.Usual(), r, spoil)
		for n, rect := range f.Rects {
			m, err := matcher.Match(template, f.Image, rect, register.DefaultParams())
			if err != nil {
				t.Fatal(err)
			}
			if off := math.Hypot(m.DX-f.DX[n], m.DY-f.DY[n]); off > 0.06 {
				t.Errorf("off by %.3f pixel; want at most 0.06", off)
			}
		}
	}
}

func TestMismatch(t *testing.T) {
	layout := testdie.NewLayout(290, 240, 7)
	template := ideal(t, layout)
	r := rand.New(rand.NewPCG(5, 5))
	good := layout.Draw(testdie.Usual(), r, nil)
	other := testdie.NewLayout(290, 240, 8).Draw(testdie.Usual(), r, nil)
	far := testdie.Usual()
	far.Jitter = 0
	still := layout.Draw(far, r, nil)
	rect := good.Rects[4]
	fill := func(value int) frame.Image {
		m := good.Image.Clone()
		for n := range m.Pix {
			m.Pix[n] = byte(value)
		}
		return m
	}
	turned := good.Image.Clone()
	for n := range turned.Pix {
		turned.Pix[n] = good.Image.Pix[len(good.Image.Pix)-1-n]
	}
	negative := good.Image.Clone()
	for n, v := range negative.Pix {
		negative.Pix[n] = 255 - v
	}
	noise := good.Image.Clone()
	for n := range noise.Pix {
		noise.Pix[n] = byte(r.IntN(256))
	}
	for _, c := range []struct {
		name, want string
		img        frame.Image
		rect       image.Rectangle
	}{
		{"black", "black", fill(0), rect},
		{"white", "saturated, 100 %", fill(255), rect},
		{"blank", "blank", fill(90), rect},
		{"upside down", "another pattern", turned, rect},
		{"negative", "another pattern", negative, rect},
		{"another product", "another pattern", other.Image, rect},
		{"noise", "another pattern", noise, rect},
		{"too far", "", still.Image, still.Rects[4].Add(image.Pt(11, 0))},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := new(register.Matcher).Match(template, c.img, c.rect, register.DefaultParams())
			var mismatch register.Mismatch
			if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, error %v; want a mismatch with %q", m, err, c.want)
			}
		})
	}
}

func TestDeeperFramesMatchAlike(t *testing.T) {
	layout := testdie.NewLayout(290, 240, 7)
	template := ideal(t, layout)
	f := layout.Draw(testdie.Usual(), rand.New(rand.NewPCG(6, 6)), nil)
	for _, depth := range []int{10, 12, 16} {
		deep := frame.New(f.Image.Width, f.Image.Height, depth)
		for y := range deep.Height {
			for x := range deep.Width {
				deep.Set(x, y, f.Image.At(x, y)<<(depth-8))
			}
		}
		a, errA := new(register.Matcher).Match(template, f.Image, f.Rects[0], register.DefaultParams())
		b, errB := new(register.Matcher).Match(template, deep, f.Rects[0], register.DefaultParams())
		if errA != nil || errB != nil || a != b {
			t.Errorf("depth %d: %+v, %v; 8 bits give %+v, %v", depth, b, errB, a, errA)
		}
	}
}

func TestTemplateRefuses(t *testing.T) {
	lines := make([]float32, 128*128)
	for n := range lines {
		lines[n] = float32(40 + 100*(n/128/8%2))
	}
	for _, c := range []struct {
		name          string
		mean          []float32
		width, height int
		want          string
	}{
		{"small", make([]float32, 20*30), 20, 30, "at least 24×24"},
		{"blank", make([]float32, 128*128), 128, 128, "too little structure"},
		{"lines one way", lines, 128, 128, "in every direction"},
	} {
		if _, err := register.NewTemplate(c.mean, c.width, c.height); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; want %q", c.name, err, c.want)
		}
	}
}

func TestParamsCheckNamesTheKey(t *testing.T) {
	if err := register.DefaultParams().Check(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	for key, p := range map[string]register.Params{
		"max_shift":       {MaxShift: math.NaN(), MinCorrelation: 0.8},
		"min_correlation": {MaxShift: 6, MinCorrelation: 1},
	} {
		if err := p.Check(); err == nil || !strings.HasPrefix(err.Error(), key+":") {
			t.Errorf("%s: error %v does not start with the key", key, err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	layout := testdie.NewLayout(290, 240, 7)
	template := ideal(b, layout)
	f := layout.Draw(testdie.Usual(), rand.New(rand.NewPCG(6, 6)), nil)
	var matcher register.Matcher
	for b.Loop() {
		if _, err := matcher.Match(template, f.Image, f.Rects[4], register.DefaultParams()); err != nil {
			b.Fatal(err)
		}
	}
}
