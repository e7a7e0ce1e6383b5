package stage_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"kensa/calibration"
	"kensa/calibration/calibrationtest"
	"kensa/calibration/geometry"
	"kensa/calibration/stage"
	"kensa/hw/bench"
	"kensa/hw/simulator/stand"
)

// station draws a stage that errs, under a camera that is turned against it, with a
// plate larger than the view.
func station(seed uint64) stand.Truth {
	truth := stand.Defaults(96, 72)
	truth.Seed = seed
	truth.Plate.Pitch, truth.Plate.Columns, truth.Plate.Rows = 8, 101, 100
	random := rand.New(rand.NewPCG(seed, 7))
	wobble := func(by float64) float64 { return by * (2*random.Float64() - 1) }
	truth.Optics.Rotation, truth.Optics.Skew = wobble(0.03), wobble(0.002)
	truth.Plate.X, truth.Plate.Y, truth.Plate.Turn = wobble(8), wobble(8), wobble(0.05)
	truth.Stage.ScaleX, truth.Stage.ScaleY = wobble(0.002), wobble(0.002)
	truth.Stage.Rotation, truth.Stage.Skew = wobble(0.01), wobble(0.002)
	truth.Stage.Backlash, truth.Stage.Repeat = 0.2+random.Float64(), 0.03+0.05*random.Float64()
	return truth
}

func procedure(t *testing.T, truth stand.Truth, target bench.Target) *stage.Procedure {
	t.Helper()
	b := geometry.Board{Target: target, Columns: truth.Plate.Columns, Rows: truth.Plate.Rows, Pitch: truth.Plate.Pitch}
	o := stage.Defaults(b)
	o.PitchError, o.Reach = 0, 40
	p, err := stage.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// truths of the figures.
var truths = map[string]func(stand.Truth) float64{
	"scale-x": func(t stand.Truth) float64 { return 1e3 * (math.Hypot(1, t.Stage.Rotation)*(1+t.Stage.ScaleX) - 1) },
	"scale-y": func(t stand.Truth) float64 {
		return 1e3 * (math.Hypot(1, t.Stage.Rotation+t.Stage.Skew)*(1+t.Stage.ScaleY) - 1)
	},
	"rotation": func(t stand.Truth) float64 { return 1e3 * (math.Atan(t.Stage.Rotation) - t.Optics.Rotation) },
	"squareness": func(t stand.Truth) float64 {
		return 1e3 * (math.Atan(t.Stage.Rotation+t.Stage.Skew) - math.Atan(t.Stage.Rotation))
	},
	"backlash-x": func(t stand.Truth) float64 { return t.Stage.Backlash },
	"backlash-y": func(t stand.Truth) float64 { return t.Stage.Backlash },
	"repeat-x":   func(t stand.Truth) float64 { return t.Stage.Repeat },
	"repeat-y":   func(t stand.Truth) float64 { return t.Stage.Repeat },
}

// TestCoversTheTruth over stages and cameras of many kinds.
func TestCoversTheTruth(t *testing.T) {
	calibrationtest.Cover(t, calibrationtest.Coverage{
		Seeds: 100,
		Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
			truth := station(seed)
			return truth, procedure(t, truth, bench.Chessboard), nil
		},
		Want: truths,
	})
}

// TestByHandCoversTheTruth with a third of the moves.
func TestByHandCoversTheTruth(t *testing.T) {
	calibrationtest.Cover(t, calibrationtest.Coverage{
		Seeds: 100,
		Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
			truth := station(seed)
			b := geometry.Board{Target: bench.Chessboard, Columns: truth.Plate.Columns, Rows: truth.Plate.Rows, Pitch: truth.Plate.Pitch}
			o := stage.Defaults(b)
			o.PitchError, o.Reach, o.ByHand, o.Returns = 0, 200, true, 5
			p, err := stage.New(o)
			return truth, p, err
		},
		Want: truths,
	})
}

// TestMovesAreTold before the first is made: as many as there then are, by hand few.
func TestMovesAreTold(t *testing.T) {
	truth := station(1)
	for byHand, most := range map[bool]int{false: 200, true: 45} {
		b := geometry.Board{Target: bench.Chessboard, Columns: truth.Plate.Columns, Rows: truth.Plate.Rows, Pitch: truth.Plate.Pitch}
		o := stage.Defaults(b)
		o.ByHand = byHand
		if byHand {
			o.Returns = 5
		}
		p, err := stage.New(o)
		if err != nil {
			t.Fatal(err)
		}
		told, moves := p.Moves(), 0
		s, err := stand.New(truth)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := calibrationtest.Walk(t.Context(), &counted{Bench: s, moves: &moves}, p); err != nil {
			t.Fatal(err)
		}
		if moves != told || told > most {
			t.Errorf("by hand %v: told %d moves, made %d; want at most %d", byHand, told, moves, most)
		}
	}
}

// counted counts the moves of a stage.
type counted struct {
	bench.Bench
	moves *int
}

func (c *counted) Set(ctx context.Context, s bench.Setting) ([]string, error) {
	if s.X != 0 || s.Y != 0 || s.ViaX != 0 || s.ViaY != 0 {
		*c.moves++
	}
	return c.Bench.Set(ctx, s)
}

// TestDotsServe as well as squares, under a camera that is turned by a quarter.
func TestDotsServe(t *testing.T) {
	truth := station(2)
	truth.Optics.Rotation += math.Pi / 2
	r := calibrationtest.Run(t, truth, procedure(t, truth, bench.Circles))
	want := 1e3 * (truth.Stage.Rotation - truth.Optics.Rotation)
	if f, _ := r.Figure("rotation"); math.Abs(f.Value-want) > f.Uncertainty {
		t.Errorf("rotation %v; want %.2f", f, want)
	}
	if f, _ := r.Figure("backlash-y"); math.Abs(f.Value-truth.Stage.Backlash) > f.Uncertainty {
		t.Errorf("backlash %v; want %.3f", f, truth.Stage.Backlash)
	}
}

