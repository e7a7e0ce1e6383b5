package hotpath

import (
	"errors"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kensa/vision/defect"
	"kensa/vision/frame"
)

// plain is a frame of noise around grey level 100 with room for dies of 80×20
// pixels whose limits are 60 and 140.
func plain(t testing.TB, depth int) (frame.Image, *Flat, *Reference) {
	t.Helper()
	const width, height = 200, 70
	r := rand.New(rand.NewPCG(8, 9))
	m := frame.New(width, height, depth)
	dark, gain := make([]float32, width*height), make([]float32, width*height)
	for n := range dark {
		m.Set(n%width, n/width, (90+r.IntN(20))<<(depth-8))
		dark[n], gain[n] = 2+r.Float32()/2, 1+r.Float32()/8
	}
	same := func(v float32) []float32 { return slices.Repeat([]float32{v}, 80*20) }
	ref := must[*Reference](t)(NewReference(80, 20, slices.Repeat([]uint8{60}, 80*20), slices.Repeat([]uint8{140}, 80*20), same(100), same(3)))
	return m, must[*Flat](t)(NewFlat(width, height, dark, gain)), ref
}

// grid are six dies, out of order.
func grid() []Place {
	var places []Place
	for _, n := range []int{4, 0, 5, 2, 1, 3} {
		places = append(places, Place{X: 3.25 + float64(n%2*95), Y: 1.5 + float64(n/2*22) + 0.3*float64(n%2), Gain: 1, Offset: float64(n)})
	}
	return places
}

// TestManyDies compares six dies at once with each of them alone.
func TestManyDies(t *testing.T) {
	m, flat, ref := plain(t, 8)
	r := rand.New(rand.NewPCG(1, 1))
	for range 400 {
		m.Pix[r.IntN(len(m.Pix))] = 255
	}
	together, alone := must[*Pass](t)(NewPass(10000)), must[*Pass](t)(NewPass(10000))
	if err := together.Compare(m, flat, ref, grid()); err != nil {
		t.Fatal(err)
	}
	for n, at := range grid() {
		if err := alone.Compare(m, flat, ref, []Place{at}); err != nil {
			t.Fatal(err)
		}
		got, errGot := together.Runs(n)
		want, errWant := alone.Runs(0)
		if len(want) == 0 || !slices.Equal(got, want) || errGot != nil || errWant != nil {
			t.Errorf("die %d: %d runs, %v; alone %d, %v", n, len(got), errGot, len(want), errWant)
		}
		a, b := make([]uint8, 80*20), make([]uint8, 80*20)
		together.Grey(n, image.Rect(0, 0, 80, 20), a)
		alone.Grey(0, image.Rect(0, 0, 80, 20), b)
		if !slices.Equal(a, b) {
			t.Errorf("die %d: other grey levels than alone", n)
		}
	}
}

// TestTooManyRuns spoils one die; the others are compared all the same.
func TestTooManyRuns(t *testing.T) {
	m, flat, ref := plain(t, 8)
	for y := 2; y < 20; y++ {
		for x := 5; x < 80; x += 2 {
			m.Set(x, y, 255)
		}
	}
	p := must[*Pass](t)(NewPass(100))
	if err := p.Compare(m, flat, ref, grid()); err != nil {
		t.Fatal(err)
	}
	for n := range 6 {
		if _, err := p.Runs(n); errors.Is(err, defect.ErrTooMany) != (n == 1) {
			t.Errorf("die %d: %v; only the second is spoilt", n, err)
		}
	}
}

