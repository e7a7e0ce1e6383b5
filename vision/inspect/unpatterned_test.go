package inspect_test

import (
	"image"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/inspect"
)

var _ inspect.Inspector = (*inspect.UnpatternedInspector)(nil)

// A bareWafer is a photograph of a wafer without a pattern.
type bareWafer struct {
	w, h, depth int
	noise       float64
	seed        uint64
	gain        float64
	blots       []blot
	paint       func(x, y, grey float64) float64 // may be nil
}

// picture has light that falls off towards one corner, to less than half.
func (b bareWafer) picture() frame.Image {
	r := rand.New(rand.NewPCG(b.seed, 21))
	m := frame.New(b.w, b.h, max(b.depth, 8))
	white := float64(m.Max())
	for y := range b.h {
		for x := range b.w {
			u, v := float64(x)/float64(b.w), float64(y)/float64(b.h)
			g := 190 - 60*u - 50*v*v + 10*math.Sin(5*u+3*v)
			for _, s := range b.blots {
				g += s.contrast * math.Exp(-(square(float64(x)-s.x)+square(float64(y)-s.y))/(2*square(s.sigma)))
			}
			if b.paint != nil {
				g = b.paint(float64(x), float64(y), g)
			}
			g = g*max(b.gain, 0.1) + b.noise*r.NormFloat64()
			m.Set(x, y, int(min(max(math.Round(g*white/255), 0), white)))
		}
	}
	return m
}

func usualWafer() bareWafer { return bareWafer{w: 640, h: 480, noise: 2, gain: 1, seed: 1} }

func inspectBare(t testing.TB, img frame.Image, p inspect.UnpatternedParams) inspect.UnpatternedResult {
	t.Helper()
	r, err := inspect.Unpatterned(img, p)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Inspected {
		t.Fatalf("not inspected: %s", r.Reason)
	}
	return r
}

// nearest is the defect whose centre lies nearest to (x, y), if within reach.
func nearest(defects []defect.Defect, x, y, reach float64) (found defect.Defect, ok bool) {
	for _, d := range defects {
		if off := math.Hypot(d.CX-x, d.CY-y); off <= reach {
			found, ok, reach = d, true, off
		}
	}
	return found, ok
}

var specks = []blot{{100, 100, 1.5, -40}, {300, 80, 2, 30}, {520, 120, 3, -20}, {200, 300, 6, -15}, {450, 380, 2, -60}}

func TestUnpatternedFindsSpecks(t *testing.T) {
	for name, change := range map[string]func(*bareWafer){
		"usual":   func(*bareWafer) {},
		"16 bits": func(b *bareWafer) { b.depth = 16 },
		"dimmer":  func(b *bareWafer) { b.gain, b.noise = 0.6, 1.2 },
		"quiet":   func(b *bareWafer) { b.noise = 0.3 },
	} {
		t.Run(name, func(t *testing.T) {
			b := usualWafer()
			b.blots = specks
			change(&b)
			r := inspectBare(t, b.picture(), inspect.DefaultUnpatternedParams())
			if len(r.Defects) != len(specks) {
				t.Errorf("%d defects %+v; want %d", len(r.Defects), r.Defects, len(specks))
			}
			for _, s := range specks {
				d, ok := nearest(r.Defects, s.x, s.y, 3)
				if !ok || d.Class != defect.Particle || (d.Polarity == defect.Dark) != (s.contrast < 0) {
					t.Errorf("%+v: found %+v, %v", s, d, ok)
				}
			}
		})
	}
}

func TestUnpatternedNoiseIsNoDefect(t *testing.T) {
	for seed := range uint64(5) {
		b := usualWafer()
		b.seed, b.noise = seed, 0.5+2*float64(seed)
		p := inspect.DefaultUnpatternedParams()
		p.MinRelative, p.Defects.MinArea = 0, 1
		if r := inspectBare(t, b.picture(), p); len(r.Defects) > 0 || r.Edge {
			t.Errorf("noise %v: %+v; want nothing", b.noise, r)
		}
	}
}

func TestUnpatternedClasses(t *testing.T) {
	b := usualWafer()
	b.paint = func(x, y, g float64) float64 {
		if along := (x - 100) * 0.8; x > 100 && x < 220 && math.Abs(y-100-along) < 1.5 {
			g -= 30 // a line of 150 pixels
		}
		if math.Hypot(x-420, y-150) < 40 {
			g -= 12 // wide and faint
		}
		if math.Hypot(x-250, y-380) < 5 {
			g -= 60
		}
		return g
	}
	r := inspectBare(t, b.picture(), inspect.DefaultUnpatternedParams())
	for _, want := range []struct {
		x, y  float64
		class defect.Class
	}{{160, 148, defect.Scratch}, {420, 150, defect.Stain}, {250, 380, defect.Particle}} {
		if d, ok := nearest(r.Defects, want.x, want.y, 8); !ok || d.Class != want.class {
			t.Errorf("at %v, %v: %+v, %v; want a %s", want.x, want.y, d, ok, want.class)
		}
	}
	if len(r.Defects) != 3 {
		t.Errorf("%d defects %+v; want 3", len(r.Defects), r.Defects)
	}
}