// byPattern draws a station whose camera's scale is known, over squares of which two or
// three are in view: a pattern like any other.
func byPattern(t *testing.T, seed uint64) (stand.Truth, *stage.Procedure) {
	t.Helper()
	truth := station(seed)
	truth.Station.Format.Width, truth.Station.Format.Height = 208, 176
	truth.Plate.Pitch, truth.Plate.Columns, truth.Plate.Rows = 30, 41, 40 // a corner is always in view
	truth.Optics.Distortion = 0.006 * (2*float64(seed%2) - 1)
	o := stage.Defaults(geometry.Board{Target: bench.Chessboard})
	o.Pattern = stage.Pattern{PixelX: truth.Optics.PixelX, PixelY: truth.Optics.PixelY, Skew: truth.Optics.Skew, Distortion: truth.Optics.Distortion}
	o.PitchError, o.Reach, o.Returns = 0, 20.8, 8
	p, err := stage.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return truth, p
}

// TestAnyPatternServes once the scale is known.
func TestAnyPatternServes(t *testing.T) {
	calibrationtest.Cover(t, calibrationtest.Coverage{
		Seeds: 100,
		Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
			truth, p := byPattern(t, seed)
			return truth, p, nil
		},
		Want: map[string]func(stand.Truth) float64{
			"scale-x":    func(t stand.Truth) float64 { return 1e3 * (math.Hypot(1, t.Stage.Rotation)*(1+t.Stage.ScaleX) - 1) },
			"rotation":   func(t stand.Truth) float64 { return 1e3 * (math.Atan(t.Stage.Rotation) - t.Optics.Rotation) },
			"backlash-x": func(t stand.Truth) float64 { return t.Stage.Backlash },
			"backlash-y": func(t stand.Truth) float64 { return t.Stage.Backlash },
			"repeat-x":   func(t stand.Truth) float64 { return t.Stage.Repeat },
		},
	})
}

// TestNoPattern to hold on to is told, and moves that leave nothing in view.
func TestNoPattern(t *testing.T) {
	truth, p := byPattern(t, 1)
	truth.Plate.Contrast = 1
	if wrong := calibrationtest.Wrong(t, truth, p); wrong == nil || !strings.Contains(wrong.What, "nothing to hold on to") || wrong.Remedy == "" {
		t.Errorf("%v", wrong)
	}
	o := stage.Defaults(geometry.Board{Target: bench.Wafer})
	o.Pattern, o.Reach = stage.Pattern{PixelX: 0.65, PixelY: 0.65}, 15
	if _, err := stage.New(o); err == nil || !strings.Contains(err.Error(), "32 pixels") {
		t.Errorf("a reach of 15 µm: %v", err)
	}
}

// TestSlackStageFails its limit.
func TestSlackStageFails(t *testing.T) {
	truth := station(3)
	truth.Stage.Backlash = 3
	r := calibrationtest.Run(t, truth, procedure(t, truth, bench.Chessboard))
	if f, _ := r.Figure("backlash-x"); f.Verdict() != calibration.Fail {
		t.Errorf("backlash %v: %s; the limit is 2 µm", f, f.Verdict())
	}
}

// TestMirroredPicture is told: the plate itself looks the same in a mirror, its moves
// do not.
func TestMirroredPicture(t *testing.T) {
	truth := station(4)
	truth.Stage.ScaleX = -2 // the other way
	r := calibrationtest.Run(t, truth, procedure(t, truth, bench.Chessboard))
	if !strings.Contains(strings.Join(r.Notes, "\n"), "mirrored against the stage") {
		t.Errorf("notes %q", r.Notes)
	}
	if f, _ := r.Figure("squareness"); f.Verdict() != calibration.Pass {
		t.Errorf("squareness %v: %s", f, f.Verdict())
	}
}

// TestWrong: no plate, and one out of focus.
func TestWrong(t *testing.T) {
	for want, change := range map[string]func(*stand.Truth){
		"no chessboard": func(t *stand.Truth) { t.Plate.Contrast = 1 },
		"blurred": func(t *stand.Truth) {
			t.Station.Format.Width, t.Station.Format.Height, t.Plate.Pitch, t.Optics.BestZ = 160, 120, 13, 45
		},
	} {
		truth := station(1)
		change(&truth)
		if wrong := calibrationtest.Wrong(t, truth, procedure(t, truth, bench.Chessboard)); wrong == nil || !strings.Contains(wrong.What, want) || wrong.Remedy == "" {
			t.Errorf("%v; want %s", wrong, want)
		}
	}
}

// TestOptions that give no result are refused.
func TestOptions(t *testing.T) {
	for want, change := range map[string]func(*stage.Options){
		"reach 1 µm":             func(o *stage.Options) { o.Reach = 1 },
		"3 returns":              func(o *stage.Options) { o.Returns = 3 },
		"approach from 0":        func(o *stage.Options) { o.Approach = 0 },
		"pitch is known to":      func(o *stage.Options) { o.PitchError = 1 },
		"upside down looks the ": func(o *stage.Options) { o.Board.Rows = 10 },
	} {
		o := stage.Defaults(geometry.Board{Target: bench.Chessboard, Columns: 14, Rows: 9, Pitch: 10})
		change(&o)
		if _, err := stage.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}
