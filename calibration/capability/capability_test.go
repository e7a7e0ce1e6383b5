package capability_test

import (
	"context"
	"math"
	"os"
	"slices"
	"strings"
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
	"a50": 111.4, "a90": 145.6, "capture-static": 72.6, "capture-dynamic": 72.6, "named": 95.7,
	"place-repeat-static": 0.67, "place-repeat-dynamic": 0.70, "size-repeat-static": 11.7, "size-repeat-dynamic": 12.4,
}

// TestCoversTheTruth: each station has other defects and other noise.
func TestCoversTheTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("scans many wafers")
	}
	make := func(seed uint64) (stand.Truth, *capability.Procedure) { return faint(t, seed, scans()) }
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

// faint is a loose inspection of a wafer with many defects that are hard to see.
func faint(t *testing.T, seed uint64, o capability.Options) (stand.Truth, *capability.Procedure) {
	truth, p := calibrationtest.Station(t, seed)
	loose(p)
	truth.Wafers.Defects.PerDie, truth.Wafers.Defects.Sizes.Max = 1.5, 5
	return truth, procedure(t, truth, p, o, nil)
}

// TestCoversFalseCounts: what is true of a wafer is what further scans of it say.
func TestCoversFalseCounts(t *testing.T) {
	if testing.Short() {
		t.Skip("scans many wafers")
	}
	const further = 8
	of := map[uint64][2]float64{}
	want := func(truth stand.Truth, method int) float64 {
		if _, known := of[truth.Seed]; !known {
			o := scans()
			few := o.Static
			o.Static, o.Dynamic = few+further, few+further
			_, p := faint(t, truth.Seed, o)
			if _, err := calibrationtest.Take(context.Background(), truth, p); err != nil {
				t.Fatal(err)
			}
			var mean [2]float64
			for n, count := range p.False() {
				if n%(few+further) >= few { // the first are those that are judged
					mean[n/(few+further)] += float64(count) / further
				}
			}
			of[truth.Seed] = mean
		}
		return of[truth.Seed][method]
	}
	calibrationtest.Cover(t, calibrationtest.Coverage{Seeds: 100, Dear: true,
		Want: map[string]func(stand.Truth) float64{
			"false-static":  func(truth stand.Truth) float64 { return want(truth, 0) },
			"false-dynamic": func(truth stand.Truth) float64 { return want(truth, 1) },
		},
		Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
			truth, p := faint(t, seed, scans())
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
		for _, name := range []string{"capture-static", "capture-dynamic", "named"} {
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

// TestFindsWhatIsThere with a sound inspection: all from four pixels on, nothing
// else, and a curve that tells what is found surely.
func TestFindsWhatIsThere(t *testing.T) {
	truth, p := calibrationtest.Station(t, 1)
	r := calibrationtest.Run(t, truth, procedure(t, truth, p, capability.Defaults(), nil))
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"capture-static", "capture-dynamic"} {
		if f := calibrationtest.Figure(t, r, name); f.Value < 97 || f.Uncertainty <= 0 {
			t.Errorf("%s %v", name, f)
		}
	}
	if f := calibrationtest.Figure(t, r, "a90-95"); f.Verdict() != calibration.Pass {
		t.Errorf("a90/95 %v, limit %v", f, f.Limits)
	}
	if f := calibrationtest.Figure(t, r, "place-repeat-dynamic"); f.Value > 10 {
		t.Errorf("places repeat to %v; want a quarter of a pixel of 40 µm", f)
	}
	if r.Of["certificate"] == "" || r.Of["golden"] == "" || r.Of["recipe"] != "small" {
		t.Errorf("of %v", r.Of)
	}
	var names []string
	for _, c := range r.Curves {
		names = append(names, c.Name)
	}
	for _, want := range []string{"classes", "sizes"} {
		if !slices.Contains(names, want) {
			t.Errorf("curves %v; want %s", names, want)
		}
	}
}

// TestFailsBelowItsLimits: a loose inspection does.
func TestFailsBelowItsLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("scans many wafers")
	}
	truth, p := calibrationtest.Station(t, 1)
	loose(p)
	o := scans()
	o.Size = 60
	r := calibrationtest.Run(t, truth, procedure(t, truth, p, o, nil))
	if f := calibrationtest.Figure(t, r, "capture-dynamic"); f.Verdict() != calibration.Fail {
		t.Errorf("captured %v; want less than %v", f, f.Limits)
	}
	if c := slices.IndexFunc(r.Curves, func(c calibration.Curve) bool { return c.Name == "pod" }); c < 0 {
		t.Error("no curve of detection")
	} else {
		for n := range r.Curves[c].X {
			if low, fit, high := r.Curves[c].Low[n], r.Curves[c].Fit[n], r.Curves[c].High[n]; !(low < fit && fit < high) {
				t.Errorf("band %v to %v about %v", low, high, fit)
			}
		}
	}
}

// TestWrongWafer is told before a scan is counted.
func TestWrongWafer(t *testing.T) {
	truth, p := calibrationtest.Station(t, 1)
	own := certificate(t, truth)
	other := truth
	other.Wafers.Layout = "memory"
	if wrong := calibrationtest.Wrong(t, other, procedure(t, truth, p, capability.Defaults(), own)); wrong == nil || !strings.Contains(wrong.What, "cannot be compared with the golden") {
		t.Errorf("another product: said %+v", wrong)
	}
	moved, err := capability.NewCertificate(shifted(own.Defects))
	if err != nil {
		t.Fatal(err)
	}
	if wrong := calibrationtest.Wrong(t, truth, procedure(t, truth, p, capability.Defaults(), moved)); wrong == nil || !strings.Contains(wrong.What, "where the certificate has none") {
		t.Errorf("another certificate: said %+v", wrong)
	}
}

// shifted has every defect on the die beside.
func shifted(defects []capability.Known) (all []capability.Known) {
	for _, d := range defects {
		d.X, d.Y = -d.Y, d.X
		all = append(all, d)
	}
	return all
}

func TestRefuses(t *testing.T) {
	truth, p := calibrationtest.Station(t, 1)
	all := certificate(t, truth)
	few, err := capability.NewCertificate(all.Defects[:5])
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]struct {
		spoil       func(*capability.Options)
		certificate *capability.Certificate
	}{
		"at least 2 each": {func(o *capability.Options) { o.Static = 1 }, all},
		"more than 0":     {func(o *capability.Options) { o.Size = -1 }, all},
		"want at least":   {func(o *capability.Options) {}, few},
	} {
		o := capability.Defaults()
		c.spoil(&o)
		if _, err := capability.New(o, p, nil, "", c.certificate); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want %q", err, want)
		}
	}
}

