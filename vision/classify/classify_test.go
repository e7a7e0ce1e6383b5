package classify_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kensa/vision/classify"
	"kensa/vision/defect"
	"kensa/vision/frame"
)

// A kind draws a defect on a bare crop: by how many grey levels it changes a
// place, r pixels from the centre of one that is size pixels wide.
type kind func(r *rand.Rand, size float64) func(x, y float64) float64

var kinds = map[defect.Class]kind{
	// Dried drops: a rim much darker than the middle.
	"residue-ring": func(r *rand.Rand, size float64) func(x, y float64) float64 {
		depth := 20 + 20*r.Float64()
		return func(x, y float64) float64 {
			q := math.Hypot(x, y) - size/2
			return -depth * (math.Exp(-q*q/6) + 0.25/(1+math.Exp(q)))
		}
	},
	// A film that brightens, with a soft edge.
	"residue-film": func(r *rand.Rand, size float64) func(x, y float64) float64 {
		depth := 12 + 10*r.Float64()
		return func(x, y float64) float64 { return depth / (1 + math.Exp((math.Hypot(x, y)-size/2)/2)) }
	},
	"hairline": func(r *rand.Rand, size float64) func(x, y float64) float64 {
		sin, cos := math.Sincos(math.Pi * r.Float64())
		depth := 25 + 25*r.Float64()
		return func(x, y float64) float64 {
			u, v := cos*x+sin*y, cos*y-sin*x
			return -depth * math.Exp(-v*v/2) / (1 + math.Exp(math.Abs(u)-size))
		}
	},
}

// strangers are kinds that no model here is taught.
var strangers = map[defect.Class]kind{
	"speck": func(r *rand.Rand, size float64) func(x, y float64) float64 {
		depth := 90 + 40*r.Float64()
		return func(x, y float64) float64 { return -depth / (1 + math.Exp((math.Hypot(x, y)-size/6)/0.5)) }
	},
	"glint": func(r *rand.Rand, size float64) func(x, y float64) float64 {
		depth := 60 + 30*r.Float64()
		return func(x, y float64) float64 { return depth / (1 + math.Exp((math.Hypot(x, y)-size/5)/0.5)) }
	},
	"blister": func(r *rand.Rand, size float64) func(x, y float64) float64 {
		depth := 40 + 20*r.Float64()
		return func(x, y float64) float64 {
			return depth * math.Tanh(x/2) * math.Exp(-(x*x+y*y)/(size*size/8))
		}
	},
}

// crop is a picture of a defect.
func crop(k kind, r *rand.Rand) frame.Image {
	const side = 64
	size := 12 + 16*r.Float64()
	change := k(r, size)
	m := frame.New(side, side, 8)
	dx, dy, base := 4*r.Float64()-2, 4*r.Float64()-2, 120+40*r.Float64()
	for i := range m.Pix {
		v := base + change(float64(i%side)-side/2-dx, float64(i/side)-side/2-dy) + 2*r.NormFloat64()
		m.Pix[i] = uint8(min(max(math.Round(v), 0), 255))
	}
	return m
}

func sample(t testing.TB, name defect.Class, k kind, r *rand.Rand) classify.Sample {
	t.Helper()
	m, err := classify.Look(crop(k, r))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return classify.Sample{Name: string(name), Class: name, Measures: m}
}

func samples(t testing.TB, n int, seed uint64) (all []classify.Sample) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	for _, name := range []defect.Class{"hairline", "residue-film", "residue-ring"} {
		for range n {
			all = append(all, sample(t, name, kinds[name], r))
		}
	}
	return all
}

const least = 0.8

func trained(t testing.TB, n int) (*classify.Model, classify.Report) {
	t.Helper()
	m, r, err := classify.Train(samples(t, n, 1), false, least)
	if err != nil {
		t.Fatal(err)
	}
	return m, r
}

