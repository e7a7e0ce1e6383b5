package binary_test

import (
	"errors"
	"image"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kensa/vision/binary"
	"kensa/vision/defect"
	"kensa/vision/frame"
)

const (
	copper = 0   // grey value of material
	ground = 255 // and of what it lies on
)

func fill(m frame.Image, r image.Rectangle, grey int) {
	r = r.Intersect(m.Bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			m.Set(x, y, grey)
		}
	}
}

// board has three lines of 10 pixels across, 30 apart, and a pad that two of
// them are not connected to; all of it moved by d.
func board(d image.Point) frame.Image {
	m := frame.New(200, 170, 8)
	fill(m, m.Bounds(), ground)
	for _, r := range []image.Rectangle{
		image.Rect(-50, 20, 250, 30), image.Rect(-50, 50, 250, 60), image.Rect(-50, 80, 140, 90),
		image.Rect(60, 110, 110, 150), image.Rect(135, 80, 145, 250),
	} {
		fill(m, r.Add(d), copper)
	}
	return m
}

// flaw is a rectangle of the wrong grey value, and its class.
type flaw struct {
	class defect.Class
	at    image.Rectangle
	grey  int
}

var flaws = []flaw{
	{defect.Open, image.Rect(100, 50, 106, 60), ground},
	{defect.Short, image.Rect(40, 30, 46, 50), copper},
	{defect.MouseBite, image.Rect(100, 20, 108, 26), ground},
	{defect.Spur, image.Rect(150, 60, 157, 67), copper},
	{defect.Copper, image.Rect(20, 120, 27, 127), copper},
	{defect.PinHole, image.Rect(82, 127, 88, 133), ground},
}

