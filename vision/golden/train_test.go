package golden_test

import (
	"errors"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"kensa/vision/golden"
	"kensa/vision/internal/testdie"
	"kensa/vision/register"
)

var header = golden.Header{Product: "test", Trained: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Software: "1.0"}

const width, height = 150, 120

// dies draws frames of nine dies each; spoil gets the frame's and the die's number.
func dies(frames int, seed uint64, layout testdie.Layout, spoil func(frame, die int) []testdie.Disc) []golden.Sample {
	r := rand.New(rand.NewPCG(seed, 1))
	var samples []golden.Sample
	for n := range frames {
		f := layout.Draw(testdie.Usual(), r, func(die int) []testdie.Disc {
			if spoil == nil {
				return nil
			}
			return spoil(n, die)
		})
		for d, rect := range f.Rects {
			samples = append(samples, golden.Sample{Name: fmt.Sprintf("frame %d die %d", n, d), Image: f.Image, Rect: rect})
		}
	}
	return samples
}

func train(t testing.TB, samples []golden.Sample) (*golden.Golden, []golden.Rejected) {
	t.Helper()
	g, rejected, err := golden.Train(header, samples, register.DefaultParams())
	if err != nil {
		t.Fatal(err)
	}
	return g, rejected
}

// TestTrainedMean compares with the die drawn without noise at its place. The
// light is that of the first die, so a plane of gain may lie between.
func TestTrainedMean(t *testing.T) {
	layout := testdie.NewLayout(width, height, 7)
	g, rejected := train(t, dies(4, 1, layout, nil))
	if len(rejected) > 0 || g.Dies != 36 || g.Width != width || g.Height != height || g.Product != "test" {
		t.Fatalf("header %+v, left out %v", g.Header, rejected)
	}
	template, err := register.NewTemplate(g.Mean(), width, height)
	if err != nil {
		t.Fatal(err)
	}
	ideal := layout.Draw(testdie.Conditions{}, rand.New(rand.NewPCG(1, 1)), nil)
	m, err := new(register.Matcher).Match(template, ideal.Image, ideal.Rects[4], register.DefaultParams())
	if err != nil {
		t.Fatal(err)
	}
	var sum, count float64
	mean, slope := g.Mean(), g.Gradient()
	for n, v := range mean {
		if slope[n] > 3 {
			continue
		}
		x, y := n%width, n/width
		want := m.Light.At(x, y, width, height)*float64(ideal.Image.At(ideal.Rects[4].Min.X+x, ideal.Rects[4].Min.Y+y)) + m.Light.Offset
		sum, count = sum+(float64(v)-want)*(float64(v)-want), count+1
	}
	rms := math.Sqrt(sum / count)
	t.Logf("mean differs by %.2f grey levels rms at %.0f pixels away from edges", rms, count)
	if rms > 1 {
		t.Errorf("mean differs by %.2f grey levels rms; want at most 1", rms)
	}
}

// TestTrainedSigma wants the camera's noise back, times the light's gain, though
// interpolation has averaged some of it away.
func TestTrainedSigma(t *testing.T) {
	for _, frames := range []int{1, 2, 4} {
		g, _ := train(t, dies(frames, 2, testdie.NewLayout(width, height, 7), nil))
		var flat []float32
		sigma, slope := g.Sigma(), g.Gradient()
		for n, s := range slope {
			if s < 2 {
				flat = append(flat, sigma[n])
			}
		}
		slices.Sort(flat)
		middle := flat[len(flat)/2]
		t.Logf("%d frames: σ of flat parts %.2f, from %.2f to %.2f", frames, middle, flat[0], flat[len(flat)-1])
		if noise := float32(testdie.Usual().Noise); middle < 0.9*noise || middle > 1.2*noise {
			t.Errorf("%d frames: σ of flat parts %.2f; want about %v", frames, middle, noise)
		}
	}
}

