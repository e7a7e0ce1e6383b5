//go:build cgo

package dust_test

import (
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"kensa/vision/defect"
	"kensa/vision/dust"
	"kensa/vision/frame"
	"kensa/vision/inspect"
)

// part of the photographs is enough, and holds the black speck.
var part = image.Rect(2900, 300, 3656, 1200)

// photographs are the findings on each, in pixels of the part.
func photographs(t *testing.T) map[string][]defect.Defect {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: photographs are slow under the race detector")
	}
	root := os.Getenv("KENSA_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	files, err := filepath.Glob(filepath.Join(root, "wafer-optical", "*.jpg"))
	if err != nil || len(files) == 0 {
		t.Skipf("no photographs in %s/wafer-optical (%v); set KENSA_DATA to the folder of the shared data", root, err)
	}
	found := map[string][]defect.Defect{}
	for _, file := range files {
		img, err := frame.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := inspect.Unpatterned(img.Sub(part), inspect.DefaultUnpatternedParams())
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		found[filepath.Base(file)] = r.Defects
	}
	return found
}

func at(found []defect.Defect, x, y, reach float64) bool {
	return slices.ContainsFunc(found, func(d defect.Defect) bool { return math.Hypot(d.CX-x, d.CY-y) < reach })
}

// TestPhotographs: of each photograph the dust that the other nine show is left
// out, and nothing that it alone shows.
func TestPhotographs(t *testing.T) {
	found := photographs(t)
	speckX, speckY := 3565-float64(part.Min.X), 745-float64(part.Min.Y)
	shown, kept := 0, 0
	for name, here := range found {
		var others [][]defect.Defect
		for other, there := range found {
			if other != name {
				others = append(others, there)
			}
		}
		m, err := dust.Learn(part.Dx(), part.Dy(), others)
		if err != nil {
			t.Fatal(err)
		}
		defects, spots := m.Split(here)
		if at(here, speckX, speckY, 25) {
			if shown++; !at(spots, speckX, speckY, 25) || at(defects, speckX, speckY, 25) {
				t.Errorf("%s: the speck is not left out: spots %+v", name, m.Spots)
			}
		}
		for _, d := range here {
			if slices.ContainsFunc(others, func(there []defect.Defect) bool { return at(there, d.CX, d.CY, 30) }) {
				continue
			}
			if kept++; !slices.Contains(defects, d) {
				t.Errorf("%s: %+v is in this photograph only, and was taken for dust", name, d)
			}
		}
	}
	t.Logf("the speck is in %d of %d photographs; %d findings are in one only", shown, len(found), kept)
	if shown < 8 || kept < 20 {
		t.Errorf("the speck in %d photographs, %d findings in one only; the test says too little", shown, kept)
	}
}