func inspector(t testing.TB, recipe string) *binary.Inspector {
	t.Helper()
	p, err := binary.ParseParams(recipe, "test")
	if err != nil {
		t.Fatal(err)
	}
	i, err := binary.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func inspect(t testing.TB, i *binary.Inspector, template, test frame.Image) []defect.Defect {
	t.Helper()
	found, err := i.Inspect(template, test)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(found)
}

func TestEveryClassIsFoundAndNamed(t *testing.T) {
	i := inspector(t, "")
	for _, f := range flaws {
		test := board(image.Point{})
		fill(test, f.at, f.grey)
		found := inspect(t, i, board(image.Point{}), test)
		if len(found) != 1 || found[0].Class != f.class {
			t.Errorf("%s: found %+v", f.class, found)
			continue
		}
		polarity := defect.Bright
		if f.grey == copper {
			polarity = defect.Dark
		}
		if want := f.at.Inset(-11); !found[0].Box.In(want.Inset(-2)) || !f.at.In(found[0].Box) || found[0].Polarity != polarity {
			t.Errorf("%s: box %v, %s; want about %v, %s", f.class, found[0].Box, found[0].Polarity, want, polarity)
		}
	}
}

// TestBrightMaterial looks at the same board as its negative.
func TestBrightMaterial(t *testing.T) {
	i := inspector(t, `material = "bright"`)
	for _, f := range flaws {
		template, test := board(image.Point{}), board(image.Point{})
		fill(test, f.at, f.grey)
		for n := range test.Pix {
			test.Pix[n], template.Pix[n] = ^test.Pix[n], ^template.Pix[n]
		}
		if found := inspect(t, i, template, test); len(found) != 1 || found[0].Class != f.class {
			t.Errorf("%s: found %+v", f.class, found)
		}
	}
}

// TestShiftsAndDefects: however the test image lies, a clean board gives
// nothing, and each defect that is added is found without losing another.
func TestShiftsAndDefects(t *testing.T) {
	i := inspector(t, "")
	rapid.Check(t, func(t *rapid.T) {
		d := image.Pt(rapid.IntRange(-15, 15).Draw(t, "dx"), rapid.IntRange(-15, 15).Draw(t, "dy"))
		test, want := board(d), map[defect.Class]bool{}
		for _, f := range flaws {
			if rapid.Bool().Draw(t, string(f.class)) {
				want[f.class] = true
				fill(test, f.at.Add(d), f.grey)
			}
		}
		found, err := i.Inspect(board(image.Point{}), test)
		if err != nil || len(found) != len(want) {
			t.Fatalf("found %+v (%v); want one of each of %v", found, err, want)
		}
		for _, f := range found {
			if !want[f.Class] {
				t.Fatalf("found %+v; want one of each of %v", found, want)
			}
		}
	})
}

// TestWanderingEdgesAreNoDefects bends the board: its lower part lies three
// pixels from where its upper part would have it.
func TestWanderingEdgesAreNoDefects(t *testing.T) {
	bent := board(image.Point{})
	for y := range bent.Height {
		d := image.Pt(y*4/bent.Height, 0)
		copy(bent.Row(y), board(d).Row(y))
	}
	random := rand.New(rand.NewPCG(1, 2))
	rough := bent.Clone()
	for n := range rough.Pix[1:] { // every third pixel beside an edge changes sides
		if random.IntN(3) == 0 {
			rough.Pix[n+1] = bent.Pix[n]
		}
	}
	if found := inspect(t, inspector(t, ""), board(image.Point{}), rough); len(found) > 0 {
		t.Errorf("found %+v; want nothing", found)
	}
}

// TestDirtOnTheTemplate is taken for dirt up to the recipe's size.
func TestDirtOnTheTemplate(t *testing.T) {
	template := board(image.Point{})
	fill(template, image.Rect(82, 127, 88, 133), ground) // a hole in the template's pad
	if found := inspect(t, inspector(t, ""), template, board(image.Point{})); len(found) > 0 {
		t.Errorf("found %+v; want nothing", found)
	}
	if found := inspect(t, inspector(t, "[evidence]\nmax_blemish = 0"), template, board(image.Point{})); len(found) != 1 {
		t.Errorf("max_blemish 0: found %+v; want the hole", found)
	}
}

func TestImagesThatCannotBeCompared(t *testing.T) {
	good := frame.New(64, 64, 8)
	noise := frame.New(640, 640, 8)
	random := rand.New(rand.NewPCG(3, 4))
	for n := range noise.Pix {
		noise.Pix[n] = byte(random.Uint32())
	}
	i := inspector(t, "")
	for _, c := range []struct {
		name           string
		template, test frame.Image
		want           string
	}{
		{"depth", good, frame.New(64, 64, 16), "test image: 16 bits a pixel; want 8"},
		{"size", good, frame.New(64, 63, 8), "template of 64×64 pixels, test image of 64×63"},
		{"empty", frame.Image{Depth: 8}, good, "template: frame: size 0×0"},
		{"another pattern", frame.New(640, 640, 8), noise, defect.ErrTooMany.Error()},
	} {
		if _, err := i.Inspect(c.template, c.test); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
	}
	if _, err := i.Inspect(frame.New(640, 640, 8), noise); !errors.Is(err, defect.ErrTooMany) {
		t.Errorf("%v; want an ErrTooMany", err)
	}
}

// FuzzInspect: no images, of whatever size, break the inspection, and what it
// finds lies within them.
func FuzzInspect(f *testing.F) {
	f.Add(uint8(1), []byte{1}, []byte{200})
	f.Add(uint8(70), slices.Repeat([]byte{0, 255, 255}, 700), slices.Repeat([]byte{0, 255, 0}, 700))
	f.Add(uint8(64), make([]byte, 64*40), slices.Repeat([]byte{255}, 64*40))
	f.Fuzz(func(t *testing.T, width uint8, a, b []byte) {
		w := int(width)
		if w == 0 || min(len(a), len(b)) < w {
			return
		}
		h := min(len(a), len(b)) / w
		view := func(pix []byte) frame.Image {
			return frame.Image{Pix: pix, Width: w, Height: h, Stride: w, Depth: 8}
		}
		found, err := inspector(t, "").Inspect(view(a), view(b))
		if err != nil && !errors.Is(err, defect.ErrTooMany) {
			t.Fatal(err)
		}
		for _, d := range found {
			if d.Box.Empty() || !d.Box.In(image.Rect(0, 0, w, h)) || !(d.Confidence >= 0 && d.Confidence <= 1) {
				t.Fatalf("found %+v in %d×%d", d, w, h)
			}
		}
	})
}

func TestParamsAreStrict(t *testing.T) {
	for recipe, want := range map[string]string{
		"":                                  "",
		"material = \"bright\"":             "",
		"material = \"gold\"":               `test: material: "gold"; want`,
		"[evidence]\nmin_fare = 3":          "test: unknown key evidence.min_fare",
		"[alignment]\nreach = 33":           "test: alignment.reach: 33; want 0 to 32",
		"[alignment]\nsurroundings = 1":     "test: alignment.surroundings: 1; want 6 to 256",
		"[evidence]\ntolerance = 0":         "test: evidence.tolerance: 0; want 1 to 16",
		"[evidence]\njoin_distance = -1":    "test: evidence.join_distance: -1",
		"[confidence]\nhalf = nan":          "test: confidence.half: NaN; want more than 0",
		"[confidence]\nlength = 0.0":        "test: confidence.length: 0; want more than 0",
		"[confidence]\nedge = 1.5":          "test: confidence.edge: 1.5; want 0 to 1",
		"[confidence]\nleast = -0.1":        "test: confidence.least: -0.1; want 0 to 1",
		"[box]\nmargin = 101":               "test: box.margin: 101; want 0 to 100",
		"[box]\nmargin = \"wide\"":          "test: ",
		"material":                          "test: ",
		"[evidence]\nmerge_distance = 1000": "test: evidence.merge_distance: 1000; want 0 to 100",
	} {
		_, err := binary.ParseParams(recipe, "test")
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%q: %v; want %q", recipe, err, want)
		}
	}
}

func TestNothingIsAllocatedPerPair(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	i, template, test := inspector(t, ""), board(image.Point{}), board(image.Pt(2, 1))
	for _, f := range flaws {
		fill(test, f.at.Add(image.Pt(2, 1)), f.grey)
	}
	inspect(t, i, template, test)
	if n := testing.AllocsPerRun(20, func() {
		if _, err := i.Inspect(template, test); err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a pair; want none", n)
	}
}
