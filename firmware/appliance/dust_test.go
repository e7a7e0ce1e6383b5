package appliance

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"testing"

	"kensa/firmware/alarm"
	"kensa/firmware/record"
	"kensa/hw/simulator"
	"kensa/hw/simulator/optics"
	"kensa/vision/wafer"
)

// TestDustOnTheOptics has three specks on the camera, over a golden that was
// learnt without them. Each is told with its place; from then on they cost no
// die, and no defect of the wafer is lost for them.
func TestDustOnTheOptics(t *testing.T) {
	long(t)
	specks := []optics.Dust{{X: 250, Y: 380, Radius: 4, Depth: 0.5}, {X: 500, Y: 300, Radius: 9, Depth: 0.4}, {X: 700, Y: 500, Radius: 3, Depth: 0.8}, {X: 150, Y: 150, Radius: 20, Depth: 0.3}}
	c := testConfig(t)
	c.Simulator.Lots, c.Simulator.Wafers = 1, 6
	tool := func(plan *wafer.Plan) (Tool, error) {
		o, err := SimulatorOptions(c.Simulator, plan)
		if err != nil {
			return nil, err
		}
		o.Sensor.Dust = specks
		return simulator.New(o)
	}
	var told []int // spots, by wafer
	after := newScore()
	runAppliance(t, Options{Config: c, Tool: tool}, func(a *Appliance, w *record.Wafer) {
		if len(told) > 0 && told[len(told)-1] == len(specks) {
			truth, _ := a.tool.(*simulator.Tool).Truth(w.Material.Substrate)
			after.add(t, w, truth)
		}
		told = append(told, placesTold(t, w, specks))
		t.Logf("%s: yield %v, %d specks told", w.Material.Substrate, w.Summary.Yield(), told[len(told)-1])
	})
	t.Log(after.String())
	if told[0] == 0 || after.Wafers < 3 {
		t.Fatalf("told by wafer: %v; want some on the first, and all by the third", told)
	}
	all := after.All
	if float64(all.Found) < 0.97*float64(all.Injected) || all.Injected < 40 {
		t.Errorf("%d of %d defects found behind the dust", all.Found, all.Injected)
	}
	if after.falseAlarms() > 1 || after.worstYield > 0.005 {
		t.Errorf("once the dust was told: %d false defects, yield off by up to %v", after.falseAlarms(), after.worstYield)
	}
}

var place = regexp.MustCompile(`\((\d+), (\d+)\)`)

// placesTold counts the places that a wafer's alarm names; each must be a speck's.
func placesTold(t *testing.T, w *record.Wafer, specks []optics.Dust) int {
	n := slices.IndexFunc(w.Alarms, func(a alarm.Alarm) bool { return a.ID == alarm.OpticsDust.ID })
	if n < 0 {
		return 0
	}
	places := place.FindAllString(w.Alarms[n].Detail, -1)
	for _, p := range places {
		var x, y float64
		fmt.Sscanf(p, "(%f, %f)", &x, &y)
		if !slices.ContainsFunc(specks, func(s optics.Dust) bool { return math.Hypot(s.X-x, s.Y-y) < s.Radius }) {
			t.Errorf("%s: no speck at %s: %s", w.Material.Substrate, p, w.Alarms[n].Detail)
		}
	}
	return len(places)
}
