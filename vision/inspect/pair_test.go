package inspect_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"kensa/vision/frame"
	"kensa/vision/inspect"
)

// dataFolder is where the folder of that name of the shared data lies; the test
// is skipped where it is absent.
func dataFolder(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("KENSA_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(root, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no data: %v; set KENSA_DATA to the folder of the shared data", err)
	}
	return path
}

func loadImage(t testing.TB, parts ...string) frame.Image {
	t.Helper()
	m, err := frame.Load(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPairFindsTheDefectsOfRealPairs(t *testing.T) {
	folder := dataFolder(t, "wafer-pairs")
	for name, places := range map[string][][2]float64{
		"case1": {{149, 334}, {82, 245}, {97, 82}},
		"clean": {},
	} {
		t.Run(name, func(t *testing.T) {
			r := pair(t, loadImage(t, folder, name+"-reference.png"), loadImage(t, folder, name+"-inspected.png"))
			if len(r.Defects) != len(places) {
				t.Errorf("%d defects %+v; want %d", len(r.Defects), r.Defects, len(places))
			}
			for _, p := range places {
				near := false
				for _, d := range r.Defects {
					near = near || math.Hypot(d.CX-p[0], d.CY-p[1]) <= 3
				}
				if !near {
					t.Errorf("no defect within 3 px of %v in %+v", p, r.Defects)
				}
			}
		})
	}
}

func TestPairRefusesAnotherPattern(t *testing.T) {
	folder := dataFolder(t, "wafer-pairs")
	for _, n := range [][2]string{{"case1", "clean"}, {"clean", "case1"}} {
		refused(t, loadImage(t, folder, n[0]+"-reference.png"), loadImage(t, folder, n[1]+"-inspected.png"))
	}
}

func refused(t *testing.T, ref, img frame.Image) {
	t.Helper()
	r, err := inspect.Pair(ref, img, inspect.DefaultPairParams())
	if err != nil || r.Registered || r.Reason == "" || len(r.Defects) > 0 {
		t.Errorf("got %+v, %v; want not registered, with a reason", r, err)
	}
}

// side is that of the drawn pictures in pixels.
const side = 200

// three blots that stand out by about 10 standard deviations at noise 8.
var three = []blot{{70, 60, 2.5, 70}, {140, 100, 2.5, -70}, {100, 150, 5, 40}}

func TestPairFollowsTheRelation(t *testing.T) {
	s := newScene(1, side)
	ref := s.picture(view{side: side, noise: 8, seed: 1})
	for name, v := range map[string]view{
		"none":           {},
		"shift":          {dx: -23.4, dy: 17.7},
		"large shift":    {dx: 51.3, dy: -35.8},
		"turn":           {turn: 0.5},
		"other turn":     {turn: -1, dx: 5.5},
		"larger":         {scale: 1.01},
		"smaller, moved": {scale: 0.99, turn: -0.4, dx: 12.2, dy: -9.1},
		"noisier":        {noise: 14, dx: 3.3},
		"dim":            {gain: 0.5, offset: 20, noise: 4},
		"lighter":        {offset: 40, gain: 0.8},
	} {
		t.Run(name, func(t *testing.T) {
			v.side, v.seed, v.blots = side, 2, three
			if v.noise == 0 {
				v.noise = 8
			}
			r := pair(t, ref, s.picture(v))
			if missed, extra := missing(r, three); len(missed) > 0 || extra > 0 {
				t.Errorf("missed %v, %d false; got %+v", missed, extra, r.Defects)
			}
			if v.scale == 0 {
				v.scale = 1
			}
			// The view turns and scales about the place that it moves the centre to.
			sin, cos := math.Sincos(v.turn * math.Pi / 180)
			dx, dy := (cos*v.dx+sin*v.dy)/v.scale, (cos*v.dy-sin*v.dx)/v.scale
			if math.Hypot(r.Shift.DX-dx, r.Shift.DY-dy) > 0.15 {
				t.Errorf("shift %+v; want %v, %v", r.Shift, dx, dy)
			}
			if math.Abs(r.Scale-v.scale) > 0.001 {
				t.Errorf("scale %v; want %v", r.Scale, v.scale)
			}
			if math.Abs(r.Rotation-v.turn) > 0.05 {
				t.Errorf("rotation %v°; want %v°", r.Rotation, v.turn)
			}
		})
	}
}

func TestPairOfGoodImagesFindsNothing(t *testing.T) {
	for seed := range uint64(4) {
		s := newScene(seed, side)
		noise := 3 + 4*float64(seed)
		ref, img := s.picture(view{side: side, noise: 8, seed: seed}), s.picture(view{side: side, noise: noise, seed: seed + 100, dx: 4.4, dy: -7.3})
		if r := pair(t, ref, img); len(r.Defects) > 0 {
			t.Errorf("scene %d, noise %v: %+v; want none", seed, noise, r.Defects)
		}
	}
}

func TestPairRefusesAnotherScene(t *testing.T) {
	for seed := range uint64(3) {
		refused(t, newScene(seed, side).picture(view{side: side, noise: 8}), newScene(seed+50, side).picture(view{side: side, noise: 8, seed: 5}))
	}
}

// A window that begins elsewhere sees the same defects there.
func TestPairShiftOfTheInputShiftsTheResult(t *testing.T) {
	s := newScene(3, side)
	ref := s.picture(view{side: side, noise: 6})
	for _, from := range [][2]int{{0, 0}, {13, 0}, {-9, 21}, {25, 30}} {
		var there []blot
		for _, b := range three {
			b.x, b.y = b.x-float64(from[0]), b.y-float64(from[1])
			there = append(there, b)
		}
		img := s.picture(view{side: side, noise: 6, seed: 9, blots: three, fromX: from[0], fromY: from[1]})
		if missed, extra := missing(pair(t, ref, img), there); len(missed) > 0 || extra > 0 {
			t.Errorf("window from %v: missed %v, %d false", from, missed, extra)
		}
	}
}

func TestPairAddedDefectRemovesNone(t *testing.T) {
	s := newScene(4, side)
	ref := s.picture(view{side: side, noise: 6})
	var blots []blot
	for n := range 8 {
		sign := float64(1 - n%2*2)
		blots = append(blots, blot{40 + 38*float64(n%4), 50 + 80*float64(n/4), 3, sign * 80})
		if n%2 == 0 {
			continue
		}
		r := pair(t, ref, s.picture(view{side: side, noise: 6, seed: 8, blots: blots}))
		if missed, _ := missing(r, blots); len(missed) > 0 {
			t.Errorf("%d blots: missed %v", len(blots), missed)
		}
	}
}

func TestPairDepthsAgree(t *testing.T) {
	s := newScene(5, side)
	for _, depth := range []int{8, 12, 16} {
		v := view{side: side, noise: 8, depth: depth}
		ref := s.picture(v)
		v.seed, v.blots = 3, three
		r := pair(t, ref, s.picture(v))
		missed, extra := missing(r, three)
		if len(missed) > 0 || extra > 0 {
			t.Errorf("%d bits: missed %v, %d false", depth, missed, extra)
		}
	}
}

func TestPairLeavesItsInputsAlone(t *testing.T) {
	s := newScene(6, side)
	ref, img := s.picture(view{side: side, noise: 8}), s.picture(view{side: side, noise: 8, seed: 2, blots: three})
	r, i := ref.Clone(), img.Clone()
	first := pair(t, ref, img)
	if !reflect.DeepEqual(r, ref) || !reflect.DeepEqual(i, img) {
		t.Error("an input has changed")
	}
	if second := pair(t, ref, img); !reflect.DeepEqual(first, second) {
		t.Error("the second comparison differs from the first")
	}
}

func TestPairReadsRowsWithPadding(t *testing.T) {
	s := newScene(7, side)
	ref := s.picture(view{side: side, noise: 8})
	wide := s.picture(view{side: side + 32, noise: 8, seed: 4})
	part := wide.Sub(ref.Bounds().Inset(10))
	if got, want := pair(t, ref, part), pair(t, ref, part.Clone()); !reflect.DeepEqual(got, want) {
		t.Errorf("a view into a larger image gives %+v, its copy %+v", got, want)
	}
}

func TestPairNamesWhatIsWrong(t *testing.T) {
	s := newScene(8, side)
	good := s.picture(view{side: side, noise: 5})
	even := func(v int) frame.Image {
		m := frame.New(side, side, 8)
		for i := range m.Pix {
			m.Pix[i] = byte(v)
		}
		return m
	}
	short := good
	short.Pix = short.Pix[:100]
	for want, images := range map[string][2]frame.Image{
		"image: 40×40 pixels; want at least 64×64":  {good, s.picture(view{side: 40})},
		"reference: 40×40 pixels":                   {s.picture(view{side: 40}), good},
		"image: depth 12 bits; the reference has 8": {good, s.picture(view{side: side, depth: 12})},
		"image: saturated":                          {good, even(255)},
		"image: black":                              {good, even(0)},
		"reference: blank":                          {even(99), good},
		"image: frame: 100 bytes":                   {good, short},
		"reference: frame: size 0×0":                {frame.Image{}, good},
	} {
		if _, err := inspect.Pair(images[0], images[1], inspect.DefaultPairParams()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want one with %q", err, want)
		}
	}
}

func TestPairParamsCheckNamesTheKey(t *testing.T) {
	if err := inspect.DefaultPairParams().Check(); err != nil {
		t.Error(err)
	}
	for key, spoil := range map[string]func(*inspect.PairParams){
		"min_overlap":          func(p *inspect.PairParams) { p.MinOverlap = 0 },
		"max_rotation":         func(p *inspect.PairParams) { p.MaxRotation = 6 },
		"max_scale":            func(p *inspect.PairParams) { p.MaxScale = math.NaN() },
		"min_agreement":        func(p *inspect.PairParams) { p.MinAgreement = 1.5 },
		"scales: 0 of them":    func(p *inspect.PairParams) { p.Scales = nil },
		"scales: 17 pixels":    func(p *inspect.PairParams) { p.Scales = []float64{1, 17} },
		"scales: 1 after 2":    func(p *inspect.PairParams) { p.Scales = []float64{2, 1} },
		"false_alarms":         func(p *inspect.PairParams) { p.FalseAlarms = 0 },
		"brightness_pitch":     func(p *inspect.PairParams) { p.BrightnessPitch = 2 },
		"max_wander":           func(p *inspect.PairParams) { p.MaxWander = 9 },
		"material":             func(p *inspect.PairParams) { p.Material = "shiny" },
		"border":               func(p *inspect.PairParams) { p.Border = -1 },
		"edge_tolerance":       func(p *inspect.PairParams) { p.EdgeTolerance = 0 },
		"defects.min_area":     func(p *inspect.PairParams) { p.Defects.MinArea = 0 },
		"defects.min_contrast": func(p *inspect.PairParams) { p.Defects.MinContrast = -1 },
	} {
		p := inspect.DefaultPairParams()
		spoil(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("error %v; want one with %q", err, key)
		}
		if _, err := inspect.Pair(frame.Image{}, frame.Image{}, p); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("Pair: error %v; want one with %q", err, key)
		}
	}
}

// FuzzPair feeds images made of arbitrary bytes: whatever they hold, the answer
// is an error or a result without nonsense in it.
func FuzzPair(f *testing.F) {
	f.Add([]byte{0, 255}, []byte{255, 0}, uint8(0), uint8(0))
	f.Add([]byte("a stretch of text that repeats at odd places"), []byte("another one, as long, that does not"), uint8(7), uint8(1))
	f.Add([]byte{1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233}, []byte{1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233}, uint8(30), uint8(3))
	f.Fuzz(func(t *testing.T, a, b []byte, size, depth uint8) {
		d := []int{8, 10, 12, 16}[depth%4]
		ref, img := filled(64+int(size)%40, 64, d, a), filled(64, 64+int(size)%40, d, b)
		r, err := inspect.Pair(ref, img, inspect.DefaultPairParams())
		if err != nil {
			return
		}
		for _, v := range []float64{r.Shift.DX, r.Shift.DY, r.Rotation, r.Scale, r.Confidence, r.Noise} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("not a number in %+v", r)
			}
		}
		for _, found := range r.Defects {
			if !found.Box.In(img.Bounds()) || found.Area < 1 || !(found.Contrast >= 0) || !(found.Confidence >= 0 && found.Confidence <= 1) {
				t.Fatalf("absurd defect %+v", found)
			}
		}
	})
}

// filled repeats data over an image, its values within the depth.
func filled(w, h, depth int, data []byte) frame.Image {
	m := frame.New(w, h, depth)
	for i := range m.Pix {
		if len(data) > 0 {
			m.Pix[i] = data[i*7/5%len(data)]
		}
	}
	if depth > 8 {
		for i := 0; i < len(m.Pix); i += 2 {
			binary.LittleEndian.PutUint16(m.Pix[i:], binary.LittleEndian.Uint16(m.Pix[i:])&uint16(m.Max()))
		}
	}
	return m
}
