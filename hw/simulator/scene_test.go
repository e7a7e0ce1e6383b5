package simulator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kensa/hw/camera"
	"kensa/hw/simulator/die"
	"kensa/hw/simulator/flaw"
)

// spoiled is a wafer with its flaws.
func spoiled(t testing.TB, s *Scene, slot int) *wafer {
	t.Helper()
	w := s.newWafer(slot, 1, slot)
	if err := s.spoil(w); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestTruthIsWhatCanBeSeen exposes fields with and without their flaws, all else
// equal, and holds the difference against the truth.
func TestTruthIsWhatCanBeSeen(t *testing.T) {
	alone(t)
	for _, layout := range die.Layouts {
		o := Defaults(small().program())
		o.Layout, o.Stage.Angle, o.Defects.PerDie = layout, 1e-3, 1.5
		s := scene(t, o)
		for slot := 1; slot <= 2; slot++ {
			w := spoiled(t, s, slot)
			clean := *w
			clean.flaws = nil
			seen := 0
			for n := range o.Program.Stops {
				pix, good := make([]byte, s.FrameBytes()), make([]byte, s.FrameBytes())
				_, defects := s.render(exposure{wafer: w, field: n}, pix)
				s.render(exposure{wafer: &clean, field: n}, good)
				compare(t, s, pix, good, o.Program.Stops[n], defects)
				seen += len(defects)
			}
			injected := 0
			for _, f := range w.flaws {
				injected += len(f)
			}
			if seen != injected || seen < 10 {
				t.Errorf("%s: %d defects seen of %d", layout, seen, injected)
			}
		}
	}
}

// compare checks one field's difference against its defects.
func compare(t *testing.T, s *Scene, pix, good []byte, stop Stop, defects []Defect) {
	t.Helper()
	rest := make([]bool, len(pix))
	for i := range pix {
		rest[i] = pix[i] != good[i]
	}
	const tail = 5 // what the lens carries beyond a fifth of the peak
	for _, d := range defects {
		peak := 0.0
		for y := max(d.Box.Y-tail, 0); y < min(d.Box.Y+d.Box.Height+tail, s.canvas.Height); y++ {
			for x := max(d.Box.X-tail, 0); x < min(d.Box.X+d.Box.Width+tail, s.canvas.Width); x++ {
				i := y*s.canvas.Width + x
				rest[i] = false
				if v := float64(pix[i]) - float64(good[i]); math.Abs(v) > math.Abs(peak) {
					peak = v
				}
			}
		}
		if math.Abs(peak) < 4*2.8 && d.Class != flaw.Stain || math.Abs(peak) < 2.8 {
			t.Errorf("%s at %+v: difference %.0f hides in the noise", d.Class, d.Box, peak)
		}
		if math.Abs(peak-d.Contrast) > 0.15*math.Abs(d.Contrast)+5 {
			t.Errorf("%s: difference %.0f, contrast %.1f", d.Class, peak, d.Contrast)
		}
		if d.CX < float64(d.Box.X) || d.CX > float64(d.Box.X+d.Box.Width) || d.CY < float64(d.Box.Y) || d.CY > float64(d.Box.Y+d.Box.Height) || d.Area < 1 {
			t.Errorf("%+v: centroid outside the box, or no area", d)
		}
		on := slices.ContainsFunc(stop.Dies, func(at DieAt) bool {
			in := at.Rect.Inset(-maxShift - 2)
			return Index{at.Column, at.Row} == d.Die && in.Min.X <= d.Box.X && in.Min.Y <= d.Box.Y && in.Max.X >= d.Box.X+d.Box.Width && in.Max.Y >= d.Box.Y+d.Box.Height
		})
		if !on {
			t.Errorf("%+v lies not on its die", d)
		}
	}
	// Neighbours' dies that reach into the frame may differ too.
	for _, at := range stop.Dies {
		r := at.Rect.Inset(maxShift + 2)
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				if rest[y*s.canvas.Width+x] {
					t.Fatalf("pixel (%d, %d) differs by %d outside of every defect: %+v", x, y, int(pix[y*s.canvas.Width+x])-int(good[y*s.canvas.Width+x]), defects)
				}
			}
		}
	}
}