// TestDefectsDoNotSpoilTheGolden trains with and without defects of 80 grey
// levels on two dies of 18. At a defect's rim, where it fades, some of it passes
// for noise.
func TestDefectsDoNotSpoilTheGolden(t *testing.T) {
	layout := testdie.NewLayout(width, height, 7)
	at := testdie.Disc{X: 60, Y: 50, Radius: 4, Delta: 80}
	spoil := func(frame, die int) []testdie.Disc {
		if frame == 1 && die < 2 {
			return []testdie.Disc{at}
		}
		return nil
	}
	clean, _ := train(t, dies(2, 3, layout, nil))
	spoilt, _ := train(t, dies(2, 3, layout, spoil))
	a, b := clean.Planes(golden.DefaultLimits()), spoilt.Planes(golden.DefaultLimits())
	for y := 46; y <= 54; y++ {
		for x := 56; x <= 64; x++ {
			n := y*width + x
			if d := int(b.Hi[n]) - int(a.Hi[n]); d > 20 || d < -20 {
				t.Errorf("pixel (%d, %d): upper limit %d; without the defects %d", x, y, b.Hi[n], a.Hi[n])
			}
		}
	}
}

func TestTrainLeavesOutStrangers(t *testing.T) {
	layout := testdie.NewLayout(width, height, 7)
	samples := dies(2, 4, layout, func(frame, die int) []testdie.Disc {
		if frame == 1 && die == 4 {
			return []testdie.Disc{{X: 75, Y: 60, Radius: 14, Delta: 60}}
		}
		return nil
	})
	other := dies(1, 4, testdie.NewLayout(width, height, 9), nil)[3]
	other.Name = "other product"
	samples[0] = other
	g, rejected := train(t, samples)
	if g.Dies != 16 || len(rejected) != 2 {
		t.Fatalf("learnt from %d dies, left out %v; want 16 and 2", g.Dies, rejected)
	}
	if rejected[0].Name != "frame 1 die 4" || !strings.Contains(rejected[0].Reason, "% of its pixels differ") {
		t.Errorf("left out %v; want the die with a stain", rejected[0])
	}
	if rejected[1].Name != "other product" || !strings.Contains(rejected[1].Reason, "not registered") {
		t.Errorf("left out %v; want the other product", rejected[1])
	}
}

func TestTrainRefuses(t *testing.T) {
	layout := testdie.NewLayout(width, height, 7)
	good := dies(1, 5, layout, nil)
	other := dies(1, 5, testdie.NewLayout(width, height, 9), nil)
	larger := slices.Clone(good)
	larger[2].Rect.Max.X++
	outside := slices.Clone(good)
	outside[1].Rect = outside[1].Rect.Add(image.Pt(-420, 0))
	for _, c := range []struct {
		name    string
		header  golden.Header
		samples []golden.Sample
		want    string
	}{
		{"too few", header, good[:4], "4 dies; want 5"},
		{"mixed products", header, append(slices.Clone(good[:5]), other[:4]...), "5 of 9 dies are alike"},
		{"nothing alike", header, append(slices.Clone(good[:3]), other[:3]...), "none matches more than half"},
		{"sizes", header, larger, "frame 0 die 2: die of"},
		{"outside", header, outside, "frame 0 die 1: die at"},
		{"no product", golden.Header{}, good, "product: empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := golden.Train(c.header, c.samples, register.DefaultParams())
			if !errors.Is(err, golden.ErrTraining) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; want %q", err, c.want)
			}
		})
	}
}

func TestLimitsCheckNamesTheKey(t *testing.T) {
	if err := golden.DefaultLimits().Check(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	for key, spoil := range map[string]func(*golden.Limits){
		"k_sigma":      func(l *golden.Limits) { l.KSigma = 0 },
		"registration": func(l *golden.Limits) { l.Registration = math.NaN() },
		"floor":        func(l *golden.Limits) { l.Floor = 256 },
	} {
		l := golden.DefaultLimits()
		spoil(&l)
		if err := l.Check(); err == nil || !strings.HasPrefix(err.Error(), key+":") {
			t.Errorf("%s: error %v does not start with the key", key, err)
		}
	}
}