// TestLearntClassesAreNamed judges defects that the model has not seen: its own
// classes must be named, right, and strange ones left to the rules.
func TestLearntClassesAreNamed(t *testing.T) {
	m, report := trained(t, 40)
	if report.Accuracy < 0.95 || report.Named < 0.8 || report.Right < 0.97 {
		t.Errorf("cross-validated %+v", report)
	}
	named, right, n := 0, 0, 0
	for _, s := range samples(t, 100, 2) {
		n++
		if class, p, ok := m.Classify(s.Measures); ok && p >= least {
			if named++; class == s.Class {
				right++
			}
		}
	}
	t.Logf("%d unseen defects: %d named, %d right", n, named, right)
	if named < n*8/10 || right < named*97/100 {
		t.Errorf("%d of %d named, %d right; want 80 %%, and of these 97 %%", named, n, right)
	}
	r := rand.New(rand.NewPCG(3, 3))
	for name, k := range strangers {
		kept := 0
		for range 100 {
			if _, p, ok := m.Classify(sample(t, name, k, r).Measures); !ok || p < least {
				kept++
			}
		}
		t.Logf("%s: %d of 100 left to the rules", name, kept)
		if kept < 80 {
			t.Errorf("%s: %d of 100 left to the rules; want most", name, kept)
		}
	}
}

// TestProbabilitiesAreHonest compares what classes claim with how often they are
// right, on classes that overlap.
func TestProbabilitiesAreHonest(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	draw := func(n int) (all []classify.Sample) {
		for range n {
			for k, name := range []defect.Class{"low", "high"} {
				v := math.Exp(2 + 0.3*float64(k) + 0.25*r.NormFloat64())
				all = append(all, classify.Sample{Name: "drawn", Class: name, Measures: defect.Measures{Size: v, Width: v * (0.8 + 0.1*r.Float64()), Rise: 2 + 0.2*r.NormFloat64(),
					Step: 40 + 4*r.NormFloat64(), Fill: 0.7 + 0.03*r.NormFloat64(), Unevenness: 0.2 + 0.02*r.NormFloat64(), Middle: 1 + 0.05*r.NormFloat64(), Below: 100}})
			}
		}
		return all
	}
	m, _, err := classify.Train(draw(60), true, least)
	if err != nil {
		t.Fatal(err)
	}
	claimed, right, n := 0.0, 0.0, 0.0
	for _, s := range draw(2000) {
		class, p, _ := m.Classify(s.Measures)
		claimed, n = claimed+p, n+1
		if class == s.Class {
			right++
		}
	}
	t.Logf("claimed %.3f, right %.3f", claimed/n, right/n)
	if math.Abs(claimed-right)/n > 0.05 {
		t.Errorf("claims %.3f, is right in %.3f", claimed/n, right/n)
	}
}

func TestTooFewSamplesAreRefused(t *testing.T) {
	all := samples(t, 20, 5)
	for want, some := range map[string][]classify.Sample{
		"hairline has 5, 7 more are needed": all[15:],
		"1 classes; want 2 to 100":          all[:20],
		"0 classes":                         nil,
		"no defect can be measured in it":   append([]classify.Sample{{Name: "empty.png", Class: "hairline"}}, all...),
	} {
		if _, _, err := classify.Train(some, false, least); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want one with %q", err, want)
		}
	}
}

func TestFileComesBack(t *testing.T) {
	m, _ := trained(t, 20)
	path := filepath.Join(t.TempDir(), "site.classifier")
	if err := m.Write(path); err != nil {
		t.Fatal(err)
	}
	back, err := classify.Read(path)
	if err != nil || back.Hash() != m.Hash() || fmt.Sprint(back.Classes()) != "[hairline residue-film residue-ring]" {
		t.Fatalf("%v, %v", back, err)
	}
	for _, s := range samples(t, 10, 6) {
		c1, p1, ok1 := m.Classify(s.Measures)
		if c2, p2, ok2 := back.Classify(s.Measures); c1 != c2 || p1 != p2 || ok1 != ok2 {
			t.Errorf("%v %v %v; before it was written %v %v %v", c2, p2, ok2, c1, p1, ok1)
		}
	}
}