func TestWaferCoordinatesOfDefects(t *testing.T) {
	alone(t)
	o := Defaults(small().program())
	o.Stage.Angle = 2e-3
	o.Defects.PerDie = 1
	s := scene(t, o)
	w := spoiled(t, s, 1)
	for n, stop := range o.Program.Stops {
		_, defects := s.render(exposure{wafer: w, field: n}, make([]byte, s.FrameBytes()))
		for _, d := range defects {
			at := stop.Dies[slices.IndexFunc(stop.Dies, func(a DieAt) bool { return Index{a.Column, a.Row} == d.Die })]
			if halfX, halfY := 70*o.Program.PixelSize, 60*o.Program.PixelSize; math.Abs(d.X-at.X) > halfX || math.Abs(d.Y-at.Y) > halfY {
				t.Errorf("defect at (%.0f, %.0f) µm on a die at (%.0f, %.0f)", d.X, d.Y, at.X, at.Y)
			}
		}
	}
}

// hashes are of all frames of a number of wafers.
func hashes(t *testing.T, o Options) (h [][sha256.Size]byte) {
	t.Helper()
	s := scene(t, o)
	pix := make([]byte, s.FrameBytes())
	for w, err := range s.wafers() {
		if err != nil {
			t.Fatal(err)
		}
		for n := range o.Program.Stops {
			s.render(exposure{wafer: w, field: n}, pix)
			h = append(h, sha256.Sum256(pix))
		}
	}
	return h
}

func TestTheSeedDecidesEveryByte(t *testing.T) {
	alone(t)
	o := Defaults(small().program())
	o.WafersPerLot, o.Stage.Angle = 2, 5e-4
	a, b := hashes(t, o), hashes(t, o)
	if !slices.Equal(a, b) {
		t.Error("the same seed gave other frames")
	}
	o.Seed++
	for i, h := range hashes(t, o) {
		if h == a[i] {
			t.Errorf("frame %d does not depend on the seed", i)
		}
	}
}

// TestFieldsDoNotDependOnEachOther renders in reverse.
func TestFieldsDoNotDependOnEachOther(t *testing.T) {
	alone(t)
	o := Defaults(small().program())
	o.WafersPerLot = 1
	forward := hashes(t, o)
	s := scene(t, o)
	w := spoiled(t, s, 1)
	pix := make([]byte, s.FrameBytes())
	for n := len(o.Program.Stops) - 1; n >= 0; n-- {
		s.render(exposure{wafer: w, field: n}, pix)
		if sha256.Sum256(pix) != forward[n] {
			t.Errorf("field %d differs when rendered in another order", n)
		}
	}
}

func TestShiftsAreAsAskedAndBounded(t *testing.T) {
	o := Defaults(small().program())
	s := scene(t, o)
	var dx []float64
	for slot := range 3000 {
		f := s.shift(s.newWafer(1, 1, slot), slot%5)
		if math.Abs(f.DX) > maxShift || math.Abs(f.DY) > maxShift {
			t.Fatalf("shift %+v", f)
		}
		dx = append(dx, f.DX)
	}
	sum := 0.0
	for _, v := range dx {
		sum += v * v
	}
	if sigma, want := math.Sqrt(sum/3000), math.Hypot(0.7, 0.3); math.Abs(sigma-want) > 0.04 {
		t.Errorf("σ %.3f, want %.3f", sigma, want)
	}
}

// yields makes wafers without pictures.
func yields(t *testing.T, o Options, wafers int) (mean, low, high float64) {
	t.Helper()
	s := scene(t, o)
	low = 1
	for slot := 1; slot <= wafers; slot++ {
		y := 1 - float64(len(spoiled(t, s, slot).flaws))/float64(len(s.grid.listed))
		mean, low, high = mean+y/float64(wafers), min(low, y), max(high, y)
	}
	return mean, low, high
}

func TestYieldIsThatOfAHealthyProcess(t *testing.T) {
	alone(t)
	mean, low, high := yields(t, Defaults(standard().program()), 25)
	t.Logf("yield %.3f, from %.3f to %.3f", mean, low, high)
	if mean < 0.85 || mean > 0.95 || low < 0.7 || high-low < 0.03 {
		t.Errorf("yield %.3f, from %.3f to %.3f", mean, low, high)
	}
}

