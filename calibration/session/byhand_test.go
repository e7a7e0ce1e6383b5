package session_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"

	"kensa/calibration"
	"kensa/calibration/geometry"
	"kensa/calibration/light"
	"kensa/calibration/session"
	"kensa/calibration/stage"
	"kensa/hw/bench"
	"kensa/hw/bench/rig"
	"kensa/hw/camera"
	"kensa/hw/simulator/stand"
)

// hands is a simulated station whose parts are a rig's, with a person who does what
// they are told and nothing else: target, stage, and the light where no lamp is wired.
type hands struct {
	stand *stand.Stand
	set   bench.Setting
	ready []*camera.Frame
	told  int
	wrong *calibration.Wrong
}

func (h *hands) Start(context.Context) error      { return nil }
func (h *hands) Close() error                     { return nil }
func (h *hands) Now() time.Duration               { return 0 }
func (h *hands) Begin(calibration.Step, int, int) {}
func (h *hands) Tell(calibration.Reading)         {}
func (h *hands) Wait(time.Duration)               {}
func (h *hands) Off() error                       { return h.Set(0) }
func (h *hands) Halt() error                      { return nil }
func (h *hands) String() string                   { return "hands" }
func (h *hands) apply(ctx context.Context) error  { _, err := h.stand.Set(ctx, h.set); return err }
func (h *hands) Set(level gpio.Duty) error {
	h.set.Light = float64(level) / float64(gpio.DutyMax)
	return h.apply(context.Background())
}
func (h *hands) Sleep(ctx context.Context, d time.Duration) error { return h.stand.Sleep(ctx, d) }

func (h *hands) SetExposure(d time.Duration) (time.Duration, error) {
	const step = 100 * time.Microsecond
	h.set.Exposure = max(step, d.Round(step))
	return h.set.Exposure, h.apply(context.Background())
}

func (h *hands) Fire(ctx context.Context, _, _ time.Duration) (time.Duration, error) {
	if h.set.Exposure == 0 {
		h.set.Exposure = time.Millisecond
		if err := h.apply(ctx); err != nil {
			return 0, err
		}
	}
	e, err := h.stand.Expose(ctx)
	if err != nil {
		return 0, err
	}
	h.ready = append(h.ready, e.Frame)
	return e.Pulse, nil
}

func (h *hands) Next(context.Context) (*camera.Frame, error) {
	f := h.ready[0]
	h.ready = h.ready[1:]
	return f, nil
}

// Ask does what is asked, by the words.
func (h *hands) Ask(ctx context.Context, _ calibration.Step, what []string) error {
	for _, sentence := range what {
		h.told++
		first, then, twice := strings.Cut(sentence, ", and from there to ")
		if err := errors.Join(h.obey(first), h.apply(ctx)); err != nil {
			return err
		}
		if twice {
			if err := h.obey("move the stage to " + then); err != nil {
				return err
			}
		}
	}
	return h.apply(ctx)
}

func (h *hands) obey(sentence string) error {
	for _, t := range []bench.Target{bench.Cover, bench.Mirror, bench.Chessboard} {
		if sentence == t.Lay() {
			h.set.Target = t
			return nil
		}
	}
	if sentence == "switch the light off" {
		h.set.Light = 0
		return nil
	}
	var percent float64
	if _, err := fmt.Sscanf(sentence, "set the light to %g %%", &percent); err == nil {
		h.set.Light = percent / 100
		return nil
	}
	places, ok := strings.CutPrefix(sentence, "move the stage to ")
	if !ok {
		return fmt.Errorf("what is meant by %q?", sentence)
	}
	for _, place := range strings.Split(places, ", ") {
		var axis string
		var um float64
		if _, err := fmt.Sscanf(place, "%s %f µm", &axis, &um); err != nil {
			return fmt.Errorf("%q: %w", place, err)
		}
		*map[string]*physic.Distance{"x": &h.set.X, "y": &h.set.Y, "z": &h.set.Z}[axis] = physic.Distance(math.Round(um * float64(physic.MicroMetre)))
	}
	return nil
}

func (h *hands) Wrong(_ context.Context, _ calibration.Step, why *calibration.Wrong) error {
	h.wrong = why
	return why
}

func byHands(t *testing.T, truth stand.Truth, p calibration.Procedure, lamp bool) (*calibration.Result, *hands) {
	t.Helper()
	s, err := stand.New(truth)
	if err != nil {
		t.Fatal(err)
	}
	h := &hands{stand: s}
	parts := rig.Parts{Station: truth.Station, Camera: h, Clock: h, Trigger: h, Shutter: h}
	if lamp {
		parts.Lamp = h
	}
	r, err := rig.Open(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	run, err := session.Open(t.TempDir(), "test", "", p, r, h)
	if err != nil {
		t.Fatal(err)
	}
	result, err := run.Run(t.Context())
	if err != nil {
		t.Fatal(err, h.wrong)
	}
	return result, h
}

// within holds figures against the truth.
func within(t *testing.T, r *calibration.Result, want map[string]float64) {
	t.Helper()
	for name, truth := range want {
		if f, ok := r.Figure(name); !ok || math.Abs(f.Value-truth) > f.Uncertainty {
			t.Errorf("%s: %v; the truth is %.4g", name, f, truth)
		}
	}
}

// TestStageMovedByHand: the sentences of a bench without a driven stage are enough to
// measure the stage by, its backlash too.
func TestStageMovedByHand(t *testing.T) {
	truth := stand.Defaults(96, 72)
	truth.Plate.Pitch, truth.Plate.Columns, truth.Plate.Rows = 8, 101, 100
	truth.Stage.Rotation, truth.Stage.Backlash = 0.005, 0.7
	o := stage.Defaults(geometry.Board{Target: bench.Chessboard, Columns: 101, Rows: 100, Pitch: 8})
	o.PitchError, o.Reach, o.Returns, o.ByHand = 0, 40, 8, true
	p, err := stage.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r, h := byHands(t, truth, p, true)
	within(t, r, map[string]float64{"rotation": 1e3 * math.Atan(0.005), "backlash-x": 0.7, "backlash-y": 0.7})
	if most := p.Moves() + 5; h.told < 30 || h.told > most { // the plate, and between the steps
		t.Errorf("asked %d times; want at most %d", h.told, most)
	}
}

// TestLightByHand: a light without a driven current, under a camera whose exposures
// have coarse steps.
func TestLightByHand(t *testing.T) {
	truth := stand.Defaults(96, 72)
	truth.Light.Bend, truth.Light.WarmUp = 0.2, 0.04
	p, err := light.New(light.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	r, h := byHands(t, truth, p, false)
	within(t, r, map[string]float64{"bend": 20, "warm-up": 4})
	if h.told < 10 {
		t.Errorf("asked %d times", h.told)
	}
}
