package training_test

import (
	"context"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"kensa/calibration"
	"kensa/calibration/calibrationtest"
	"kensa/calibration/product"
	"kensa/calibration/training"
	"kensa/hw/simulator/stand"
	"kensa/vision/golden"
	"kensa/vision/wafer"
)

var header = golden.Header{Product: "small", Trained: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Software: "test"}

func procedure(t testing.TB, p *product.Product, o training.Options) *training.Procedure {
	t.Helper()
	q, err := training.New(o, p, header)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// fixed takes 48 dies, whatever they say.
func fixed() training.Options {
	o := training.Defaults()
	o.MaxError, o.MaxDies = 0.1133, 48
	return o
}

// otherDies is by how many percent σ differs, rms over √2, if it is learnt from as
// many other dies of the same wafers: what sigma-error must tell. The campaign measures
// it anew.
const otherDies = 8.2

// TestCoversTheTruth learns from many stations.
func TestCoversTheTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("learns many goldens")
	}
	want := otherDies
	if os.Getenv("KENSA_CAMPAIGN") != "" {
		want = measureOtherDies(t)
		if math.Abs(want-otherDies) > 0.5 {
			t.Errorf("measured %.2f %%; the test assumes %v", want, otherDies)
		}
	}
	calibrationtest.Cover(t, calibrationtest.Coverage{Seeds: 100, Dear: true,
		Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
			truth, p := calibrationtest.Station(t, seed)
			return truth, procedure(t, p, fixed()), nil
		},
		Want: map[string]func(stand.Truth) float64{"sigma-error": func(stand.Truth) float64 { return want }},
	})
}

// measureOtherDies divides the fields of wafers and learns from each part by itself.
func measureOtherDies(t *testing.T) float64 {
	const stations = 10
	var square float64
	for seed := range uint64(stations) {
		var planes [2][]float32
		for part := range planes {
			truth, p := calibrationtest.Station(t, 1000+seed)
			q := procedure(t, everySecond(p, part), fixed())
			if _, err := calibrationtest.Take(context.Background(), truth, q); err != nil {
				t.Fatal(err)
			}
			planes[part] = q.Golden().Sigma()
		}
		square += meanSquare(planes[0], planes[1]) / stations
	}
	differ := 100 * math.Sqrt(square/2)
	t.Logf("σ learnt from other dies differs by %.2f %%", differ)
	return differ
}

// everySecond leaves every second field of a product's plan, from the first or from
// the second on.
func everySecond(p *product.Product, from int) *product.Product {
	half, plan := *p, *p.Plan
	plan.Fields = nil
	for n, f := range p.Plan.Fields {
		if n%2 == from {
			plan.Fields = append(plan.Fields, f)
		}
	}
	half.Plan = &plan
	return &half
}

func meanSquare(a, b []float32) (sum float64) {
	for n := range a {
		d := math.Log(float64(a[n] / b[n]))
		sum += d * d / float64(len(a))
	}
	return sum
}

// TestTooFewDies says how many are missing, and fails.
func TestTooFewDies(t *testing.T) {
	if testing.Short() {
		t.Skip("learns many goldens")
	}
	truth, p := calibrationtest.Station(t, 1)
	o := training.Defaults()
	o.MaxError, o.MaxDies, o.Wafers = 0.06, 150, 1
	r := calibrationtest.Run(t, truth, procedure(t, everySecond(p, 0), o))
	if needed := calibrationtest.Figure(t, r, "needed"); needed.Value < 50 || r.Verdict() != calibration.Fail {
		t.Errorf("%v dies needed, verdict %s; want the rest of 140, and fail", needed, r.Verdict())
	}
	if !strings.Contains(strings.Join(r.Notes, "\n"), "dies more are needed") {
		t.Errorf("notes %q", r.Notes)
	}
}

// TestNamesWhatItLearnt, for the calibration's file.
func TestNamesWhatItLearnt(t *testing.T) {
	truth, p := calibrationtest.Station(t, 3)
	q := procedure(t, p, training.Defaults())
	r := calibrationtest.Run(t, truth, q)
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	if r.Verdict() != calibration.Pass {
		t.Errorf("figures %v", r.Figures)
	}
	if r.Of["golden"] != q.Golden().Hash() || r.Of["recipe"] != "small" || r.Of["recipe version"] != "1" {
		t.Errorf("of %v", r.Of)
	}
}

// TestOneWafer is not enough, however many dies.
func TestOneWafer(t *testing.T) {
	if testing.Short() {
		t.Skip("learns many goldens")
	}
	truth, p := calibrationtest.Station(t, 1)
	o := training.Defaults()
	o.Wafers = 1
	r := calibrationtest.Run(t, truth, procedure(t, p, o))
	if calibrationtest.Figure(t, r, "wafers").Verdict() != calibration.Fail {
		t.Error("one wafer passed")
	}
}

// TestStranger among the wafers is told by the names of its dies.
func TestStranger(t *testing.T) {
	truth, p := calibrationtest.Station(t, 1)
	truth.Wafers.Stranger = 2
	wrong := calibrationtest.Wrong(t, truth, procedure(t, p, training.Defaults()))
	if wrong == nil || !strings.Contains(wrong.What, "wafer 2, field") || !strings.Contains(wrong.Remedy, "recipe small") {
		t.Errorf("said %+v; want the strange wafer's dies", wrong)
	}
}

// TestDarkness has nothing to learn from.
func TestDarkness(t *testing.T) {
	truth, p := calibrationtest.Station(t, 1)
	truth.Light.Flux = 0
	if wrong := calibrationtest.Wrong(t, truth, procedure(t, p, training.Defaults())); wrong == nil {
		t.Error("learnt a golden in the dark")
	}
}

func TestRefuses(t *testing.T) {
	_, p := calibrationtest.Station(t, 1)
	for want, spoil := range map[string]func(*training.Options){
		"want 2 to 50":    func(o *training.Options) { o.MaxError = 0.6 },
		"want 1 to 25":    func(o *training.Options) { o.Wafers = 0 },
		"needs 24":        func(o *training.Options) { o.MaxDies = 23 },
		"the limit is 50": func(o *training.Options) { o.MaxDies = 501 },
	} {
		o := training.Defaults()
		spoil(&o)
		if _, err := training.New(o, p, header); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want %q", err, want)
		}
	}
	few := *p
	few.Plan = &wafer.Plan{Layout: p.Plan.Layout, Width: p.Plan.Width, Height: p.Plan.Height, Dies: p.Plan.Dies, Fields: p.Plan.Fields[:1]}
	o := training.Defaults()
	o.Wafers = 1
	if _, err := training.New(o, &few, header); err == nil || !strings.Contains(err.Error(), "take more wafers") {
		t.Errorf("error %v; want too few dies", err)
	}
}
