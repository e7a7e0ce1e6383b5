package simulator

import (
	"crypto/sha256"
	"image"
	"math"
	"slices"
	"testing"

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
	delta := make([]float64, len(pix))
	for i := range pix {
		delta[i] = float64(pix[i]) - float64(good[i])
	}
	for _, d := range defects {
		judge(t, d, stop, take(s, delta, d.Box))
	}
	// What is left would be outside of every defect. Neighbours' dies, which reach
	// into the frame, may differ too.
	for _, at := range stop.Dies {
		r := at.Rect.Inset(maxShift + 2)
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				if v := delta[y*s.canvas.Width+x]; v != 0 {
					t.Fatalf("pixel (%d, %d) differs by %v outside of every defect: %+v", x, y, v, defects)
				}
			}
		}
	}
}

// take clears the difference around a box and returns its greatest value.
func take(s *Scene, delta []float64, b Box) (peak float64) {
	const tail = 5 // what the lens carries beyond a fifth of the peak
	for y := max(b.Y-tail, 0); y < min(b.Y+b.Height+tail, s.canvas.Height); y++ {
		for x := max(b.X-tail, 0); x < min(b.X+b.Width+tail, s.canvas.Width); x++ {
			v := &delta[y*s.canvas.Width+x]
			if math.Abs(*v) > math.Abs(peak) {
				peak = *v
			}
			*v = 0
		}
	}
	return peak
}

// judge holds a defect against the greatest difference seen where it should be.
func judge(t *testing.T, d Defect, stop Stop, peak float64) {
	t.Helper()
	const noise = 2.8 // σ on metal, grey levels
	if math.Abs(peak) < 4*noise && d.Class != flaw.Stain || math.Abs(peak) < noise {
		t.Errorf("%s at %+v: difference %.0f hides in the noise", d.Class, d.Box, peak)
	}
	if math.Abs(peak-d.Contrast) > 0.15*math.Abs(d.Contrast)+5 {
		t.Errorf("%s: difference %.0f, contrast %.1f", d.Class, peak, d.Contrast)
	}
	box := image.Rect(d.Box.X, d.Box.Y, d.Box.X+d.Box.Width, d.Box.Y+d.Box.Height)
	if !image.Pt(int(d.CX), int(d.CY)).In(box) || d.Area < 1 {
		t.Errorf("%+v: centroid outside the box, or no area", d)
	}
	on := slices.ContainsFunc(stop.Dies, func(at DieAt) bool {
		return Index{at.Column, at.Row} == d.Die && box.In(at.Rect.Inset(-maxShift-2))
	})
	if !on {
		t.Errorf("%+v lies not on its die", d)
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