// edged paints the dark beyond an edge that runs down the picture at x, out of
// focus, with a notch at (x, 240).
func edged(x0, notch float64) func(x, y, g float64) float64 {
	return func(x, y, g float64) float64 {
		inside := x0 + 0.05*y - x
		if notch > 0 {
			inside = min(inside, math.Hypot(x-x0-12, y-240)-notch)
		}
		return 15 + (g-15)/(1+math.Exp(-inside/4))
	}
}

func TestUnpatternedEdgeIsNoDefect(t *testing.T) {
	b := usualWafer()
	b.paint, b.blots = edged(500, 0), []blot{{200, 200, 2, -40}, {440, 300, 2, -40}}
	r := inspectBare(t, b.picture(), inspect.DefaultUnpatternedParams())
	if !r.Edge {
		t.Error("the edge was not seen")
	}
	for _, s := range b.blots {
		if _, ok := nearest(r.Defects, s.x, s.y, 3); !ok {
			t.Errorf("%+v not found", s)
		}
	}
	if len(r.Defects) != len(b.blots) {
		t.Errorf("%d defects %+v; want %d", len(r.Defects), r.Defects, len(b.blots))
	}
}

func TestUnpatternedNotchIsAChip(t *testing.T) {
	b := usualWafer()
	b.paint = edged(500, 32)
	r := inspectBare(t, b.picture(), inspect.DefaultUnpatternedParams())
	d, ok := nearest(r.Defects, 495, 240, 15)
	if !ok || d.Class != defect.Chip || len(r.Defects) != 1 {
		t.Errorf("%+v; want one chip near (495, 240)", r.Defects)
	}
}

func TestUnpatternedIgnores(t *testing.T) {
	b := usualWafer()
	b.blots = specks
	p := inspect.DefaultUnpatternedParams()
	p.Ignore = []inspect.Region{{X: 80, Y: 80, Width: 40, Height: 40}, {X: 500, Y: 100, Width: 4000, Height: 40}}
	r := inspectBare(t, b.picture(), p)
	for _, n := range []int{0, 2} {
		if d, ok := nearest(r.Defects, specks[n].x, specks[n].y, 20); ok {
			t.Errorf("found %+v in an ignored region", d)
		}
	}
	if len(r.Defects) != len(specks)-2 {
		t.Errorf("%d defects; want %d", len(r.Defects), len(specks)-2)
	}
}

func TestUnpatternedAddedSpeckRemovesNone(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	b := usualWafer()
	for range 6 {
		for n := 0; n < 4; {
			s := blot{20 + 600*r.Float64(), 20 + 440*r.Float64(), 1.5 + 2*r.Float64(), -25 - 30*r.Float64()}
			if _, ok := near(b.blots, s); !ok {
				b.blots, n = append(b.blots, s), n+1
			}
		}
		found := inspectBare(t, b.picture(), inspect.DefaultUnpatternedParams())
		for _, s := range b.blots {
			if _, ok := nearest(found.Defects, s.x, s.y, 4); !ok {
				t.Errorf("of %d specks %+v was not found", len(b.blots), s)
			}
		}
	}
}

func near(blots []blot, b blot) (blot, bool) {
	for _, o := range blots {
		if math.Hypot(o.x-b.x, o.y-b.y) < 45 {
			return o, true
		}
	}
	return blot{}, false
}

func TestUnpatternedInspectorLooksAtParts(t *testing.T) {
	b := usualWafer()
	b.blots = specks
	p := inspect.DefaultUnpatternedParams()
	p.Ignore = []inspect.Region{{X: 440, Y: 370, Width: 20, Height: 20}}
	u, err := inspect.NewUnpatterned(p)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	img := b.picture()
	rects := []image.Rectangle{image.Rect(40, 20, 240, 200), image.Rect(350, 250, 620, 470)}
	dies, err := u.Inspect(img, rects)
	if err != nil || len(dies) != 2 {
		t.Fatalf("%d dies, %v; want 2", len(dies), err)
	}
	for n, d := range dies {
		if d.Rect != rects[n] || !d.Registered {
			t.Errorf("die %d: %+v", n, d)
		}
	}
	if _, ok := nearest(dies[0].Defects, 100, 100, 3); !ok || len(dies[0].Defects) != 1 || len(dies[1].Defects) != 0 {
		t.Errorf("defects %+v, %+v; want one at (100, 100) and none", dies[0].Defects, dies[1].Defects)
	}
	whole, err := u.Inspect(img, nil)
	if err != nil || len(whole) != 1 || len(whole[0].Defects) != len(specks)-1 || whole[0].Rect != img.Bounds() {
		t.Errorf("whole frame: %+v, %v", whole, err)
	}
	if _, err := u.Inspect(img, []image.Rectangle{image.Rect(600, 400, 640, 480)}); err == nil || !strings.Contains(err.Error(), "die 1") {
		t.Errorf("a part of 40×80: error %v; want one that names it", err)
	}
}

