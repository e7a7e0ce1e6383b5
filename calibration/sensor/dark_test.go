package sensor_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"kensa/calibration"
	"kensa/calibration/calibrationtest"
	"kensa/calibration/sensor"
	"kensa/hw/simulator/stand"
)

func darkOptions() sensor.DarkOptions {
	o := sensor.DefaultDark(20 * time.Millisecond)
	o.Frames = 16
	return o
}

// TestDarkCoversTheTruth: in at least 95 of 100 stations the true value lies
// within the uncertainty that the figure states.
func TestDarkCoversTheTruth(t *testing.T) {
	calibrationtest.Cover(t, calibrationtest.Coverage{
		Seeds: 100,
		Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
			truth := stand.Defaults(96, 64)
			truth.Seed = seed
			truth.Sensor.Dark = 100
			p, err := sensor.NewDark(darkOptions())
			return truth, p, err
		},
		Want: map[string]func(stand.Truth) float64{
			"noise": func(truth stand.Truth) float64 {
				leak := truth.Sensor.Dark * 0.02
				return math.Sqrt(truth.Sensor.Gain*truth.Sensor.Gain*(truth.Sensor.ReadNoise*truth.Sensor.ReadNoise+leak) + 1./12)
			},
			"dsnu":    func(truth stand.Truth) float64 { return truth.Sensor.DSNU * truth.Sensor.Gain / 40.95 },
			"current": func(truth stand.Truth) float64 { return truth.Sensor.Dark * truth.Sensor.Gain },
		},
	})
}

// TestHotPixels are counted, not one more or less.
func TestHotPixels(t *testing.T) {
	truth := stand.Defaults(96, 64)
	truth.Sensor.Hot = 7
	r := calibrationtest.Run(t, truth, must(sensor.NewDark(darkOptions())))
	if f, _ := r.Figure("hot"); math.Abs(f.Value-100*7./(96*64)) > 1e-9 {
		t.Errorf("hot pixels %v; want 7 of %d", f, 96*64)
	}
}

// TestLightComesIn asks for the cover.
func TestLightComesIn(t *testing.T) {
	truth := stand.Defaults(96, 64)
	truth.Sensor.Dark = 1e6
	wrong := calibrationtest.Wrong(t, truth, must(sensor.NewDark(darkOptions())))
	if wrong == nil || wrong.Remedy != "cover the lens, switch the light off" {
		t.Errorf("light in a dark frame: %v", wrong)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// exposure is half of what saturates, by a flat result.
func exposure(r *calibration.Result) (time.Duration, error) {
	return time.Duration(r.Parameters["saturation_s"] / 2 * float64(time.Second)), nil
}

// TestNoiselessCamera, such as one of few bits, has figures all the same, and it is said.
func TestNoiselessCamera(t *testing.T) {
	truth := stand.Defaults(64, 48)
	truth.Sensor.ReadNoise, truth.Sensor.DSNU, truth.Sensor.Dark, truth.Sensor.Offset = 0, 0, 0, 7
	p, err := sensor.NewDark(sensor.DefaultDark(20 * time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	r := calibrationtest.Run(t, truth, p)
	if f, _ := r.Figure("current"); math.Abs(f.Value) > f.Uncertainty || f.Uncertainty > 1 {
		t.Errorf("dark current %v", f)
	}
	if !strings.Contains(strings.Join(r.Notes, "\n"), "no noise can be seen") {
		t.Errorf("notes %q", r.Notes)
	}
}