func TestAnExcursionLowersTheYield(t *testing.T) {
	alone(t)
	o := Defaults(standard().program())
	healthy, _, _ := yields(t, o, 4)
	o.Excursions = []Excursion{{Lot: 1, Factor: 4, Signature: EdgeRing}}
	sick, _, _ := yields(t, o, 4)
	if sick > healthy-0.1 {
		t.Errorf("yield fell from %.3f to %.3f only", healthy, sick)
	}
}

func TestSignaturesLieWhereTheyShould(t *testing.T) {
	alone(t)
	radius := func(t *testing.T, signature Signature) (mean float64, n int) {
		o := Defaults(standard().program())
		o.Defects.PerDie, o.Defects.SignatureShare, o.Defects.Signature = 1e-9, 0.5, signature
		s := scene(t, o)
		for i, f := range spoiled(t, s, 1).flaws {
			x, y := s.grid.center(i)
			mean += math.Hypot(x, y) / o.Program.Radius * float64(len(f))
			n += len(f)
		}
		return mean / float64(n), n
	}
	for signature, want := range map[Signature][2]float64{EdgeRing: {0.75, 1}, EdgeLocal: {0.7, 1}, Centre: {0, 0.3}, Donut: {0.3, 0.65}, Random: {0.5, 0.75}} {
		if r, n := radius(t, signature); r < want[0] || r > want[1] || n < 20 {
			t.Errorf("%s: %d defects at %.2f of the radius", signature, n, r)
		}
	}
	if _, n := radius(t, Line); n < 4 {
		t.Errorf("a scratch over %d dies", n)
	}
	if _, n := radius(t, Cluster); n < 20 {
		t.Errorf("a cluster of %d", n)
	}
}

func TestGoodFieldsHaveNoDefectsAndAllVariation(t *testing.T) {
	o := Defaults(small().program())
	o.Defects.PerDie = 2
	s := scene(t, o)
	count, stops := 0, map[float64]bool{}
	var first []byte
	err := s.Good(2*len(o.Program.Stops), func(stop Stop, f *camera.Frame) error {
		if count == 0 {
			first = bytes.Clone(f.Pix)
		} else if count == len(o.Program.Stops) && bytes.Equal(first, f.Pix) {
			t.Error("the second wafer equals the first")
		}
		count++
		stops[stop.X*1e6+stop.Y] = true
		return nil
	})
	if err != nil || count != 2*len(o.Program.Stops) || len(stops) != len(o.Program.Stops) {
		t.Errorf("%v after %d fields of %d stops", err, count, len(stops))
	}
	if err := s.Good(1, func(Stop, *camera.Frame) error { return os.ErrClosed }); err != os.ErrClosed {
		t.Errorf("the error of use: %v", err)
	}
}

func TestWriteFrames(t *testing.T) {
	alone(t)
	for _, depth := range []int{8, 12} {
		dir := t.TempDir()
		o := Defaults(small().program())
		o.WafersPerLot, o.Depth, o.Defects.PerDie = 2, depth, 0.5
		s := scene(t, o)
		var told []Truth
		if err := s.WriteFrames(context.Background(), dir, func(tr Truth) { told = append(told, tr) }); err != nil {
			t.Fatal(err)
		}
		if len(told) != 2 || told[1].Substrate != "SIM0001-02" || !told[1].Complete {
			t.Fatalf("told of %+v", told)
		}
		checkWritten(t, filepath.Join(dir, "SIM0001", "SIM0001-02"), s, told[1])
	}
}

