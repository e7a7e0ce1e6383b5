package inspect_test

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/golden"
	"kensa/vision/inspect"
	"kensa/vision/internal/testdie"
	"kensa/vision/register"
)

var layout = testdie.NewLayout(width, height, 7)

const width, height = 190, 150

func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 99)) }

// usual is the golden for usual conditions, learnt once.
var usual = sync.OnceValues(func() (*golden.Golden, error) { return learn(layout, testdie.Usual()) })

// learn learns from two frames of nine good dies.
func learn(l testdie.Layout, c testdie.Conditions) (*golden.Golden, error) {
	var samples []golden.Sample
	r := source(1)
	for n := range 2 {
		f := l.Draw(c, r, nil)
		for d, rect := range f.Rects {
			samples = append(samples, golden.Sample{Name: fmt.Sprintf("%d/%d", n, d), Image: f.Image, Rect: rect})
		}
	}
	g, _, err := golden.Train(golden.Header{Product: "test"}, samples, register.DefaultParams())
	return g, err
}

func trained(t testing.TB) *golden.Golden {
	t.Helper()
	g, err := usual()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func inspector(t testing.TB, g *golden.Golden) *inspect.Golden {
	t.Helper()
	return prepare(t, g, inspect.DefaultGoldenParams())
}

func prepare(t testing.TB, g *golden.Golden, p inspect.GoldenParams) *inspect.Golden {
	t.Helper()
	in, err := inspect.NewGolden(g, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	return in
}

func dies(t testing.TB, in inspect.Inspector, f testdie.Frame) []inspect.Die {
	t.Helper()
	found, err := in.Inspect(f.Image, f.Rects)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// harder doubles what varies in usual conditions.
func harder() testdie.Conditions {
	return testdie.Conditions{Noise: 3, Jitter: 3, Light: 0.06, DieGain: 0.03, Vignette: 0.25, Tilt: 0.1, EdgeNoise: 0.15}
}

func TestGoodDiesGiveNoDefects(t *testing.T) {
	for name, c := range map[string]testdie.Conditions{"usual": testdie.Usual(), "harder": harder()} {
		t.Run(name, func(t *testing.T) {
			g, err := learn(layout, c)
			if err != nil {
				t.Fatal(err)
			}
			in := inspector(t, g)
			r := source(2)
			for range 6 {
				for _, d := range dies(t, in, layout.Draw(c, r, nil)) {
					if !d.Registered || len(d.Defects) > 0 {
						t.Errorf("die at %v: %q, %+v; want registered, no defect", d.Rect.Min, d.Reason, d.Defects)
					}
				}
			}
		})
	}
}

// TestCapture puts one disc on each die. Those of 40 grey levels and more and
// 4 pixels across must be found, where they are, and nothing else.
func TestCapture(t *testing.T) {
	in := inspector(t, trained(t))
	r := source(3)
	for range 4 {
		truth := make([]testdie.Disc, 9)
		f := layout.Draw(testdie.Usual(), r, func(die int) []testdie.Disc {
			truth[die] = testdie.Disc{X: 5 + (width-10)*r.Float64(), Y: 5 + (height-10)*r.Float64(), Radius: 2 + 3*r.Float64(), Delta: 40 + 60*r.Float64()}
			if r.IntN(2) == 0 {
				truth[die].Delta *= -1
			}
			return truth[die : die+1]
		})
		for n, d := range dies(t, in, f) {
			if !d.Registered || len(d.Defects) != 1 {
				t.Errorf("die %d: %q, %d defects; want one like %+v", n, d.Reason, len(d.Defects), truth[n])
				continue
			}
			check(t, f, n, d.Defects[0], truth[n])
		}
	}
}

func check(t *testing.T, f testdie.Frame, die int, got defect.Defect, want testdie.Disc) {
	t.Helper()
	x, y := float64(f.Rects[die].Min.X)+f.DX[die]+want.X, float64(f.Rects[die].Min.Y)+f.DY[die]+want.Y
	if off := math.Hypot(got.CX-x, got.CY-y); off > 1 {
		t.Errorf("centroid (%.1f, %.1f); drawn at (%.1f, %.1f)", got.CX, got.CY, x, y)
	}
	if !image.Pt(int(math.Round(x)), int(math.Round(y))).In(got.Box.Inset(-1)) || float64(got.Box.Dx()) > 2*want.Radius+4 {
		t.Errorf("box %v; drawn at (%.1f, %.1f) with radius %.1f", got.Box, x, y, want.Radius)
	}
	polarity := defect.Bright
	if want.Delta < 0 {
		polarity = defect.Dark
	}
	if got.Polarity != polarity || got.Contrast < 6 || got.Confidence <= 0 || got.Confidence > 1 {
		t.Errorf("%+v; want %s", got, polarity)
	}
}

// TestLightChangesNothing compares what is found in a frame and in the same
// frame with a fifth less light.
func TestLightChangesNothing(t *testing.T) {
	in := inspector(t, trained(t))
	f := layout.Draw(testdie.Usual(), source(4), func(die int) []testdie.Disc {
		return []testdie.Disc{{X: 100, Y: 20 + 10*float64(die), Radius: 3, Delta: 70}}
	})
	before := dies(t, in, f)
	for n, v := range f.Image.Pix {
		f.Image.Pix[n] = uint8(math.Round(0.8 * float64(v)))
	}
	for n, d := range dies(t, in, f) {
		if len(d.Defects) != 1 || d.Defects[0].Class != before[n].Defects[0].Class || !d.Defects[0].Box.Overlaps(before[n].Defects[0].Box) {
			t.Errorf("die %d: %+v; in full light %+v", n, d.Defects, before[n].Defects)
		}
	}
}

func TestDeeperFrames(t *testing.T) {
	in := inspector(t, trained(t))
	f := layout.Draw(testdie.Usual(), source(5), func(int) []testdie.Disc { return []testdie.Disc{{X: 100, Y: 100, Radius: 3, Delta: 70}} })
	want := dies(t, in, f)
	for _, depth := range []int{10, 12, 16} {
		deep := frame.New(f.Image.Width, f.Image.Height, depth)
		for n, v := range f.Image.Pix {
			deep.Set(n%deep.Width, n/deep.Width, int(v)<<(depth-8))
		}
		if got := dies(t, in, testdie.Frame{Image: deep, Rects: f.Rects}); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("depth %d: %+v; 8 bits give %+v", depth, got, want)
		}
	}
}

func TestNotRegistered(t *testing.T) {
	c := testdie.Usual()
	c.Jitter = 0
	params := inspect.DefaultGoldenParams()
	params.Defects.MaxDefects = 100
	in := prepare(t, trained(t), params)
	f := layout.Draw(c, source(6), nil)
	fill := func(v uint8) frame.Image {
		m := f.Image.Clone()
		for n := range m.Pix {
			m.Pix[n] = v
		}
		return m
	}
	cut := f.Image.Sub(image.Rect(0, 0, f.Rects[4].Max.X-3, f.Image.Height)) // three pixels of the middle die are missing
	cluttered := f.Image.Clone()
	r := source(7)
	for range len(cluttered.Pix) / 20 {
		cluttered.Set(r.IntN(cluttered.Width), r.IntN(cluttered.Height), 250)
	}
	for _, tc := range []struct {
		name string
		img  frame.Image
		rect image.Rectangle
		want string
	}{
		{"black", fill(0), f.Rects[4], "black"},
		{"saturated", fill(255), f.Rects[4], "saturated"},
		{"blank", fill(100), f.Rects[4], "blank"},
		{"other product", testdie.NewLayout(width, height, 8).Draw(c, r, nil).Image, f.Rects[4], "another pattern"},
		{"leaves the frame", cut, f.Rects[4], "leaves the frame"},
		{"outside the frame", f.Image, image.Rect(2000, 0, 2000+width, height), "outside the frame"},
		{"defects everywhere", cluttered, f.Rects[4], "differs nearly everywhere"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := in.Inspect(tc.img, []image.Rectangle{tc.rect})
			if err != nil {
				t.Fatal(err)
			}
			if d := got[0]; d.Registered || !strings.Contains(d.Reason, tc.want) || len(d.Defects) > 0 || d.Rect != tc.rect {
				t.Errorf("registered %v, %q, %d defects; want not registered, %q", d.Registered, d.Reason, len(d.Defects), tc.want)
			}
		})
	}
	if got := dies(t, in, f); !got[4].Registered {
		t.Errorf("a good frame afterwards: %q", got[4].Reason)
	}
}

// TestOneDieAFrame gives no rectangles.
func TestOneDieAFrame(t *testing.T) {
	in := inspector(t, trained(t))
	f := layout.Draw(testdie.Usual(), source(10), func(int) []testdie.Disc { return []testdie.Disc{{X: 90, Y: 70, Radius: 4, Delta: 80}} })
	one := f.Image.Sub(f.Rects[4].Inset(-5))
	found, err := in.Inspect(one, nil)
	if err != nil || len(found) != 1 || !found[0].Registered || len(found[0].Defects) != 1 {
		t.Fatalf("%+v, %v; want one die with one defect", found, err)
	}
	if d := found[0].Defects[0]; math.Abs(d.CX-f.DX[4]-95) > 1 || math.Abs(d.CY-f.DY[4]-75) > 1 {
		t.Errorf("defect at (%.1f, %.1f); want (95, 75) and the die's shift", d.CX, d.CY)
	}
	small, err := in.Inspect(frame.New(60, 60, 8), nil)
	if err != nil || small[0].Registered {
		t.Errorf("a frame smaller than the die: %+v, %v; want not registered", small, err)
	}
}

func TestInspectRefuses(t *testing.T) {
	in := inspector(t, trained(t))
	good := frame.New(960, 800, 8)
	for _, c := range []struct {
		name  string
		img   frame.Image
		rects []image.Rectangle
		want  string
	}{
		{"depth", frame.Image{Pix: good.Pix, Width: 960, Height: 800, Stride: 960, Depth: 9}, nil, "depth 9"},
		{"stride", frame.Image{Pix: good.Pix, Width: 960, Height: 800, Stride: 900, Depth: 8}, nil, "stride 900"},
		{"rectangle", good, []image.Rectangle{image.Rect(0, 0, width, height+1)}, "die of 190×151"},
	} {
		if _, err := in.Inspect(c.img, c.rects); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; want %q", c.name, err, c.want)
		}
	}
}