func TestSpoiltFilesAreRefused(t *testing.T) {
	m, _ := trained(t, 20)
	path := filepath.Join(t.TempDir(), "site.classifier")
	if err := m.Write(path); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"flipped":   {bytes.Replace(good, []byte("hairline"), []byte("hairlime"), 1), classify.ErrDamaged},
		"truncated": {good[:len(good)-9], classify.ErrDamaged},
		"newer":     {bytes.Replace(good, []byte("kensa-classifier 1 "), []byte("kensa-classifier 2 "), 1), classify.ErrVersion},
		"other":     {[]byte("KENSAGLD"), classify.ErrNotClassifier},
		"empty":     {nil, classify.ErrNotClassifier},
	} {
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := classify.Read(path); !errors.Is(err, c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
	}
}

func TestCropsCarryTheirMeasures(t *testing.T) {
	var file bytes.Buffer
	r := rand.New(rand.NewPCG(7, 7))
	if err := frame.EncodePNG(&file, crop(kinds["hairline"], r)); err != nil {
		t.Fatal(err)
	}
	want := defect.Measures{Size: 33, Width: 4, Rise: 2, Step: -30, Fill: 0.5, Texture: -1}
	noted, err := classify.Annotate(file.Bytes(), classify.Note{Class: defect.Scratch, Measures: want})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.png")
	for data, measured := range map[string]bool{string(noted): true, file.String(): false} {
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		got, own, err := classify.ReadCrop(path)
		if err != nil || own != measured || measured && got != want || !measured && math.Abs(got.Size-want.Size) > 30 {
			t.Errorf("%+v, %v, %v; want measured %v", got, own, err, measured)
		}
	}
}

func TestUnfitCropsAreNamed(t *testing.T) {
	folder := t.TempDir()
	even := frame.New(40, 40, 8)
	for want, img := range map[string]frame.Image{"want at least 16×16": frame.New(10, 40, 8), "nothing stands out": even} {
		path := filepath.Join(folder, "unfit.png")
		var file bytes.Buffer
		if err := frame.EncodePNG(&file, img); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := classify.ReadCrop(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v; want %q and the file's name", err, want)
		}
	}
}

// TestNamerLeavesWhatItDoesNotKnow puts a known and a strange defect on one
// image.
func TestNamerLeavesWhatItDoesNotKnow(t *testing.T) {
	m, _ := trained(t, 40)
	n := classify.Namer{Model: m, Least: least}
	r := rand.New(rand.NewPCG(8, 8))
	for k, want := range map[*kind]defect.Class{ptr(kinds["residue-ring"]): "residue-ring", ptr(strangers["speck"]): defect.Particle} {
		img := crop(*k, r)
		d := defect.Defect{Box: image.Rect(22, 22, 42, 42), Class: defect.Particle, Confidence: 0.5}
		n.Name(img, &d)
		if d.Class != want || (want == defect.Particle) != (d.Confidence == 0.5) {
			t.Errorf("%+v; want %s", d, want)
		}
	}
}

func ptr(k kind) *kind { return &k }

// FuzzRead reads arbitrary files: what passes must judge without nonsense.
func FuzzRead(f *testing.F) {
	m, _ := trained(f, 14)
	path := filepath.Join(f.TempDir(), "seed")
	if err := m.Write(path); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("kensa-classifier 1 \n{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := classify.Read(path)
		if err != nil {
			return
		}
		if _, p, _ := m.Classify(defect.Measures{Size: 5, Width: 4, Rise: 2, Step: 9, Below: 90}); math.IsNaN(p) {
			t.Error("probability is no number")
		}
	})
}

// FuzzReadCrop reads arbitrary files as crops.
func FuzzReadCrop(f *testing.F) {
	var file bytes.Buffer
	if err := frame.EncodePNG(&file, frame.New(20, 20, 8)); err != nil {
		f.Fatal(err)
	}
	noted, err := classify.Annotate(file.Bytes(), classify.Note{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add(noted)
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "f.png")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if m, _, err := classify.ReadCrop(path); err == nil && !(m.SizeUncertainty >= 0) {
			t.Errorf("%+v", m)
		}
	})
}
