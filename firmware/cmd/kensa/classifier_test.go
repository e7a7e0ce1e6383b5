package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kensa/vision/frame"
)

// A stain is one of a site's own: by how much it changes the grey value at a
// place from its centre.
type stain func(r *rand.Rand) func(x, y float64) float64

// siteClasses are two kinds of residue and a hairline, which the rules do not
// know; strange is what nobody taught.
var siteClasses = map[string]stain{
	"residue-ring": func(r *rand.Rand) func(x, y float64) float64 {
		depth, size := 18+20*r.Float64(), 7+7*r.Float64()
		return func(x, y float64) float64 {
			q := math.Hypot(x, y) - size
			return -depth * (math.Exp(-q*q/6) + 0.3/(1+math.Exp(q)))
		}
	},
	"residue-film": func(r *rand.Rand) func(x, y float64) float64 {
		depth, size := 14+12*r.Float64(), 7+7*r.Float64()
		return func(x, y float64) float64 { return depth / (1 + math.Exp((math.Hypot(x, y)-size)/2)) }
	},
	"hairline": func(r *rand.Rand) func(x, y float64) float64 {
		sin, cos := math.Sincos(math.Pi * r.Float64())
		depth, half := 25+25*r.Float64(), 12+8*r.Float64()
		return func(x, y float64) float64 {
			u, v := cos*x+sin*y, cos*y-sin*x
			return -depth * math.Exp(-v*v/2) / (1 + math.Exp(math.Abs(u)-half))
		}
	},
}

func strange(r *rand.Rand) func(x, y float64) float64 {
	depth, size := 70+50*r.Float64(), 2+3*r.Float64()
	return func(x, y float64) float64 { return -depth / (1 + math.Exp((math.Hypot(x, y)-size)/0.5)) }
}

// spots are in the middles of a grid of a bare wafer's picture.
const spotPitch, spotColumns, spotRows = 128, 6, 5

// picture writes a bare wafer with 30 spots of a kind and returns its file.
func picture(t *testing.T, folder, name string, kind stain, seed uint64) string {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 3))
	m := frame.New(spotPitch*spotColumns, spotPitch*spotRows, 8)
	var all []func(x, y float64) float64
	for range spotColumns * spotRows {
		all = append(all, kind(r))
	}
	for i := range m.Pix {
		x, y := i%m.Width, i/m.Width
		n := y/spotPitch*spotColumns + x/spotPitch
		v := 150 - 0.05*float64(x) + all[n](float64(x%spotPitch-spotPitch/2), float64(y%spotPitch-spotPitch/2)) + 1.5*r.NormFloat64()
		m.Pix[i] = uint8(min(max(math.Round(v), 0), 255))
	}
	var file bytes.Buffer
	if err := frame.EncodePNG(&file, m); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, name+".png")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// kensa runs one command line and returns what it printed.
func kensa(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out, errors bytes.Buffer
	if got := execute(console{Context: t.Context(), out: &out, err: &errors}, args); got != code {
		t.Fatalf("kensa %v: exit code %d; want %d: %s", args, got, code, errors.String())
	}
	return out.String() + errors.String()
}

// TestTrainClassifier goes the way of a field engineer: inspects wafers, sorts
// the crops into folders, trains, and inspects others with it.
func TestTrainClassifier(t *testing.T) {
	folder := t.TempDir()
	sorted, model := filepath.Join(folder, "sorted"), filepath.Join(folder, "site.classifier")
	for name, kind := range siteClasses {
		crops := filepath.Join(folder, "crops-"+name)
		kensa(t, 0, "inspect", "--unpatterned", picture(t, folder, name, kind, 1), "--crops", crops)
		gather(t, crops, filepath.Join(sorted, name))
	}
	said := kensa(t, 0, "train", "classifier", sorted, "--out", model)
	t.Log(said)
	for _, want := range []string{"3 classes from", "as the inspection measured them", "LEFT TO THE RULES", "hairline"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing", want)
		}
	}
	var report trainedJSON
	if err := json.Unmarshal([]byte(kensa(t, 0, "train", "classifier", sorted, "--out", model, "--json")), &report); err != nil || report.Accuracy < 0.9 || !report.Measured {
		t.Errorf("%+v, %v", report, err)
	}
	for name, kind := range siteClasses {
		named, all := classesOf(t, picture(t, folder, "unseen-"+name, kind, 2), model)
		t.Logf("%s: %v of %d", name, named, all)
		if wrong := all - named[name] - rules(named); named[name] < all*7/10 || wrong > all/20 {
			t.Errorf("%d of %d named %s, %d another's", named[name], all, name, wrong)
		}
	}
	named, all := classesOf(t, picture(t, folder, "strange", strange, 3), model)
	t.Logf("strange: %v of %d", named, all)
	if rules(named) < all*8/10 {
		t.Errorf("strange defects: %v of %d; want most left to the rules", named, all)
	}
}

// rules counts the classes that no site gave.
func rules(named map[string]int) int {
	n := 0
	for class, count := range named {
		if siteClasses[class] == nil {
			n += count
		}
	}
	return n
}

// gather moves all crops of a folder's folders into one.
func gather(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(from, "*", "*.png"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d crops in %s: %v", len(files), from, err)
	}
	for n, f := range files {
		if err := os.Rename(f, filepath.Join(to, fmt.Sprintf("%d.png", n))); err != nil {
			t.Fatal(err)
		}
	}
}

// classesOf counts the classes given to an image's defects.
func classesOf(t *testing.T, path, model string) (named map[string]int, all int) {
	t.Helper()
	var r inspected
	if err := json.Unmarshal([]byte(kensa(t, 0, "inspect", "--unpatterned", path, "--classifier", model, "--json")), &r); err != nil {
		t.Fatal(err)
	}
	named = map[string]int{}
	for _, d := range r.Defects {
		named[d.Class]++
	}
	return named, len(r.Defects)
}

// TestTrainClassifierRefuses names what is wrong, and writes nothing.
func TestTrainClassifierRefuses(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var tiny bytes.Buffer
	if err := frame.EncodePNG(&tiny, frame.New(8, 8, 8)); err != nil {
		t.Fatal(err)
	}
	wafer, err := frame.Load(picture(t, folder, "good", siteClasses["hairline"], 4))
	if err != nil {
		t.Fatal(err)
	}
	var good bytes.Buffer
	if err := frame.EncodePNG(&good, wafer.Sub(image.Rect(0, 0, spotPitch, spotPitch))); err != nil {
		t.Fatal(err)
	}
	write("small/a/tiny.png", tiny.String())
	write("text/a/text.png", "no image")
	write("few/a/1.png", good.String())
	write("few/b/1.png", good.String())
	write("name/Two Words/1.png", good.String())
	for dir, want := range map[string]string{
		"small": "tiny.png: 8×8 pixels; want at least 16×16", "text": "text.png: neither PNG", "few": "a has 1, 11 more are needed; b has 1",
		"name": `class "Two Words": want 1 to 40 of a to z`, "absent": "no such file",
	} {
		out := filepath.Join(folder, dir+".classifier")
		if said := kensa(t, exitInput, "train", "classifier", filepath.Join(folder, dir), "--out", out); !strings.Contains(said, want) {
			t.Errorf("%s: %q; want %q", dir, said, want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: a file was written", dir)
		}
	}
}