func checkWritten(t *testing.T, folder string, s *Scene, want Truth) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got Truth
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != TruthSchema || len(got.Defects) != len(want.Defects) || len(got.Fields) != len(s.options.Program.Stops) || got.Good != want.Good {
		t.Errorf("written %+v", got)
	}
	w := spoiled(t, s, 2)
	pix := make([]byte, s.FrameBytes())
	s.render(exposure{wafer: w, field: 3}, pix)
	file, err := os.Open(filepath.Join(folder, "field-003.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	p := picture(s.format(), pix)
	for _, at := range [][2]int{{0, 0}, {100, 50}, {319, 279}} {
		if m.At(at[0], at[1]) != p.At(at[0], at[1]) {
			t.Errorf("pixel %v: %v, want %v", at, m.At(at[0], at[1]), p.At(at[0], at[1]))
		}
	}
}

func TestWriteFramesOfLotsWithoutEnd(t *testing.T) {
	o := Defaults(small().program())
	o.Lots = 0
	if err := scene(t, o).WriteFrames(context.Background(), t.TempDir(), nil); err == nil {
		t.Error("no error")
	}
}

func TestLightDrift(t *testing.T) {
	o := Defaults(small().program())
	o.Drift = Drift{PerWafer: 0.1, PerField: 0.02}
	s := scene(t, o)
	pix := make([]byte, s.FrameBytes())
	mean := func(number, field int) (float64, float64) {
		f, _ := s.render(exposure{wafer: s.newWafer(number, 1, 1), field: field}, pix)
		sum := 0.0
		for _, v := range pix {
			sum += float64(v)
		}
		return sum / float64(len(pix)), f.Lamp
	}
	m1, l1 := mean(1, 2)
	m3, l3 := mean(3, 2)
	if math.Abs(l1-0.98*0.98) > 1e-9 || math.Abs(l3-0.81*l1) > 1e-9 || math.Abs(m3/m1-0.81) > 0.01 {
		t.Errorf("lamp %.4f and %.4f, mean grey %.2f and %.2f", l1, l3, m1, m3)
	}
}

func TestBadOptionsAreErrors(t *testing.T) {
	for want, spoil := range map[string]func(*Options){
		"layout":            func(o *Options) { o.Layout = "mosaic" },
		"depth":             func(o *Options) { o.Depth = 9 },
		"wafers a lot":      func(o *Options) { o.WafersPerLot = 26 },
		"buffers":           func(o *Options) { o.Buffers = 1 },
		"pace":              func(o *Options) { o.Pace = -1 },
		"times":             func(o *Options) { o.Times.Move = 0 },
		"stage":             func(o *Options) { o.Stage.Angle = 1 },
		"drift":             func(o *Options) { o.Drift.PerField = math.NaN() },
		"sizes":             func(o *Options) { o.Defects.Sizes.Min = 0 },
		"class":             func(o *Options) { o.Defects.Mix = map[flaw.Class]float64{"crack": 1} },
		"no class":          func(o *Options) { o.Defects.Mix = nil },
		"signature":         func(o *Options) { o.Defects.Signature = "spiral" },
		"excursion":         func(o *Options) { o.Excursions = []Excursion{{Lot: 1, Factor: 0.5}} },
		"fault":             func(o *Options) { o.Faults.Given = []Fault{{Kind: "fire"}} },
		"rate":              func(o *Options) { o.Faults.Rates = map[FaultKind]float64{LateFrame: 2} },
		"lateness":          func(o *Options) { o.Faults.Lateness = o.Times.Move },
		"without a die":     func(o *Options) { o.Program.Stops = nil },
		"pixel size":        func(o *Options) { o.Program.PixelSize = 0 },
		"frame of":          func(o *Options) { o.Program.Width = 0 },
		"off the grid":      func(o *Options) { o.Program.Stops[1].Dies[0].X += 500 },
		"its centre is":     func(o *Options) { o.Program.Stops[1].X += 500 },
		"96 to 4096 a side": func(o *Options) { *o = Defaults(product{320, 280, 40, 20_000, 90, 90, 100, 100, 2, 2}.program()) },
	} {
		o := Defaults(small().program())
		spoil(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestProgramsOfManyShapes(t *testing.T) {
	alone(t)
	for _, p := range []product{
		{512, 400, 6.5, 12_500, 300, 260, 313.7, 271.3, 1, 1}, // pitch of broken pixels
		{400, 300, 40, 20_000, 130, 110, 130, 110, 2, 2},      // no streets
		{260, 500, 20, 25_000, 200, 200, 230, 240, 1, 2},
	} {
		o := Defaults(p.program())
		o.Defects.PerDie = 0.3
		s := scene(t, o)
		w := spoiled(t, s, 1)
		pix := make([]byte, s.FrameBytes())
		for n := range min(6, len(o.Program.Stops)) {
			s.render(exposure{wafer: w, field: n}, pix)
		}
	}
}
