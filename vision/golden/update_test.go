package golden_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kensa/vision/golden"
	"kensa/vision/internal/testdie"
	"kensa/vision/register"
)

var later = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)

func update(t testing.TB, g *golden.Golden, samples []golden.Sample) (*golden.Golden, []golden.Rejected) {
	t.Helper()
	more, rejected, err := g.Update(later, "2.0", samples, register.DefaultParams())
	if err != nil {
		t.Fatal(err)
	}
	return more, rejected
}

// TestUpdateIsLikeTrainingOnAll adds the second half of the dies to a golden of
// the first, and compares with one learnt from all at once. The place and light
// of the two differ by those of the frames, so grey values are compared in
// matched light and away from edges; the noise of two means of 18 dies leaves up to
// √2·2.5/√18 = 0.83 grey levels between them.
func TestUpdateIsLikeTrainingOnAll(t *testing.T) {
	samples := dies(2, 11, testdie.NewLayout(width, height, 7), nil)
	first, _ := train(t, samples[:9])
	more, rejected := update(t, first, samples[9:])
	all, _ := train(t, samples)
	if more.Dies != 18 || len(rejected) > 0 || more.Product != "test" || !more.Trained.Equal(later) || more.Software != "2.0" || more.Hash() == first.Hash() {
		t.Fatalf("header %+v, left out %v", more.Header, rejected)
	}
	template, err := register.NewTemplate(more.Mean(), width, height)
	if err != nil {
		t.Fatal(err)
	}
	m, err := new(register.Matcher).Match(template, all.Image(), all.Image().Bounds(), register.DefaultParams())
	if err != nil {
		t.Fatal(err)
	}
	var sum, count float64
	mean, sigma, slope, moved := all.Mean(), all.Sigma(), all.Gradient(), more.Gradient()
	gotMean, gotSigma := more.Mean(), more.Sigma()
	var ratios []float64
	for n := range mean {
		if slope[n] < 3 && moved[n] < 3 {
			d := float64(gotMean[n]) - m.Light.At(n%width, n/width, width, height)*float64(mean[n]) - m.Light.Offset
			sum, count = sum+d*d, count+1
			ratios = append(ratios, float64(gotSigma[n]/sigma[n]))
		}
	}
	slices.Sort(ratios)
	rms, middle := math.Sqrt(sum/count), ratios[len(ratios)/2]
	t.Logf("means differ by %.2f grey levels rms; σ by a factor of %.3f, 1 to 99 %%: %.3f to %.3f", rms, middle, ratios[len(ratios)/100], ratios[len(ratios)*99/100])
	if rms > 0.9 || middle < 0.95 || middle > 1.05 {
		t.Errorf("means differ by %.2f grey levels rms, σ by a factor of %.3f", rms, middle)
	}
}

// TestUpdateLearnsWhatAllNewDiesHave: a spot that every approved die shows
// becomes good; one that a single die shows does not.
func TestUpdateLearnsWhatAllNewDiesHave(t *testing.T) {
	layout := testdie.NewLayout(width, height, 7)
	first, _ := train(t, dies(2, 12, layout, nil))
	common := testdie.Disc{X: 60, Y: 50, Radius: 4, Delta: 30}
	single := testdie.Disc{X: 110, Y: 90, Radius: 4, Delta: 80}
	more, _ := update(t, first, dies(2, 13, layout, func(frame, die int) []testdie.Disc {
		if frame == 0 && die == 3 {
			return []testdie.Disc{common, single}
		}
		return []testdie.Disc{common}
	}))
	before, after := first.Planes(golden.DefaultLimits()), more.Planes(golden.DefaultLimits())
	at := func(d testdie.Disc) int { return int(d.Y)*width + int(d.X) }
	if got, was := after.Hi[at(common)], before.Hi[at(common)]; int(got) < int(was)+25 {
		t.Errorf("upper limit at the common spot %d; before %d", got, was)
	}
	for y := -4; y <= 4; y++ {
		for x := -4; x <= 4; x++ {
			n := at(single) + y*width + x
			if d := int(after.Hi[n]) - int(before.Hi[n]); d > 12 {
				t.Errorf("upper limit at (%d, %d) of a defect %d; before %d", x, y, after.Hi[n], before.Hi[n])
			}
		}
	}
}

func TestUpdateRefuses(t *testing.T) {
	layout := testdie.NewLayout(width, height, 7)
	g, _ := train(t, dies(1, 14, layout, nil))
	good := dies(1, 15, layout, func(_, die int) []testdie.Disc {
		if die == 4 {
			return []testdie.Disc{{X: 75, Y: 60, Radius: 14, Delta: 60}}
		}
		return nil
	})
	foreign := dies(1, 15, testdie.NewLayout(width, height, 9), nil)
	mixed := slices.Clone(good)
	mixed[2] = foreign[2]
	mixed[2].Name = "other product"
	more, rejected := update(t, g, mixed)
	if more.Dies != g.Dies+7 || len(rejected) != 2 || rejected[0].Name != "frame 0 die 4" || rejected[1].Name != "other product" {
		t.Errorf("%d dies, left out %v; want the stained die and the stranger left out", more.Dies, rejected)
	}
	smaller := slices.Clone(good)
	for n := range smaller {
		smaller[n].Rect.Max.X--
	}
	for _, c := range []struct {
		name    string
		samples []golden.Sample
		want    string
	}{
		{"none", nil, "0 dies; want 1"},
		{"other product", foreign, "0 of 9 dies are alike; want 6"},
		{"size", smaller, "the golden has 150×120"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, _, err := g.Update(later, "2.0", c.samples, register.DefaultParams()); !errors.Is(err, golden.ErrTraining) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; want %q", err, c.want)
			}
		})
	}
}

func TestReplaceKeepsTheOldOne(t *testing.T) {
	layout := testdie.NewLayout(width, height, 7)
	g, _ := train(t, dies(1, 16, layout, nil))
	path := filepath.Join(t.TempDir(), "p.golden")
	more, _ := update(t, g, dies(1, 17, layout, nil))
	if _, err := more.Replace(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing to replace: %v", err)
	}
	if err := g.Write(path); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	backup, err := more.Replace(path)
	if err != nil || backup != path+".bak" {
		t.Fatalf("%q, %v", backup, err)
	}
	if kept, err := os.ReadFile(backup); err != nil || !bytes.Equal(kept, before) {
		t.Errorf("the copy differs from the golden before (%v)", err)
	}
	again, err := golden.Read(path)
	if err != nil || again.Hash() != more.Hash() {
		t.Fatalf("read %v, %v", again, err)
	}
	if _, _, err := again.Update(later, "3.0", dies(1, 18, layout, nil), register.DefaultParams()); err != nil {
		t.Errorf("a golden read from its file takes no more dies: %v", err)
	}
	files, _ := os.ReadDir(filepath.Dir(path))
	if len(files) != 2 {
		t.Errorf("%v; want the golden and its copy only", files)
	}
}
