package geometry_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"kensa/calibration"
	"kensa/calibration/calibrationtest"
	"kensa/calibration/geometry"
	"kensa/hw/bench"
	"kensa/hw/simulator/stand"
)

func board(t stand.Truth) geometry.Board {
	return geometry.Board{Target: bench.Chessboard, Columns: t.Plate.Columns, Rows: t.Plate.Rows, Pitch: t.Plate.Pitch}
}

// station draws a camera: pixel sizes that differ, a rotation, a skew, a
// distortion, a plate laid as a hand lays it.
func station(seed uint64) stand.Truth {
	truth := stand.Defaults(320, 240)
	truth.Seed = seed
	random := rand.New(rand.NewPCG(seed, 2))
	wobble := func(by float64) float64 { return by * (2*random.Float64() - 1) }
	truth.Optics.PixelX = 0.65 * (1 + wobble(0.01))
	truth.Optics.PixelY = 0.65 * (1 + wobble(0.01))
	truth.Optics.Rotation = wobble(0.02)
	truth.Optics.Skew = wobble(0.002)
	truth.Optics.Distortion = wobble(0.01)
	truth.Plate.X, truth.Plate.Y, truth.Plate.Turn = wobble(8), wobble(8), wobble(0.05)
	truth.Light.Flicker = 0
	return truth
}

func options(truth stand.Truth, distortion bool) geometry.Options {
	o := geometry.Defaults(board(truth))
	o.Distortion, o.PitchError = distortion, 0
	return o
}

// turn of the plate against the camera, mrad.
func turn(t stand.Truth) float64 { return 1e3 * (t.Plate.Turn - t.Optics.Rotation) }

// lens is what the figures of a camera that distorts should be.
var lens = map[string]func(stand.Truth) float64{
	"pixel-x":    func(t stand.Truth) float64 { return t.Optics.PixelX },
	"pixel-y":    func(t stand.Truth) float64 { return t.Optics.PixelY },
	"skew":       func(t stand.Truth) float64 { return 1e3 * t.Optics.Skew },
	"turn":       turn,
	"distortion": func(t stand.Truth) float64 { return 100 * t.Optics.Distortion },
}

// TestGeometryCoversTheTruth with distortion, over six poses and more.
func TestGeometryCoversTheTruth(t *testing.T) {
	calibrationtest.Cover(t, calibrationtest.Coverage{
		Seeds: 100,
		Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
			truth := station(seed)
			p, err := geometry.New(options(truth, true))
			return truth, p, err
		},
		Want: lens,
	})
}

// TestScaleCoversTheTruth with one pose, of a lens that distorts.
func TestScaleCoversTheTruth(t *testing.T) {
	calibrationtest.Cover(t, calibrationtest.Coverage{
		Seeds: 100,
		Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
			truth := station(seed)
			p, err := geometry.New(options(truth, false))
			return truth, p, err
		},
		Want: map[string]func(stand.Truth) float64{
			"pixel-x": func(t stand.Truth) float64 { return t.Optics.PixelX },
			"pixel-y": func(t stand.Truth) float64 { return t.Optics.PixelY },
			"skew":    func(t stand.Truth) float64 { return 1e3 * t.Optics.Skew },
			"turn":    turn,
		},
	})
}

// TestScaleIsRight to 0.05 %, at each of the stations.
func TestScaleIsRight(t *testing.T) {
	for seed := range uint64(8) {
		truth := station(seed + 101)
		p, err := geometry.New(options(truth, false))
		if err != nil {
			t.Fatal(err)
		}
		r := calibrationtest.Run(t, truth, p)
		for name, want := range map[string]float64{"pixel-x": truth.Optics.PixelX, "pixel-y": truth.Optics.PixelY} {
			if f, _ := r.Figure(name); math.Abs(f.Value/want-1) > 5e-4 {
				t.Errorf("seed %d: %s %v; want %.5f within 0.05 %%", seed+101, name, f, want)
			}
		}
	}
}