func TestUnpatternedNamesWhatIsWrong(t *testing.T) {
	blank := frame.New(200, 200, 8)
	for i := range blank.Pix {
		blank.Pix[i] = 255
	}
	for want, img := range map[string]frame.Image{
		"want at least 128×128": frame.New(100, 300, 8),
		"saturated":             blank,
		"black":                 frame.New(200, 200, 16),
		"size 0×0":              {},
		"depth 9":               {Pix: make([]byte, 80000), Width: 200, Height: 200, Stride: 400, Depth: 9},
	} {
		if _, err := inspect.Unpatterned(img, inspect.DefaultUnpatternedParams()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want one with %q", err, want)
		}
	}
}

func TestUnpatternedParamsCheckNamesTheKey(t *testing.T) {
	if err := inspect.DefaultUnpatternedParams().Check(); err != nil {
		t.Error(err)
	}
	for key, spoil := range map[string]func(*inspect.UnpatternedParams){
		"background":          func(p *inspect.UnpatternedParams) { p.Background = 1 },
		"levels":              func(p *inspect.UnpatternedParams) { p.Levels = 7 },
		"false_alarms":        func(p *inspect.UnpatternedParams) { p.FalseAlarms = math.Inf(1) },
		"min_relative":        func(p *inspect.UnpatternedParams) { p.MinRelative = math.NaN() },
		"edge_margin":         func(p *inspect.UnpatternedParams) { p.EdgeMargin = -1 },
		"min_chip":            func(p *inspect.UnpatternedParams) { p.MinChip = 0 },
		"ignore 1":            func(p *inspect.UnpatternedParams) { p.Ignore = []inspect.Region{{X: 3}} },
		"defects.max_defects": func(p *inspect.UnpatternedParams) { p.Defects.MaxDefects = 0 },
	} {
		p := inspect.DefaultUnpatternedParams()
		spoil(&p)
		if _, err := inspect.NewUnpatterned(p); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("error %v; want one with %q", err, key)
		}
	}
}

// The photographs have no ground truth; these are specks that anyone would
// circle, in parts of two of them.
func TestUnpatternedOnPhotographs(t *testing.T) {
	folder := dataFolder(t, "wafer-optical")
	for name, want := range map[string]struct {
		part   image.Rectangle
		edge   bool
		places [][2]float64
		most   int
	}{
		"5x_particle1.jpg": {image.Rect(2000, 1500, 3000, 2500), false, [][2]float64{{2254, 1643}, {2758, 2330}}, 100},
		"5x_leftedge.jpg":  {image.Rect(2456, 300, 3656, 1500), true, [][2]float64{{2526, 1308}, {3013, 1091}}, 100},
	} {
		r := inspectBare(t, loadImage(t, folder, name).Sub(want.part), inspect.DefaultUnpatternedParams())
		for _, p := range want.places {
			x, y := p[0]-float64(want.part.Min.X), p[1]-float64(want.part.Min.Y)
			if d, ok := nearest(r.Defects, x, y, 12); !ok || d.Contrast < 20 {
				t.Errorf("%s: at %v: %+v, %v; want a strong defect", name, p, d, ok)
			}
		}
		if r.Edge != want.edge {
			t.Errorf("%s: edge %v; want %v", name, r.Edge, want.edge)
		}
		if len(r.Defects) > want.most {
			t.Errorf("%s: %d defects; noise is among them", name, len(r.Defects))
		}
	}
}

func FuzzUnpatterned(f *testing.F) {
	f.Add([]byte{0, 255, 3}, uint8(0), uint8(1))
	f.Add([]byte("some text that is not a wafer at all"), uint8(50), uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, size, depth uint8) {
		img := filled(128+int(size)%70, 128, []int{8, 10, 12, 16}[depth%4], data)
		r, err := inspect.Unpatterned(img, inspect.DefaultUnpatternedParams())
		if err != nil {
			return
		}
		for _, d := range r.Defects {
			if !d.Box.In(img.Bounds()) || d.Area < 1 || !(d.Contrast >= 0) || !(d.Confidence >= 0 && d.Confidence <= 1) {
				t.Fatalf("absurd defect %+v", d)
			}
		}
	})
}
