package temperature_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"kensa/calibration"
	"kensa/calibration/calibrationtest"
	"kensa/calibration/geometry"
	"kensa/calibration/temperature"
	"kensa/hw/bench"
	"kensa/hw/simulator/stand"
)

// station draws optics that drift while the hall warms up.
func station(seed uint64) stand.Truth {
	truth := stand.Defaults(128, 96)
	truth.Seed = seed
	truth.Plate.Pitch = 10
	random := rand.New(rand.NewPCG(seed, 11))
	truth.Air = stand.Air{Start: 19 + 2*random.Float64(), End: 26, Settle: time.Hour, Sensor: true}
	truth.Optics.ScaleDrift = 30e-6 * (random.Float64() - 0.3)
	truth.Optics.FocusDrift = 1.5 * (random.Float64() - 0.5)
	truth.Optics.BestZ = 4 * random.Float64()
	truth.Plate.X, truth.Plate.Y = 10*random.Float64(), 10*random.Float64()
	return truth
}

func options(truth stand.Truth) temperature.Options {
	o := temperature.Defaults(geometry.Board{Target: bench.Chessboard, Columns: truth.Plate.Columns, Rows: truth.Plate.Rows, Pitch: truth.Plate.Pitch})
	o.Points, o.Frames, o.Longest, o.Every = 8, 3, 14, 30*time.Minute
	return o
}

func procedure(t *testing.T, o temperature.Options) *temperature.Procedure {
	t.Helper()
	p, err := temperature.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestCoversTheTruth over optics of many drifts.
func TestCoversTheTruth(t *testing.T) {
	calibrationtest.Cover(t, calibrationtest.Coverage{
		Seeds: 100,
		Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
			truth := station(seed)
			return truth, procedure(t, options(truth)), nil
		},
		Want: map[string]func(stand.Truth) float64{
			"scale": func(t stand.Truth) float64 { return 1e6 * t.Optics.ScaleDrift },
			"focus": func(t stand.Truth) float64 { return t.Optics.FocusDrift },
		},
	})
}

// TestTooSmallASpan is refused, saying how much is missing.
func TestTooSmallASpan(t *testing.T) {
	truth := station(1)
	truth.Air.End = truth.Air.Start + 1
	wrong := calibrationtest.Wrong(t, truth, procedure(t, options(truth)))
	if wrong == nil || !strings.Contains(wrong.What, "K in 14 measures; 2.0") || !strings.Contains(wrong.Remedy, "--span") {
		t.Errorf("%+v", wrong)
	}
}

// TestSwitchedOn only if asked for.
func TestSwitchedOn(t *testing.T) {
	truth := station(2)
	for _, enabled := range []bool{false, true} {
		o := options(truth)
		o.Enabled = enabled
		r := calibrationtest.Run(t, truth, procedure(t, o))
		if got := r.Parameters["enabled"] == 1; got != enabled {
			t.Errorf("enabled %v: parameters %v", enabled, r.Parameters)
		}
	}
}

// TestWrong: no thermometer; no plate; focus out of reach.
func TestWrong(t *testing.T) {
	for want, change := range map[string]func(*stand.Truth){
		"no thermometer": func(t *stand.Truth) { t.Air.Sensor = false },
		"up to":          func(t *stand.Truth) { t.Optics.BestZ = 80 },
		"no ":            func(t *stand.Truth) { t.Plate.Contrast = 1 },
	} {
		truth := station(1)
		change(&truth)
		if wrong := calibrationtest.Wrong(t, truth, procedure(t, options(truth))); wrong == nil || !strings.Contains(wrong.What, want) || wrong.Remedy == "" {
			t.Errorf("%v; want %s", wrong, want)
		}
	}
}

// TestOptions that give no result are refused.
func TestOptions(t *testing.T) {
	for want, change := range map[string]func(*temperature.Options){
		"want at least 5":            func(o *temperature.Options) { o.Points = 2 },
		"want at least 0.5":          func(o *temperature.Options) { o.Span = 0 },
		"at least 5 within":          func(o *temperature.Options) { o.Heights = 3 },
		"no time below 0":            func(o *temperature.Options) { o.Every = -1 },
		"pitch 0 µm; want more than": func(o *temperature.Options) { o.Board.Pitch = 0 },
	} {
		o := options(station(1))
		change(&o)
		if _, err := temperature.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}
