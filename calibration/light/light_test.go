package light_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"kensa/calibration"
	"kensa/calibration/calibrationtest"
	"kensa/calibration/light"
	"kensa/hw/bench"
	"kensa/hw/simulator/stand"
)

// station draws a light that warms up, bends and flickers.
func station(seed uint64) stand.Truth {
	truth := stand.Defaults(96, 72)
	truth.Seed = seed
	random := rand.New(rand.NewPCG(seed, 9))
	truth.Light.Bend = 0.3 * random.Float64()
	truth.Light.WarmUp = 0.02 + 0.05*random.Float64()
	truth.Light.Settle = time.Duration((4 + 8*random.Float64()) * float64(time.Minute))
	truth.Light.Vignetting = 0.05 + 0.2*random.Float64()
	truth.Light.Tilt = 0.1 * random.Float64()
	truth.Light.Flicker = 1e-3 * (1 + 2*random.Float64())
	return truth
}

func procedure(t *testing.T) *light.Procedure {
	t.Helper()
	p, err := light.New(light.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// uneven is (max − min)/max of the simulated light over the view.
func uneven(l stand.Light) float64 {
	least, most := math.Inf(1), math.Inf(-1)
	for u := -1.0; u <= 1; u += 0.05 {
		for v := -1.0; v <= 1; v += 0.05 {
			s := (1 - l.Vignetting*(u*u+v*v)/2) * (1 + l.Tilt/2*u)
			least, most = math.Min(least, s), math.Max(most, s)
		}
	}
	return 1 - least/most
}

// TestCoversTheTruth over lights of many kinds.
func TestCoversTheTruth(t *testing.T) {
	calibrationtest.Cover(t, calibrationtest.Coverage{
		Seeds: 100,
		Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
			return station(seed), procedure(t), nil
		},
		Want: map[string]func(stand.Truth) float64{
			"warm-up": func(t stand.Truth) float64 { return 100 * t.Light.WarmUp },
			"settle":  func(t stand.Truth) float64 { return t.Light.Settle.Minutes() },
			"bend":    func(t stand.Truth) float64 { return 100 * t.Light.Bend },
			"uneven":  func(t stand.Truth) float64 { return 100 * uneven(t.Light) },
			// The simulated light has one shape at every current.
			"uneven-change": func(stand.Truth) float64 { return 0 },

			"flicker": func(t stand.Truth) float64 { return 100 * t.Light.Flicker },
			"linearity": func(t stand.Truth) float64 {
				most := 0.0
				for k := range 10 { // the levels that are measured
					l := 1 - 0.1*float64(k)
					most = math.Max(most, l*(1-l)*t.Light.Bend)
				}
				return 100 * most
			},
		},
	})
}

// TestSensorsBendIsNotTheLights: with equal grey values at all currents a sensor that
// bends does not make the light seem to.
func TestSensorsBendIsNotTheLights(t *testing.T) {
	truth := station(1)
	truth.Light.Bend, truth.Sensor.NonLinear = 0, 0.1
	r := calibrationtest.Run(t, truth, procedure(t))
	if f, _ := r.Figure("bend"); math.Abs(f.Value) > f.Uncertainty {
		t.Errorf("bend %v of a light that does not bend", f)
	}
}

// TestWarmUpEndsWhenKnown: a light that is quick to warm up is not watched to the end, one
// of which nothing can be told is; and it is left off first for as long as asked.
func TestWarmUpEndsWhenKnown(t *testing.T) {
	for settle, c := range map[time.Duration]struct{ least, most time.Duration }{
		4 * time.Minute: {6 * time.Minute, 15 * time.Minute},
		5 * time.Hour:   {45 * time.Minute, 45 * time.Minute},
	} {
		for _, off := range []time.Duration{0, time.Hour} {
			truth := station(1)
			truth.Light.WarmUp, truth.Light.Settle, truth.Light.Flicker = 0.05, settle, 1e-3
			o := light.Defaults()
			o.Off = off
			p, err := light.New(o)
			if err != nil {
				t.Fatal(err)
			}
			s, err := stand.New(truth)
			if err != nil {
				t.Fatal(err)
			}
			slept := &slept{Bench: s}
			r, err := calibrationtest.Walk(t.Context(), slept, p)
			if err != nil {
				t.Fatal(err)
			}
			if on := slept.total - off; on < c.least-time.Minute || on > c.most+time.Minute {
				t.Errorf("time constant %v: watched for %v; want %v to %v", settle, on, c.least, c.most)
			}
			if f, _ := r.Figure("warm-up"); settle < time.Hour && math.Abs(f.Value-5) > f.Uncertainty {
				t.Errorf("warm-up %v; want 5 %%", f)
			}
		}
	}
}

// slept sums what a procedure waits for.
type slept struct {
	bench.Bench
	total time.Duration
}

func (s *slept) Sleep(ctx context.Context, d time.Duration) error {
	s.total += max(d, 0)
	return s.Bench.Sleep(ctx, d)
}

// TestSteadyLight has no time constant, and says so.
func TestSteadyLight(t *testing.T) {
	truth := station(1)
	truth.Light.WarmUp = 0
	r := calibrationtest.Run(t, truth, procedure(t))
	if f, found := r.Figure("settle"); found {
		t.Errorf("a time constant of %v of a light that does not warm up", f)
	}
	if !strings.Contains(strings.Join(r.Notes, "\n"), "no time constant can be told") || r.Parameters["warm_up_s"] != 0 {
		t.Errorf("notes %q, parameters %v", r.Notes, r.Parameters)
	}
}

// TestUnsteadyLightFails its limits.
func TestUnsteadyLightFails(t *testing.T) {
	truth := station(1)
	truth.Light.Flicker, truth.Light.WarmUp = 0.02, 0.15
	r := calibrationtest.Run(t, truth, procedure(t))
	for _, name := range []string{"flicker", "warm-up"} {
		if f, _ := r.Figure(name); f.Verdict() != calibration.Fail {
			t.Errorf("%s %v: %s", name, f, f.Verdict())
		}
	}
}

// TestWrong: no light; a light that does not follow its current.
func TestWrong(t *testing.T) {
	for want, change := range map[string]func(*stand.Truth){
		"reach from":    func(t *stand.Truth) { t.Light.Flux = 1 },
		"were expected": func(t *stand.Truth) { t.Light.Bend = 3 },
	} {
		truth := station(1)
		change(&truth)
		if wrong := calibrationtest.Wrong(t, truth, procedure(t)); wrong == nil || !strings.Contains(wrong.What, want) || wrong.Remedy == "" {
			t.Errorf("%v; want %s", wrong, want)
		}
	}
}

// TestOptions that give no result are refused.
func TestOptions(t *testing.T) {
	for want, change := range map[string]func(*light.Options){
		"want more than 0, at most 1": func(o *light.Options) { o.Working = 0 },
		"want 0.01 to 0.5":            func(o *light.Options) { o.Lowest = 0.9 },
		"want 4 to 100":               func(o *light.Options) { o.Levels = 2 },
		"ten times as long":           func(o *light.Options) { o.Every = o.WarmUp },
		"off for -1":                  func(o *light.Options) { o.Off = -1 },
		"at least 2 and 16":           func(o *light.Options) { o.FlickerFrames = 3 },
		"steady within 0":             func(o *light.Options) { o.Steady = 0 },
	} {
		o := light.Defaults()
		change(&o)
		if _, err := light.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}
