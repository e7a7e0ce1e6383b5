package appliance

import (
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	"kensa/calibration"
	"kensa/calibration/calibrationtest"
	"kensa/calibration/geometry"
	"kensa/calibration/store"
	"kensa/calibration/temperature"
	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/firmware/station"
	"kensa/hw/bench"
	"kensa/hw/simulator/stand"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// drifting is a stand whose pixel grows by 300 ppm/K while the hall goes from one
// temperature to another, °C.
func drifting(from, to float64) stand.Truth {
	truth := stand.Defaults(320, 240)
	truth.Plate.Pitch, truth.Optics.ScaleDrift, truth.Optics.FocusDrift = 13, 300e-6, 0.2
	truth.Light.Flicker = 0
	truth.Air.Start, truth.Air.End = from, to
	return truth
}

// calibrateDrift measures scale and drift on the stand.
func calibrateDrift(t *testing.T) (scaled, drifted calibration.Result) {
	t.Helper()
	board := plateOf(drifting(20, 20))
	scale, err := geometry.New(geometry.Defaults(board))
	if err != nil {
		t.Fatal(err)
	}
	o := temperature.Defaults(board)
	o.Points, o.Every, o.MaxScale, o.Enabled = 6, 20*time.Minute, 1000, true
	drift, err := temperature.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return *calibrationtest.Run(t, drifting(20, 20), scale), *calibrationtest.Run(t, drifting(20, 26), drift)
}

func plateOf(truth stand.Truth) geometry.Board {
	return geometry.Board{Target: bench.Chessboard, Columns: truth.Plate.Columns, Rows: truth.Plate.Rows, Pitch: truth.Plate.Pitch}
}

// putSections accepts sections as measured now.
func putSections(t *testing.T, c config.Config, all map[string]*store.Section) {
	t.Helper()
	here := CalibratedStation(c)
	here.Width, here.Height, here.Depth = 320, 240, 12
	var next *store.Calibration
	for name, s := range all {
		s.At, s.By, s.Software = time.Now(), "test", "test"
		next = next.With(here, name, s, time.Now().Add(24*time.Hour))
	}
	if err := store.Open(CalibrationFolder(c)).Put(next); err != nil {
		t.Fatal(err)
	}
}

// seen is the length in pixels of the plate's longest row of corners, at a
// temperature, and the true one in µm.
func seen(t *testing.T, celsius float64) (pixels, truth float64) {
	t.Helper()
	b, err := stand.New(drifting(celsius, celsius))
	if err != nil {
		t.Fatal(err)
	}
	set := bench.Setting{Target: bench.Chessboard, Light: 0.5, Exposure: 8 * time.Millisecond}
	set.Z = physic.Distance(0.2 * (celsius - 20) * float64(physic.MicroMetre)) // somebody refocuses
	if _, err := b.Set(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	e, err := b.Expose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Release()
	matches, err := plateOf(drifting(0, 0)).Find(e)
	if err != nil {
		t.Fatal(err)
	}
	fit, err := geometry.Solve([][]geometry.Match{matches}, e.Width, e.Height, false)
	if err != nil {
		t.Fatal(err)
	}
	truth = 12 * 13
	return truth / math.Sqrt(fit.PixelX*fit.PixelY), truth
}

// TestSizesFollowTheTemperature: what is 156 µm long measures so at 27 °C too, where
// the pixel has grown by 0.21 % since the scale was calibrated at 20 °C; with the
// correction off, it does not.
func TestSizesFollowTheTemperature(t *testing.T) {
	scaled, drifted := calibrateDrift(t)
	pixels, want := seen(t, 27)
	at := 20.0
	for name, test := range map[string]struct {
		configured, enabled bool
		sensor              bool
		told                string
		right               bool
	}{
		"on":                          {true, true, true, ", scale +", true},
		"off in the configuration":    {false, true, true, "", false},
		"not enabled when calibrated": {true, false, true, "", false},
		"the sensor fails":            {true, true, false, ", no temperature", false},
	} {
		t.Run(name, func(t *testing.T) {
			c := testConfig(t)
			c.Calibration.Temperature = test.configured
			if drifted.Parameters["enabled"] = 0; test.enabled {
				drifted.Parameters["enabled"] = 1
			}
			putSections(t, c, map[string]*store.Section{"scale": {Temperature: &at, Result: scaled}, "temperature": {Result: drifted}})
			a := &Appliance{config: c, log: slog.New(slog.DiscardHandler), climate: &climate{}}
			if test.sensor {
				a.climate.latest.Store(&record.Climate{Temperature: physic.ZeroCelsius + 27*physic.Celsius})
			}
			var err error
			if a.calibration, err = Calibration(c, time.Now()); err != nil {
				t.Fatal(err)
			}
			pixel, _ := pixelSize(a.calibration)
			l := wafer.Layout{Kind: wafer.Sequence, PixelSize: length.Length(pixel) * length.Micrometre, PixelSizeUncertainty: 0.1 * length.Nanometre}
			job := station.Job{Calibration: a.calibration.Name(), Plan: &wafer.Plan{Layout: l}, Drift: a.drift()}
			now, rests := job.Layout()
			off := pixels*now.PixelSize.Micrometres()/want - 1
			if right := math.Abs(off) < 2e-4; right != test.right {
				t.Errorf("%.2f µm of %.0f: off by %+.4f %%", pixels*now.PixelSize.Micrometres(), want, 100*off)
			}
			if u := float64(now.PixelSizeUncertainty / now.PixelSize); test.right && math.Abs(off) > u {
				t.Errorf("off by %.1e, uncertainty %.1e", off, u)
			}
			if !strings.HasPrefix(rests, a.calibration.Name()+test.told) || test.told == "" && rests != a.calibration.Name() {
				t.Errorf("the result rests on %q; want %q", rests, test.told)
			}
		})
	}
}

// TestNoSensorNoCorrection: without a configured sensor there is nothing to ask.
func TestNoSensorNoCorrection(t *testing.T) {
	section := &store.Section{Result: calibration.Result{Parameters: map[string]float64{"enabled": 1, "scale_ppm_per_k": 10}}}
	a := &Appliance{config: config.Default(), log: slog.New(slog.DiscardHandler),
		calibration: &store.Calibration{Sections: map[string]*store.Section{"temperature": section}}}
	if a.drift() != nil {
		t.Error("sizes are corrected without a sensor")
	}
}
