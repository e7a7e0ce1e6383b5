package appliance

import (
	"path/filepath"
	"testing"
	"time"

	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/hw/simulator"
	"kensa/hw/simulator/optics"
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
	with, without := throughUneven(t, true), throughUneven(t, false)
	t.Logf("with flat field:\n%s\nwithout:\n%s", with.String(), without.String())
	with.check(t)
	good := func(s score) float64 {
		all := s.total()
		return float64(all.found)/float64(all.injected) - float64(s.diesWrong)/float64(s.dies)
	}
	if !(good(with) > good(without)+0.02) {
		t.Errorf("with a flat field %.3f (capture less dies judged wrongly), without %.3f; want it to help", good(with), good(without))
	}
}

func throughUneven(t *testing.T, corrected bool) score {
	const wafers = 3
	c := testConfig(t)
	c.Simulator.Lots, c.Simulator.Wafers = 1, wafers
	c.Simulator.Defects = 0.2
	if corrected {
		c.Source.Flat = "camera.flat"
		r := config.DefaultRecipe()
		writeFlat(t, filepath.Join(c.Storage.State, c.Source.Flat), r.Frame.Width, r.Frame.Height)
	}
	tool := func(plan *wafer.Plan) (Tool, error) {
		o, err := SimulatorOptions(c.Simulator, plan)
		if err != nil {
			return nil, err
		}
		o.Sensor = uneven(o.Sensor)
		return simulator.New(o)
	}
	s := score{classes: map[string]*tally{}, sizes: map[int]*tally{}}
	runAppliance(t, Options{Config: c, Tool: tool}, func(a *Appliance, w *record.Wafer) {
		truth, _ := a.tool.(*simulator.Tool).Truth(w.Material.Substrate)
		s.addAny(w, truth)
	})
	if s.wafers != wafers {
		t.Fatalf("%d wafers; want %d", s.wafers, wafers)
	}
	return s
}

// writeFlat writes what undoes the uneven camera.
func writeFlat(t *testing.T, path string, width, height int) {
	t.Helper()
	sensor := uneven(optics.Sensor{Depth: 8, Tilt: 0.04})
	camera, err := optics.NewCamera(width, height, sensor)
	if err != nil {
		t.Fatal(err)
	}
	f := &flatfield.Field{Header: flatfield.Header{Width: width, Height: height, Made: time.Now().UTC(), Software: "test"}}
	f.Dark, f.Gain = camera.Correction()
	if err := f.Write(path); err != nil {
		t.Fatal(err)
	}
}
