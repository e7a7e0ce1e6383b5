package register_test

import (
	"math"
	"math/rand/v2"
	"testing"

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
		{"usual conditions", 290, 240, func(c *testdie.Conditions) {}, 0.03, 0.1},
		{"large die", 500, 488, func(c *testdie.Conditions) {}, 0.03, 0.1},
		{"strong vignette", 290, 240, func(c *testdie.Conditions) { c.Vignette, c.Tilt = 0.3, 0.2 }, 0.03, 0.1},
		{"noisy", 290, 240, func(c *testdie.Conditions) { c.Noise = 8 }, 0.06, 0.2},
		{"no noise", 290, 240, func(c *testdie.Conditions) { c.Noise, c.EdgeNoise = 0, 0 }, 0.02, 0.05},
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