// TestPoolGrows wants all runs where there are more than a pass has room for.
func TestPoolGrows(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	s := drawScene(t, r, size{width: 150, height: 200, right: 1, bottom: 1, depth: 8}, Place{Gain: 1, X: 0.5}, 1)
	p := must[*Pass](t)(NewPass(1 << 20))
	if err := p.Compare(s.img, nil, s.ref, []Place{s.at}); err != nil {
		t.Fatal(err)
	}
	runs, err := p.Runs(0)
	pixels, want := 0, 0
	for _, run := range runs {
		pixels += run.X1 - run.X0
	}
	for n, g := range greys(t, s) {
		if g < s.lo[n] || g > s.hi[n] {
			want++
		}
	}
	if err != nil || len(runs) <= firstRuns || pixels != want {
		t.Errorf("%d runs, %d pixels, %v; want more than %d runs and %d pixels", len(runs), pixels, err, firstRuns, want)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	if raced {
		t.Skip("the race detector's bookkeeping would be counted; the run without it tests this")
	}
	for _, depth := range []int{8, 12} {
		m, flat, ref := plain(t, depth)
		m.Set(20, 10, m.Max())
		p, places := must[*Pass](t)(NewPass(1000)), grid()
		if n := testing.AllocsPerRun(20, func() {
			if err := p.Compare(m, flat, ref, places); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("depth %d: %v allocations a frame; want none", depth, n)
		}
	}
}

// TestShiftOfTheInput moves the frame's content by whole pixels; the runs stay.
func TestShiftOfTheInput(t *testing.T) {
	m, _, ref := plain(t, 8)
	r := rand.New(rand.NewPCG(3, 3))
	for range 200 {
		m.Pix[r.IntN(len(m.Pix))] = byte(r.IntN(256))
	}
	p := must[*Pass](t)(NewPass(1000))
	var want []defect.Run
	for _, by := range []image.Point{{}, {1, 0}, {7, 3}, {33, 20}} {
		moved := frame.New(m.Width+40, m.Height+20, 8)
		for y := range m.Height {
			copy(moved.Row(y + by.Y)[by.X:], m.Row(y))
		}
		if err := p.Compare(moved, nil, ref, []Place{{X: 10.375 + float64(by.X), Y: 20.625 + float64(by.Y), Gain: 1.1}}); err != nil {
			t.Fatal(err)
		}
		runs, err := p.Runs(0)
		if err != nil || len(runs) == 0 {
			t.Fatalf("%d runs, %v", len(runs), err)
		}
		if want == nil {
			want = slices.Clone(runs)
		} else if !slices.Equal(runs, want) {
			t.Errorf("moved by %v: %d runs; want the same %d", by, len(runs), len(want))
		}
	}
}

// TestAddingADefect wants every pixel that was outside to stay so when another
// place is spoilt.
func TestAddingADefect(t *testing.T) {
	m, flat, ref := plain(t, 8)
	p := must[*Pass](t)(NewPass(1000))
	at := []Place{{X: 10.375, Y: 20.625, Gain: 1.1}}
	outside := func() map[image.Point]bool {
		if err := p.Compare(m, flat, ref, at); err != nil {
			t.Fatal(err)
		}
		set := map[image.Point]bool{}
		for _, r := range must[[]defect.Run](t)(p.Runs(0)) {
			for x := r.X0; x < r.X1; x++ {
				set[image.Pt(x, r.Y)] = true
			}
		}
		return set
	}
	r := rand.New(rand.NewPCG(4, 4))
	before := outside()
	for range 30 {
		x, y := 15+r.IntN(70), 25+r.IntN(10)
		m.Set(x, y, 255)
		now := outside()
		for q := range before {
			if !now[q] {
				t.Fatalf("a white pixel at (%d, %d) made %v good", x, y, q)
			}
		}
		if len(now) < len(before) || !now[image.Pt(x-11, y-21)] {
			t.Fatalf("a white pixel at (%d, %d) was not found", x, y)
		}
		before = now
	}
}

// TestBrightnessChangesLittle scales the raw values and the light's gain
// against each other.
func TestBrightnessChangesLittle(t *testing.T) {
	m, _, ref := plain(t, 16)
	p := must[*Pass](t)(NewPass(1000))
	var want, got [80 * 20]uint8
	for _, scale := range []float64{1, 0.8, 0.6, 1.2} {
		scaled := m.Clone()
		for n := range m.Width * m.Height {
			scaled.Set(n%m.Width, n/m.Width, int(math.Round(scale*float64(m.At(n%m.Width, n/m.Width)))))
		}
		if err := p.Compare(scaled, nil, ref, []Place{{X: 10.4, Y: 20.6, Gain: 1 / scale}}); err != nil {
			t.Fatal(err)
		}
		p.Grey(0, image.Rect(0, 0, 80, 20), got[:])
		if scale == 1 {
			want = got
		}
		for n := range got {
			if d := int(got[n]) - int(want[n]); d < -1 || d > 1 {
				t.Fatalf("brightness × %v: pixel %d is %d; was %d", scale, n, got[n], want[n])
			}
		}
	}
}

func TestCompareRefuses(t *testing.T) {
	m, flat, ref := plain(t, 8)
	nan, inf := math.NaN(), math.Inf(1)
	good := Place{X: 3, Y: 3, Gain: 1}
	other := must[*Flat](t)(NewFlat(2, 2, make([]float32, 4), []float32{1, 1, 1, 1}))
	short, deep := m, m
	short.Stride, deep.Depth = 199, 12
	for _, c := range []struct {
		name string
		img  frame.Image
		flat *Flat
		ref  *Reference
		at   Place
		want string
	}{
		{"stride", short, flat, ref, good, "stride 199"},
		{"memory", frame.Image{Pix: m.Pix[:500], Width: 200, Height: 70, Stride: 200, Depth: 8}, flat, ref, good, "500 bytes"},
		{"depth", deep, flat, ref, good, "stride"},
		{"flat field", m, other, ref, good, "flat field is of 2×2"},
		{"golden", m, flat, nil, good, "no golden"},
		{"x", m, flat, ref, Place{X: nan, Y: 3, Gain: 1}, "die 1 lies at (NaN"},
		{"y", m, flat, ref, Place{X: 3, Y: -inf, Gain: 1}, "die 1 lies at (3, -Inf"},
		{"left", m, flat, ref, Place{X: -0.1, Y: 3, Gain: 1}, "leaves the frame"},
		{"right", m, flat, ref, Place{X: 120.01, Y: 3, Gain: 1}, "leaves the frame"},
		{"bottom", m, flat, ref, Place{X: 3, Y: 50.5, Gain: 1}, "leaves the frame"},
		{"far", m, flat, ref, Place{X: 3, Y: 1e30, Gain: 1}, "lies at"},
		{"gain", m, flat, ref, Place{X: 3, Y: 3, Gain: nan}, "light gain"},
		{"no gain", m, flat, ref, Place{X: 3, Y: 3}, "light gain of 0 to 0"},
		{"high gain", m, flat, ref, Place{X: 3, Y: 3, Gain: 4}, "light gain of 4"},
		{"slope", m, flat, ref, Place{X: 3, Y: 3, Gain: 1, GainX: 0.05}, "light gain of -1 to 3"},
		{"infinite slope", m, flat, ref, Place{X: 3, Y: 3, Gain: 1, GainY: inf}, "light gain"},
		{"offset", m, flat, ref, Place{X: 3, Y: 3, Gain: 1, Offset: 256}, "light offset of 256"},
		{"no offset", m, flat, ref, Place{X: 3, Y: 3, Gain: 1, Offset: nan}, "light offset of NaN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := must[*Pass](t)(NewPass(10))
			if err := p.Compare(c.img, c.flat, c.ref, []Place{good, c.at}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; want %q", err, c.want)
			}
		})
	}
	if _, err := NewPass(0); err == nil {
		t.Error("a pass of no runs was made")
	}
}

func TestPlanesRefused(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, c := range map[string]struct {
		width      int
		dark, gain float32
		want       string
	}{
		"size": {3, 0, 1, "3×1 pixels with 2 values"}, "none": {0, 0, 1, "0×1"}, "dark": {2, -1, 1, "dark -1 at pixel (1, 0)"}, "dark NaN": {2, nan, 1, "dark NaN"},
		"gain": {2, 0, 2, "gain 2 at pixel (1, 0); want 0.25 to 1.99"}, "gain 0": {2, 0, 0, "gain 0"}, "gain NaN": {2, 0, nan, "gain NaN"}, "gain Inf": {2, 0, inf, "gain +Inf"},
	} {
		if _, err := NewFlat(c.width, 1, []float32{0, c.dark}, []float32{1, c.gain}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("flat field, %s: error %v; want %q", name, err, c.want)
		}
	}
	for name, c := range map[string]struct {
		width       int
		lo, hi      uint8
		mean, sigma float32
		want        string
	}{
		"size": {3, 0, 9, 1, 1, "3×1 pixels with 2 values"}, "wide": {maxSide + 1, 0, 9, 1, 1, "16385×1"}, "limits": {2, 9, 8, 1, 1, "pixel (1, 0): limits 9 to 8"},
		"mean": {2, 0, 9, nan, 1, "mean NaN"}, "sigma": {2, 0, 9, 1, 0, "deviation 0"}, "sigma NaN": {2, 0, 9, 1, nan, "deviation NaN"},
	} {
		_, err := NewReference(c.width, 1, []uint8{0, c.lo}, []uint8{9, c.hi}, []float32{1, c.mean}, []float32{1, c.sigma})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("golden, %s: error %v; want %q", name, err, c.want)
		}
	}
}
