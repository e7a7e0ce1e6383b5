package appliance

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kensa/firmware/config"
	"kensa/vision/classify"
	"kensa/vision/defect"
	"kensa/vision/frame"
)

const bareRecipe = `name = "bare"
mode = "unpatterned"
[layout]
kind = "sequence"
pixel_size = "1 µm"
[classifier]
file = "site.classifier"
[[bin]]
bin = 2
name = "own"
classes = ["CLASS"]
`

// TestRecipeWithClassifier makes the inspectors of a recipe that names a
// classifier, and has them look at a frame.
func TestRecipeWithClassifier(t *testing.T) {
	folder := t.TempDir()
	load := func(class string) config.Recipe {
		t.Helper()
		path := filepath.Join(folder, "bare.toml")
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(bareRecipe, "CLASS", class)), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := config.LoadRecipe(path)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if _, _, err := Inspectors(load("speck"), nil); err == nil || !strings.Contains(err.Error(), "site.classifier") {
		t.Errorf("error %v; want the missing file", err)
	}
	model := specks(t)
	if err := model.Write(filepath.Join(folder, "site.classifier")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Inspectors(load("spek"), nil); err == nil || !strings.Contains(err.Error(), `"spek" is no defect class`) {
		t.Errorf("error %v; want the class that the classifier does not know", err)
	}
	maker, hash, err := Inspectors(load("speck"), nil)
	if err != nil || hash == "" {
		t.Fatalf("hash %q, %v", hash, err)
	}
	in, err := maker()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	img := frame.New(256, 256, 8)
	for i := range img.Pix {
		img.Pix[i] = uint8(150 + i%3)
		if x, y := i%256-100, i/256-90; x*x+y*y < 16 {
			img.Pix[i] = 90
		}
	}
	dies, err := in.Inspect(img, nil)
	if err != nil || len(dies) != 1 || len(dies[0].Defects) != 1 || dies[0].Defects[0].Class != "speck" {
		t.Errorf("%+v, %v; want one speck", dies, err)
	}
}

// specks is a model of small dark spots, and of lines.
func specks(t *testing.T) *classify.Model {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	around := func(v, spread float64) float64 { return v * (1 + spread*r.NormFloat64()) }
	var all []classify.Sample
	for range 40 {
		m := defect.Measures{Size: around(8, 0.1), Width: around(7.7, 0.1), Rise: around(1.3, 0.15), Step: around(-60, 0.1), Below: 150,
			Fill: around(0.8, 0.1), Unevenness: around(0.1, 0.5), Middle: around(1, 0.1)}
		all = append(all, classify.Sample{Name: "drawn", Class: "speck", Measures: m})
		m.Size *= 9
		m.Step /= -3
		all = append(all, classify.Sample{Name: "drawn", Class: "line", Measures: m})
	}
	m, _, err := classify.Train(all, true, 0.8)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
