package sensor_test

import (
	"math"
	"testing"

	"kensa/calibration"
	"kensa/calibration/calibrationtest"
	"kensa/calibration/sensor"
	"kensa/hw/bench"
	"kensa/hw/simulator/stand"
)

func flatOptions() sensor.FlatOptions {
	o := sensor.DefaultFlat()
	o.MapFrames, o.Frames = 16, 4
	return o
}

// TestFlatCoversTheTruth, with a light that falls off and flickers.
func TestFlatCoversTheTruth(t *testing.T) {
	calibrationtest.Cover(t, calibrationtest.Coverage{
		Seeds: 100,
		Make: func(seed uint64) (stand.Truth, calibration.Procedure, error) {
			truth := stand.Defaults(96, 64)
			truth.Seed = seed
			p, err := sensor.NewFlat(flatOptions())
			return truth, p, err
		},
		Want: map[string]func(stand.Truth) float64{
			"gain":       func(truth stand.Truth) float64 { return truth.Sensor.Gain },
			"read-noise": func(truth stand.Truth) float64 { return truth.Sensor.ReadNoise },
			"capacity":   func(truth stand.Truth) float64 { return truth.Sensor.FullWell },
			"dsnu":       func(truth stand.Truth) float64 { return truth.Sensor.DSNU },
			"prnu":       func(truth stand.Truth) float64 { return 100 * truth.Sensor.PRNU },
		},
	})
}

// TestFlatFieldMakesEven: signal × gain map is the same everywhere, whatever the
// light's shape and the pixels' differences.
func TestFlatFieldMakesEven(t *testing.T) {
	truth := stand.Defaults(96, 64)
	truth.Light.Vignetting, truth.Light.Tilt = 0.3, 0.1
	r := calibrationtest.Run(t, truth, must(sensor.NewFlat(flatOptions())))
	b := must(stand.New(truth))
	if _, err := b.Set(t.Context(), bench.Setting{Target: bench.Mirror, Light: 0.5, Exposure: must(exposure(r))}); err != nil {
		t.Fatal(err)
	}
	sum, squares, n := 0.0, 0.0, 0.0
	for range 16 {
		e := must(b.Expose(t.Context()))
		for i, g := range r.Maps[1].Values {
			v := (float64(int(e.Pix[2*i])|int(e.Pix[2*i+1])<<8) - float64(r.Maps[0].Values[i])) * float64(g)
			sum, squares, n = sum+v, squares+v*v, n+1
		}
		e.Release()
	}
	mean := sum / n
	relative := math.Sqrt(squares/n-mean*mean) / mean
	// Shot noise alone is 1.4 % at some 5,000 e⁻, more in the dark corners.
	if relative > 0.02 {
		t.Errorf("corrected signal differs by %.2f %%; want little more than shot noise, 1.4 %%", 100*relative)
	}
}

// TestDefects of the sensor are counted: dead pixels, and a bend of its response.
func TestDefects(t *testing.T) {
	truth := stand.Defaults(96, 64)
	truth.Sensor.Dead = 5
	truth.Sensor.NonLinear = 0.08
	r := calibrationtest.Run(t, truth, must(sensor.NewFlat(flatOptions())))
	if f, _ := r.Figure("defective"); math.Abs(f.Value-100*5./(96*64)) > 1e-9 {
		t.Errorf("defective pixels %v; want 5 of %d", f, 96*64)
	}
	if f, _ := r.Figure("linearity"); f.Verdict() != calibration.Fail {
		t.Errorf("linearity error %v passes; the response bends by 8 %%", f)
	}
}

// TestNotAMirror asks for one.
func TestNotAMirror(t *testing.T) {
	truth := stand.Defaults(96, 64)
	truth.Light.Vignetting = 0.9
	wrong := calibrationtest.Wrong(t, truth, must(sensor.NewFlat(flatOptions())))
	if wrong == nil {
		t.Error("a view with a bright spot in its middle was taken for a mirror")
	}
	truth = stand.Defaults(96, 64)
	truth.Light.Flux = 1
	if wrong := calibrationtest.Wrong(t, truth, must(sensor.NewFlat(flatOptions()))); wrong == nil {
		t.Error("a view without light was measured")
	}
}