func TestCertificateReadsWhatItWrites(t *testing.T) {
	truth, _ := calibrationtest.Station(t, 1)
	c := certificate(t, truth)
	var text strings.Builder
	if err := c.Write(&text); err != nil {
		t.Fatal(err)
	}
	back, err := capability.ReadCertificate(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	if back.Hash() != c.Hash() || !slices.Equal(back.Defects, c.Defects) {
		t.Error("read otherwise than written")
	}
}

func TestCertificateRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "EOF",
		"x_um,y_um\n":                           "no column size_um",
		"x_um,y_um,size_um,class\n":             "0 defects",
		"x_um,y_um,size_um,class\n1,2,x,open\n": `line 2, column size_um: "x"`,
		"x_um,y_um,size_um,class\n1,2,NaN,open\n": "size NaN",
		"x_um,y_um,size_um,class\n1,2,-3,open\n":  "size -3",
		"x_um,y_um,size_um,class\n1e9,2,3,open\n": "want at most",
		"x_um,y_um,size_um,class\n1,2,3,hole\n":   `class "hole"`,
		"x_um,y_um,size_um,class\n1,2,3\n":        "wrong number of fields",
	} {
		if _, err := capability.ReadCertificate(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v; want %q", text, err, want)
		}
	}
}

func FuzzReadCertificate(f *testing.F) {
	f.Add("class,size_um,y_um,x_um\nshort,120,-5e3,1\n\"open\",80,0,0\n")
	f.Add("x_um,y_um,size_um,class\n1,2,3,open\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := capability.ReadCertificate(strings.NewReader(text))
		if err != nil {
			return
		}
		var b strings.Builder
		if err := c.Write(&b); err != nil {
			t.Fatal(err)
		}
		if back, err := capability.ReadCertificate(strings.NewReader(b.String())); err != nil || back.Hash() != c.Hash() {
			t.Errorf("%q reads back as another: %v", b.String(), err)
		}
	})
}
