package register_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"kensa/vision/frame"
	"kensa/vision/hotpath"
	"kensa/vision/internal/testdie"
	"kensa/vision/register"
)

// TestTrack expects dies up to half a pixel from where they truly are.
func TestTrack(t *testing.T) {
	for _, c := range []struct {
		name          string
		width, height int
		change        func(*testdie.Conditions)
		rms, worst    float64
	}{
		{"usual conditions", 290, 240, func(c *testdie.Conditions) {}, 0.02, 0.05},
		{"large die", 500, 488, func(c *testdie.Conditions) {}, 0.02, 0.05},
		{"strong vignette", 290, 240, func(c *testdie.Conditions) { c.Vignette, c.Tilt = 0.3, 0.2 }, 0.02, 0.05},
		{"noisy", 290, 240, func(c *testdie.Conditions) { c.Noise = 8 }, 0.03, 0.08},
		{"no noise", 290, 240, func(c *testdie.Conditions) { c.Noise, c.EdgeNoise = 0, 0 }, 0.015, 0.03},
	} {
		t.Run(c.name, func(t *testing.T) {
			layout := testdie.NewLayout(c.width, c.height, 7)
			template := ideal(t, layout)
			conditions := testdie.Usual()
			c.change(&conditions)
			r := rand.New(rand.NewPCG(2, 2))
			params := register.Params{MaxShift: 6, MinCorrelation: 0.8}
			var matcher register.Matcher
			var sum, worst, gain float64
			for range 3 {
				f := layout.Draw(conditions, r, nil)
				for n, rect := range f.Rects {
					m, ok := matcher.Track(template, f.Image, nil, rect, f.DX[n]+r.Float64()-0.5, f.DY[n]+r.Float64()-0.5, params)
					if !ok {
						t.Fatalf("die %d was lost", n)
					}
					full, err := matcher.Match(template, f.Image, rect, params)
					if err != nil {
						t.Fatal(err)
					}
					dx, dy := m.DX-f.DX[n], m.DY-f.DY[n]
					sum += dx*dx + dy*dy
					worst = max(worst, math.Abs(dx), math.Abs(dy))
					gain = max(gain, math.Abs(m.Light.At(c.width/2, c.height/2, c.width, c.height)*110+m.Light.Offset-full.Light.At(c.width/2, c.height/2, c.width, c.height)*110-full.Light.Offset))
				}
			}
			rms := math.Sqrt(sum / (2 * 9 * 3))
			t.Logf("rms %.4f, worst %.4f pixel; mid grey up to %.2f grey levels from Match's", rms, worst, gain)
			if rms > c.rms || worst > c.worst {
				t.Errorf("rms %.4f, worst %.4f pixel; want at most %v and %v", rms, worst, c.rms, c.worst)
			}
		})
	}
}

// TestTrackThroughFlatField has gains and dark levels that differ from pixel to
// pixel and across the marks: on the slope of a lens, and a tenth at a stain's
// edge that runs through the dies.
func TestTrackThroughFlatField(t *testing.T) {
	layout := testdie.NewLayout(290, 240, 7)
	template := ideal(t, layout)
	r := rand.New(rand.NewPCG(8, 8))
	f := layout.Draw(testdie.Usual(), r, nil)
	var dark, gain []float32
	raw := frame.New(f.Image.Width, f.Image.Height, 12)
	for n, v := range f.Image.Pix {
		x, y := n%raw.Width, n/raw.Width
		g, d := 1.1+7e-5*float64(x)-1e-4*float64(y)+0.01*r.NormFloat64(), 2+2*r.Float64()
		g *= 1 + 0.05*math.Tanh(math.Sin(float64(x)/40)*3)
		gain, dark = append(gain, float32(g)), append(dark, float32(d))
		raw.Set(x, y, max(0, min(raw.Max(), int(math.Round(16*(float64(v)/g+d))))))
	}
	flat, err := hotpath.NewFlat(raw.Width, raw.Height, dark, gain)
	if err != nil {
		t.Fatal(err)
	}
	var matcher register.Matcher
	worst, blind := 0.0, 0.0
	for n, rect := range f.Rects {
		off := func(flat *hotpath.Flat) float64 {
			m, ok := matcher.Track(template, raw, flat, rect, f.DX[n]+0.3, f.DY[n]-0.3, register.DefaultParams())
			if !ok {
				t.Fatalf("die %d was lost", n)
			}
			if flat != nil {
				want, err := matcher.Match(template, f.Image, rect, register.DefaultParams())
				if err != nil {
					t.Fatal(err)
				}
				if got := m.Light.At(145, 120, 290, 240)*110 + m.Light.Offset; math.Abs(got-want.Light.At(145, 120, 290, 240)*110-want.Light.Offset) > 3 {
					t.Errorf("die %d: mid grey becomes %.1f; that of the even frame %.1f", n, got, want.Light.At(145, 120, 290, 240)*110+want.Light.Offset)
				}
			}
			return max(math.Abs(m.DX-f.DX[n]), math.Abs(m.DY-f.DY[n]))
		}
		worst, blind = max(worst, off(flat)), max(blind, off(nil))
	}
	t.Logf("worst error %.4f pixel, without the correction %.4f", worst, blind)
	if worst > 0.05 {
		t.Errorf("worst error %.4f pixel; want at most 0.05", worst)
	}
}

