package focus_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"kensa/calibration"
	"kensa/calibration/calibrationtest"
	"kensa/calibration/focus"
	"kensa/hw/simulator/stand"
)

func station(seed uint64) stand.Truth {
	truth := stand.Defaults(180, 140)
	truth.Seed = seed
	truth.Plate.Columns, truth.Plate.Rows = 18, 15
	truth.Stage.Repeat = 0.05
	random := rand.New(rand.NewPCG(seed, 1))
	truth.Optics.BestZ = 40 * (random.Float64() - 0.5)
	truth.Optics.FieldTiltX = 4 * (random.Float64() - 0.5)
	truth.Optics.FieldTiltY = 4 * (random.Float64() - 0.5)
	truth.Optics.Curvature = 3 * random.Float64()
	truth.Plate.X, truth.Plate.Y = 10*random.Float64(), 10*random.Float64()
	return truth
}

// TestCoversTheTruth over stations whose focus lies, tilts and bends differently, with
// as many heights as a driven stage goes to, and as few as a person does.
func TestCoversTheTruth(t *testing.T) {
	for name, steps := range map[string]int{"driven": focus.Defaults().Steps, "by hand": focus.ByHand} {
		t.Run(name, func(t *testing.T) {
			calibrationtest.Cover(t, calibrationtest.Coverage{
				Seeds: 100, Dear: steps == focus.ByHand,
				Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
					o := focus.Defaults()
					o.MaxTilt, o.Steps = 10, steps
					p, err := focus.New(o)
					return station(seed), p, err
				},
				Want: map[string]func(stand.Truth) float64{
					"best":      func(t stand.Truth) float64 { return t.Optics.BestZ },
					"tilt-x":    func(t stand.Truth) float64 { return t.Optics.FieldTiltX },
					"tilt-y":    func(t stand.Truth) float64 { return t.Optics.FieldTiltY },
					"curvature": func(t stand.Truth) float64 { return t.Optics.Curvature },
					// The Fourier transform of a Gaussian is a Gaussian: half is left where
					// 2π²σ²f² = ln 2.
					"mtf50": func(t stand.Truth) float64 { return math.Sqrt(math.Ln2/2) / math.Pi / t.Optics.Blur },
				},
			})
		})
	}
}

// TestSlantedEdge on an edge without noise whose transfer is known exactly.
func TestSlantedEdge(t *testing.T) {
	const width, height = 128, 80
	for _, sigma := range []float64{0.5, 0.7, 1, 1.6} {
		for _, degrees := range []float64{-8, 3, 5, 9} {
			pix := make([]float32, width*height)
			sin, cos := math.Sincos(degrees * math.Pi / 180)
			for y := range height {
				for x := range width {
					d := (float64(x)+0.5-width/2)*cos - (float64(y)+0.5-height/2)*sin
					pix[y*width+x] = float32(100 + 50*math.Erf(d/(math.Sqrt2*sigma)))
				}
			}
			m, err := focus.SlantedEdge(pix, width, height)
			if err != nil {
				t.Fatalf("σ %v at %v°: %v", sigma, degrees, err)
			}
			for i, f := range m.Frequency {
				if want := math.Exp(-2 * math.Pi * math.Pi * sigma * sigma * f * f); math.Abs(m.Contrast[i]-want) > 0.012 {
					t.Errorf("σ %v at %v°: contrast %.3f at %.3f cycles a pixel; want %.3f", sigma, degrees, m.Contrast[i], f, want)
				}
			}
		}
	}
}

// TestWrong: nothing to focus on; an edge that is not slanted.
func TestWrong(t *testing.T) {
	for what, change := range map[string]func(*stand.Truth){
		"no contrast":   func(t *stand.Truth) { t.Plate.Contrast = 1 },
		"upright edge":  func(t *stand.Truth) { t.Plate.EdgeAngle = 0 },
		"edge far away": func(t *stand.Truth) { t.Plate.X = 1e4; t.Plate.Columns, t.Plate.Rows = 2000, 15 },
	} {
		truth := station(1)
		change(&truth)
		p, err := focus.New(focus.Defaults())
		if err != nil {
			t.Fatal(err)
		}
		if wrong := calibrationtest.Wrong(t, truth, p); wrong == nil || wrong.Remedy == "" {
			t.Errorf("%s: %v", what, wrong)
		}
	}
}