func TestGoldenParamsCheckNamesTheKey(t *testing.T) {
	if err := inspect.DefaultGoldenParams().Check(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	g := trained(t)
	for key, spoil := range map[string]func(*inspect.GoldenParams){
		"limits.k_sigma":         func(p *inspect.GoldenParams) { p.Limits.KSigma = 0 },
		"registration.max_shift": func(p *inspect.GoldenParams) { p.Registration.MaxShift = 0 },
		"defects.min_area":       func(p *inspect.GoldenParams) { p.Defects.MinArea = 0 },
		"material":               func(p *inspect.GoldenParams) { p.Material = "grey" },
	} {
		p := inspect.DefaultGoldenParams()
		spoil(&p)
		if _, err := inspect.NewGolden(g, p); err == nil || !strings.HasPrefix(err.Error(), key+":") {
			t.Errorf("%s: error %v does not start with the key", key, err)
		}
	}
}

// BenchmarkInspectGolden inspects the default camera's frame of 960×800 pixels
// with nine dies, a defect on each.
func BenchmarkInspectGolden(b *testing.B) {
	layout := testdie.NewLayout(290, 240, 7)
	g, err := learn(layout, testdie.Usual())
	if err != nil {
		b.Fatal(err)
	}
	for name, angle := range map[string]float64{"straight": 0, "turned": 2e-3} {
		b.Run(name, func(b *testing.B) {
			in := inspector(b, g)
			c := testdie.Usual()
			c.Angle = angle
			f := layout.Draw(c, source(8), func(die int) []testdie.Disc {
				return []testdie.Disc{{X: 100, Y: 50 + 10*float64(die), Radius: 3, Delta: 70}}
			})
			b.SetBytes(int64(len(f.Image.Pix)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := in.Inspect(f.Image, f.Rects); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