// TestAlias has a golden that repeats every 8 pixels but for one place, and one that
// does not.
func TestAlias(t *testing.T) {
	const side = 200
	grating := make([]float32, side*side)
	for n := range grating {
		x, y := n%side, n/side
		grating[n] = float32(110 + 40*math.Sin(2*math.Pi*float64(x)/8) + 40*math.Sin(2*math.Pi*float64(y)/8))
		if x > 90 && x < 110 && y > 90 && y < 110 {
			grating[n] = 200
		}
	}
	repeats, err := register.NewTemplate(grating, side, side)
	if err != nil {
		t.Fatal(err)
	}
	if a := repeats.Alias(12); a < 0.97 {
		t.Errorf("a grating is like itself by %.3f a period beside; want nearly 1", a)
	}
	if a := repeats.Alias(3); a > 0.8 {
		t.Errorf("a grating is like itself by %.3f within less than half a period", a)
	}
	if a := ideal(t, testdie.NewLayout(290, 240, 7)).Alias(12); a > 0.9 {
		t.Errorf("a die that does not repeat is like itself by %.3f", a)
	} else {
		t.Logf("a simulated die: %.3f", a)
	}
}

// TestTrackGivesUp wants no match where the die is not what or where it should
// be.
func TestTrackGivesUp(t *testing.T) {
	layout := testdie.NewLayout(290, 240, 7)
	template := ideal(t, layout)
	r := rand.New(rand.NewPCG(5, 5))
	f := layout.Draw(testdie.Usual(), r, nil)
	other := testdie.NewLayout(290, 240, 8).Draw(testdie.Usual(), r, nil)
	dark := f.Image.Clone()
	clear(dark.Pix)
	rect, dx, dy, params := f.Rects[4], f.DX[4], f.DY[4], register.DefaultParams()
	var matcher register.Matcher
	if _, ok := matcher.Track(template, f.Image, nil, rect, dx, dy, params); !ok {
		t.Error("a good die was lost")
	}
	for name, track := range map[string]func() (register.Match, bool){
		"another product": func() (register.Match, bool) {
			return matcher.Track(template, other.Image, nil, rect, other.DX[4], other.DY[4], params)
		},
		"black":            func() (register.Match, bool) { return matcher.Track(template, dark, nil, rect, dx, dy, params) },
		"far off":          func() (register.Match, bool) { return matcher.Track(template, f.Image, nil, rect, dx+4, dy, params) },
		"beyond the frame": func() (register.Match, bool) { return matcher.Track(template, f.Image, nil, rect, 5000, dy, params) },
		"nowhere": func() (register.Match, bool) {
			return matcher.Track(template, f.Image, nil, rect, math.NaN(), dy, params)
		},
		"too far": func() (register.Match, bool) {
			return matcher.Track(template, f.Image, nil, rect, dx, dy, register.Params{MaxShift: math.Abs(dx) / 2, MinCorrelation: 0.9})
		},
	} {
		if m, ok := track(); ok {
			t.Errorf("%s: tracked, %+v", name, m)
		}
	}
}

func TestTrackAllocatesNothing(t *testing.T) {
	layout := testdie.NewLayout(290, 240, 7)
	template := ideal(t, layout)
	f := layout.Draw(testdie.Usual(), rand.New(rand.NewPCG(5, 5)), nil)
	var matcher register.Matcher
	if n := testing.AllocsPerRun(10, func() {
		matcher.Track(template, f.Image, nil, f.Rects[4], f.DX[4], f.DY[4], register.DefaultParams())
	}); n != 0 {
		t.Errorf("%v allocations a die; want none", n)
	}
}
