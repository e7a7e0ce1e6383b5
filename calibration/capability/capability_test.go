package capability_test

import (
	"context"
	"math"
	"os"
	"sync"
	"testing"
	"time"

	"kensa/calibration"
	"kensa/calibration/calibrationtest"
	"kensa/calibration/capability"
	"kensa/calibration/product"
	"kensa/calibration/training"
	"kensa/hw/simulator/stand"
	"kensa/vision/defect"
	"kensa/vision/evaluate"
	"kensa/vision/golden"
	"kensa/vision/inspect"
)

var header = golden.Header{Product: "small", Trained: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Software: "test"}

// learnt is one golden for all stations: they differ in what is random only.
var learnt = sync.OnceValues(func() (*golden.Golden, error) {
	var g *golden.Golden
	var err error
	truth, p, err := calibrationtest.SmallWafers(1)
	if err != nil {
		return nil, err
	}
	o := training.Defaults()
	o.MaxError = 0.2
	q, err := training.New(o, p, header)
	if err != nil {
		return nil, err
	}
	_, err = calibrationtest.Take(context.Background(), truth, q)
	g = q.Golden()
	return g, err
})

func procedure(t testing.TB, truth stand.Truth, p *product.Product, o capability.Options, c *capability.Certificate) *capability.Procedure {
	t.Helper()
	g, err := learnt()
	if err != nil {
		t.Fatal(err)
	}
	in, err := inspect.NewGolden(g, p.Params)
	if err != nil {
		t.Fatal(err)
	}
	if c == nil {
		c = certificate(t, truth)
	}
	q, err := capability.New(o, p, in, g.Hash(), c)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func station(t testing.TB, seed uint64) (stand.Truth, *product.Product) {
	t.Helper()
	truth, p, err := calibrationtest.SmallWafers(seed)
	if err != nil {
		t.Fatal(err)
	}
	return truth, p
}

func certificate(t testing.TB, truth stand.Truth) *capability.Certificate {
	t.Helper()
	b, err := stand.New(truth)
	if err != nil {
		t.Fatal(err)
	}
	defects, err := b.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	var known []capability.Known
	for _, d := range defects {
		known = append(known, capability.Known{X: d.X, Y: d.Y, Size: d.Size, Class: defect.Class(d.Class)})
	}
	c, err := capability.NewCertificate(known)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// loose is an inspection that misses and that gives false counts.
func loose(p *product.Product) {
	p.Params.Limits = golden.Limits{KSigma: 3.2, Registration: 0, Floor: 1}
	p.Params.Defects.MinArea, p.Params.Defects.MinContrast = 14, 3
}

func scans() capability.Options {
	o := capability.Defaults()
	o.Static, o.Dynamic, o.Size = 2, 2, 80
	return o
}

// truths is what many wafers say together of a loose inspection. The campaign
// measures it anew.
var truths = map[string]float64{
	"a50": 113.2, "a90": 149.6, "capture-static": 70.8, "capture-dynamic": 71.0, "false-static": 0.84, "false-dynamic": 0.73, "named": 96.3,
	"place-repeat-static": 0.65, "place-repeat-dynamic": 0.71, "size-repeat-static": 13.7, "size-repeat-dynamic": 13.7,
}

// TestCoversTheTruth: each station has other defects and other noise.
func TestCoversTheTruth(t *testing.T) {
	make := func(seed uint64) (stand.Truth, *capability.Procedure) {
		truth, p := station(t, seed)
		loose(p)
		truth.Wafers.Defects.PerDie, truth.Wafers.Defects.Sizes.Max = 1.5, 5
		return truth, procedure(t, truth, p, scans(), nil)
	}
	want := truths
	if os.Getenv("KENSA_CAMPAIGN") != "" {
		want = reference(t, make)
		for name, v := range want {
			if math.Abs(v/truths[name]-1) > 0.2 {
				t.Errorf("%s: measured %.4g; the test assumes %v", name, v, truths[name])
			}
		}
	}
	wants := map[string]func(stand.Truth) float64{}
	for name, v := range want {
		wants[name] = func(stand.Truth) float64 { return v }
	}
	calibrationtest.Cover(t, calibrationtest.Coverage{Seeds: 100, Want: wants,
		Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
			truth, p := make(seed)
			return truth, p, nil
		}})
}

// reference is what many wafers say together.
func reference(t *testing.T, make func(seed uint64) (stand.Truth, *capability.Procedure)) map[string]float64 {
	t.Helper()
	const wafers = 40
	want := map[string]float64{}
	var trials []evaluate.Trial
	for seed := range uint64(wafers) {
		truth, p := make(1000 + seed)
		r := calibrationtest.Run(t, truth, p)
		trials = append(trials, p.Trials()...)
		for _, name := range []string{"capture-static", "capture-dynamic", "false-static", "false-dynamic", "named"} {
			f, _ := r.Figure(name)
			want[name] += f.Value / wafers
		}
		for _, name := range []string{"size-repeat-static", "size-repeat-dynamic", "place-repeat-static", "place-repeat-dynamic"} {
			f, _ := r.Figure(name)
			want[name] += f.Value * f.Value / wafers
		}
	}
	for _, name := range []string{"size-repeat-static", "size-repeat-dynamic", "place-repeat-static", "place-repeat-dynamic"} {
		want[name] = math.Sqrt(want[name])
	}
	fit, err := evaluate.FitPOD(trials)
	if err != nil {
		t.Fatal(err)
	}
	want["a50"], want["a90"] = fit.A50, fit.A90
	t.Logf("of %d defects: %v", len(trials), want)
	return want
}
