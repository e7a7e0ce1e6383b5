package inspect

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"kensa/vision/frame"
)

// dataFolder is where the folder of that name of the shared data lies; the test
// is skipped where it is absent.
func dataFolder(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("KENSA_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(root, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no data: %v; set KENSA_DATA to the folder of the shared data", err)
	}
	return path
}

func loadImage(t testing.TB, parts ...string) frame.Image {
	t.Helper()
	m, err := frame.Load(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func comparePair(t testing.TB, ref, img frame.Image) PairResult {
	t.Helper()
	r, err := Pair(ref, img, DefaultPairParams())
	if err != nil {
		t.Fatal(err)
	}
	if !r.Registered {
		t.Fatalf("not registered: %s", r.Reason)
	}
	return r
}

// at reports whether r has exactly one defect within 12 pixels of each place
// and no other.
func checkPlaces(t *testing.T, r PairResult, places [][2]float64) {
	t.Helper()
	if len(r.Defects) != len(places) {
		t.Errorf("%d defects %+v; want %d", len(r.Defects), r.Defects, len(places))
	}
	for _, p := range places {
		found := false
		for _, d := range r.Defects {
			found = found || math.Hypot(d.CX-p[0], d.CY-p[1]) <= 12
		}
		if !found {
			t.Errorf("no defect within 12 px of %v in %+v", p, r.Defects)
		}
	}
}

func TestPairFindsTheDefectsOfRealPairs(t *testing.T) {
	folder := dataFolder(t, "wafer-pairs")
	for name, places := range map[string][][2]float64{
		"case1": {{149, 334}, {82, 245}, {97, 82}},
		"clean": {},
	} {
		t.Run(name, func(t *testing.T) {
			ref, img := loadImage(t, folder, name+"-reference.png"), loadImage(t, folder, name+"-inspected.png")
			checkPlaces(t, comparePair(t, ref, img), places)
		})
	}
}

func TestPairRefusesAnotherPattern(t *testing.T) {
	folder := dataFolder(t, "wafer-pairs")
	ref, img := loadImage(t, folder, "case1-reference.png"), loadImage(t, folder, "clean-inspected.png")
	r, err := Pair(ref, img, DefaultPairParams())
	if err != nil || r.Registered || r.Reason == "" || len(r.Defects) > 0 {
		t.Errorf("got %+v, %v; want not registered, with a reason", r, err)
	}
}
