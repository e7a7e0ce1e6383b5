package appliance

import (
	"path/filepath"
	"testing"
	"time"

	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/hw/simulator"
	"kensa/hw/simulator/optics"
	"kensa/vision/evaluate"
	"kensa/vision/flatfield"
	"kensa/vision/wafer"
)

// uneven is a bad camera: its pixels differ by 5 %, a corner gets 30 % less light,
// and black is grey level 12.
func uneven(s optics.Sensor) optics.Sensor {
	s.Response, s.Vignetting, s.Pedestal = 0.05, 0.3, 12
	return s
}

// TestFlatField inspects the same wafers through an uneven camera with its flat
// field and without, over a golden that an even one has seen.
func TestFlatField(t *testing.T) {
	long(t)
	with, without := throughUneven(t, "file"), throughUneven(t, "")
	if calibrated := throughUneven(t, "calibration"); calibrated.All != with.All || calibrated.FalsePerWafer() != with.FalsePerWafer() {
		t.Errorf("by the calibration's maps %+v; by the same maps in a file %+v", calibrated.All, with.All)
	}
	t.Logf("with flat field: %+v, false %v\nwithout: %+v, false %v", with.All, with.False, without.All, without.False)
	if with.All.Injected < 50 || with.All.Found < with.All.Injected*97/100 || with.FalsePerWafer() > 0.5 {
		t.Errorf("with a flat field %+v, %.1f false alarms a wafer; want 97 %% of at least 50 found, 0.5 false", with.All, with.FalsePerWafer())
	}
	// What passes for the pattern's variation without it hides defects, or alarms.
	if lost := without.All.Injected - without.All.Found; lost < 5 && without.FalsePerWafer() < 5 {
		t.Errorf("without a flat field %d defects were lost, %.1f false alarms a wafer: the test shows nothing", lost, without.FalsePerWafer())
	}
}

func throughUneven(t *testing.T, by string) *evaluate.Detection {
	const wafers = 3
	c := testConfig(t)
	c.Simulator.Lots, c.Simulator.Wafers = 1, wafers
	c.Simulator.Defects = 0.2
	r := config.DefaultRecipe()
	switch by {
	case "file":
		c.Source.Flat = "camera.flat"
		writeFlat(t, filepath.Join(c.Storage.State, c.Source.Flat), r.Frame.Width, r.Frame.Height)
	case "calibration":
		dark, gain := correction(t, r.Frame.Width, r.Frame.Height)
		putCalibration(t, c, flatSection(dark, gain, r.Frame.Width, r.Frame.Height))
	}
	tool := func(plan *wafer.Plan) (Tool, error) {
		o, err := SimulatorOptions(c.Simulator, plan)
		if err != nil {
			return nil, err
		}
		o.Sensor = uneven(o.Sensor)
		return simulator.New(o)
	}
	s := evaluate.NewDetection(sizeEnds, []float64{0, 255}, MatchReach)
	runAppliance(t, Options{Config: c, Tool: tool}, func(a *Appliance, w *record.Wafer) {
		truth, _ := a.tool.(*simulator.Tool).Truth(w.Material.Substrate)
		s.Add(Injected(truth), Found(w))
	})
	if s.Wafers != wafers {
		t.Fatalf("%d wafers; want %d", s.Wafers, wafers)
	}
	return s
}

// writeFlat writes what undoes the uneven camera.
func writeFlat(t *testing.T, path string, width, height int) {
	t.Helper()
	f := &flatfield.Field{Header: flatfield.Header{Width: width, Height: height, Made: time.Now().UTC(), Software: "test"}}
	f.Dark, f.Gain = correction(t, width, height)
	if err := f.Write(path); err != nil {
		t.Fatal(err)
	}
}

// correction undoes the uneven camera.
func correction(t *testing.T, width, height int) (dark, gain []float32) {
	t.Helper()
	camera, err := optics.NewCamera(width, height, uneven(optics.Sensor{Depth: 8, Tilt: 0.04}))
	if err != nil {
		t.Fatal(err)
	}
	return camera.Correction()
}
