package evaluate_test

import (
	"image/color"
	"math"
	"testing"

	"kensa/vision/defect"
	"kensa/vision/evaluate"
)

func spot(field int, c defect.Class, x, y int, size, contrast float64) evaluate.Spot {
	return evaluate.Spot{Field: field, Box: box(x, y, x+10, y+10), Class: c, Size: size, Contrast: contrast}
}

// TestDetection is one wafer, counted by hand.
func TestDetection(t *testing.T) {
	d := evaluate.NewDetection([]float64{10, 20, 40}, []float64{0, 50, 100}, 3)
	d.Add([]evaluate.Spot{
		spot(0, defect.Open, 0, 0, 15, -80),   // found, by two findings, of which the larger is right
		spot(0, defect.Spur, 100, 0, 30, 20),  // found as another class
		spot(0, defect.Stain, 200, 0, 5, 900), // missed; smaller than the first bin and clearer than the last band
		spot(1, defect.Open, 0, 0, 40, 49),    // missed: the finding there is in field 0; beyond the last bin
	}, []evaluate.Spot{
		{Field: 0, Box: box(12, 0, 14, 2), Class: defect.Short},
		{Field: 0, Box: box(0, 0, 9, 9), Class: defect.Open},
		spot(0, defect.Short, 100, 5, 0, 0),
		spot(0, defect.Particle, 213, 0, 0, 0), // 3 pixels from the stain: a false alarm
		spot(2, defect.Particle, 0, 0, 0, 0),   // a false alarm
	})
	want := evaluate.Rate{Injected: 4, Found: 2, Classed: 1}
	if d.All != want || d.Wafers != 1 || d.FalsePerWafer() != 2 || d.False[defect.Particle] != 2 {
		t.Errorf("%+v of %d wafers, false alarms %v; want %+v and two particles", d.All, d.Wafers, d.False, want)
	}
	if small, large := d.Sizes[0].Rate, d.Sizes[1].Rate; small != (evaluate.Rate{Injected: 2, Found: 1, Classed: 1}) || large != (evaluate.Rate{Injected: 2, Found: 1}) {
		t.Errorf("sizes %+v, %+v", small, large)
	}
	faint, clear := d.Contrasts[0].Sizes, d.Contrasts[1].Sizes
	if faint[0].Injected != 0 || faint[1].Injected != 2 || clear[0].Injected != 2 || clear[1].Injected != 0 {
		t.Errorf("contrasts %+v", d.Contrasts)
	}
	if got := d.Classes[defect.Open]; got != (evaluate.Rate{Injected: 2, Found: 1, Classed: 1}) {
		t.Errorf("opens %+v", got)
	}
}

// TestWilsonInterval has the figures of R. G. Newcombe's comparison (1998),
// table I, for 95 %.
func TestWilsonInterval(t *testing.T) {
	for _, c := range []struct {
		found, of int
		low, high float64
	}{
		{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718},
	} {
		_, low, high := evaluate.Rate{Injected: c.of, Found: c.found}.Capture()
		if math.Abs(low-c.low) > 5e-5 || math.Abs(high-c.high) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f; want %.4f to %.4f", c.found, c.of, low, high, c.low, c.high)
		}
	}
	if share, low, high := (evaluate.Rate{}).Capture(); share != 0 || low != 0 || high != 1 {
		t.Errorf("nothing: %v, %v to %v; want 0, 0 to 1", share, low, high)
	}
}

// TestCurveIsDrawn wants the curve where the rates are, and nothing of a band
// that has no defects.
func TestCurveIsDrawn(t *testing.T) {
	d := evaluate.NewDetection([]float64{10, 20, 40}, []float64{0, 50, 100}, 3)
	known := []evaluate.Spot{spot(0, defect.Open, 0, 0, 15, 80), spot(0, defect.Open, 100, 0, 30, 80)}
	empty, err := d.Curve()
	if err != nil {
		t.Fatal(err)
	}
	d.Add(known, known[1:])
	drawn, err := d.Curve()
	if err != nil {
		t.Fatal(err)
	}
	count := func(c color.RGBA) (n int) {
		for y := range drawn.Bounds().Dy() {
			for x := range drawn.Bounds().Dx() {
				if drawn.RGBAAt(x, y) == c && empty.RGBAAt(x, y) != c {
					n++
				}
			}
		}
		return n
	}
	blue, orange := count(color.RGBA{0x00, 0x72, 0xb2, 0xff}), count(color.RGBA{0xe6, 0x9f, 0x00, 0xff})
	if blue != 0 || orange < 300 {
		t.Errorf("%d pixels of the faint band's curve, %d of the clear one's; want none and a curve", blue, orange)
	}
}