// TestOtherPlates give the scale too: dots, and the dies of a wafer.
func TestOtherPlates(t *testing.T) {
	for _, target := range []bench.Target{bench.Circles, bench.Wafer} {
		t.Run(string(target), func(t *testing.T) {
			calibrationtest.Cover(t, calibrationtest.Coverage{
				Seeds: 100,
				Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
					truth := station(seed)
					truth.Optics.Distortion = 0
					o := options(truth, false)
					o.Board.Target = target
					if target == bench.Wafer {
						o.Board = geometry.Board{Target: target, Pitch: truth.Plate.Pitch}
					}
					p, err := geometry.New(o)
					return truth, p, err
				},
				Want: map[string]func(stand.Truth) float64{
					"pixel-x": func(t stand.Truth) float64 { return t.Optics.PixelX },
					"pixel-y": func(t stand.Truth) float64 { return t.Optics.PixelY },
					"skew":    func(t stand.Truth) float64 { return 1e3 * t.Optics.Skew },
					"turn":    turn,
				},
			})
		})
	}
}

// TestGeometryByDotsAndDies: distortion by the other targets, as well as by squares.
func TestGeometryByDotsAndDies(t *testing.T) {
	for _, target := range []bench.Target{bench.Circles, bench.Wafer} {
		t.Run(string(target), func(t *testing.T) {
			if testing.Short() && target == bench.Circles {
				t.Skip("dies are the harder of the two")
			}
			calibrationtest.Cover(t, calibrationtest.Coverage{
				Seeds: 100,
				Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
					truth := station(seed)
					o := options(truth, true)
					o.Board.Target = target
					if target == bench.Wafer {
						o.Board = geometry.Board{Target: target, Pitch: truth.Plate.Pitch}
					}
					p, err := geometry.New(o)
					return truth, p, err
				},
				Want: lens,
			})
		})
	}
}

// TestDustyPlate: corners that a speck hides do not count, and the others do.
func TestDustyPlate(t *testing.T) {
	truth := station(4)
	truth.Optics.Distortion = 0
	for n := range 4 {
		truth.Sensor.Dust = append(truth.Sensor.Dust, stand.Dust{X: 60 + 50*float64(n), Y: 80 + 20*float64(n), Radius: 6, Depth: 0.8})
	}
	p, err := geometry.New(options(truth, false))
	if err != nil {
		t.Fatal(err)
	}
	r := calibrationtest.Run(t, truth, p)
	if f, _ := r.Figure("pixel-x"); math.Abs(f.Value/truth.Optics.PixelX-1) > 5e-4 {
		t.Errorf("pixel in x %v; want %.5f within 0.05 %%", f, truth.Optics.PixelX)
	}
}

// TestWrongTargets are told apart, each with what to do.
func TestWrongTargets(t *testing.T) {
	for want, change := range map[string]func(*stand.Truth){
		"no chessboard in view":                   func(t *stand.Truth) { t.Plate.Contrast = 1 },
		"a chessboard of 10×7 corners; want 13×8": func(t *stand.Truth) { t.Plate.Columns, t.Plate.Rows = 11, 8 },
		"turned by -179°; want 0°":                func(t *stand.Truth) { t.Plate.Turn = 3.1416 },
		"are in view":                             func(t *stand.Truth) { t.Plate.X = 90 },
		"turned by -59°; want 0°":                 func(t *stand.Truth) { t.Plate.Turn, t.Plate.Pitch = -1.0472, 7 },
		"blurred":                                 func(t *stand.Truth) { t.Optics.BestZ = 50 },
	} {
		truth := station(3)
		p, err := geometry.New(options(truth, false))
		if err != nil {
			t.Fatal(err)
		}
		change(&truth)
		if wrong := calibrationtest.Wrong(t, truth, p); wrong == nil || !strings.Contains(wrong.What, want) || wrong.Remedy == "" {
			t.Errorf("%+v; want %q", wrong, want)
		}
	}
}

// TestBoards that cannot be used are refused.
func TestBoards(t *testing.T) {
	for want, b := range map[string]geometry.Board{
		"upside down looks the same": {Target: bench.Chessboard, Columns: 14, Rows: 10, Pitch: 100},
		"want 4×4 to 200×200":        {Target: bench.Chessboard, Columns: 3, Rows: 10, Pitch: 100},
		"a quarter turn":             {Target: bench.Circles, Columns: 9, Rows: 9, Pitch: 100},
		"plate \"mirror\"":           {Target: bench.Mirror, Pitch: 100},
		"want more than 0":           {Target: bench.Chessboard, Columns: 14, Rows: 9},
	} {
		if _, err := geometry.New(geometry.Defaults(b)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v; want %s", b, err, want)
		}
	}
}
