package appliance

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"kensa/firmware/alarm"
	"kensa/firmware/record"
	"kensa/hw/simulator"
	"kensa/hw/simulator/optics"
	"kensa/vision/wafer"
)

// TestDustOnTheOptics has a speck on the camera from the first wafer on, over a
// golden that was learnt without it. Once it is told, it costs no die more, and
// every other defect is still found.
func TestDustOnTheOptics(t *testing.T) {
	long(t)
	for _, speck := range []optics.Dust{{X: 250, Y: 380, Radius: 4, Depth: 0.5},{X: 500, Y: 300, Radius: 9, Depth: 0.4},{X: 700, Y: 500, Radius: 3, Depth: 0.8}, {X: 480, Y: 100, Radius: 14, Depth: 0.2}} {
		t.Run(fmt.Sprintf("%+v", speck), func(t *testing.T) { inspectThrough(t, speck) })
	}
}

func inspectThrough(t *testing.T, speck optics.Dust) {
	c := testConfig(t)
	c.Simulator.Lots, c.Simulator.Wafers = 1, 6
	tool := func(plan *wafer.Plan) (Tool, error) {
		o, err := SimulatorOptions(c.Simulator, plan)
		if err != nil {
			return nil, err
		}
		o.Sensor.Dust = []optics.Dust{speck}
		return simulator.New(o)
	}
	told := 0 // wafers since the alarm
	score := score{classes: map[string]*tally{}, sizes: map[int]*tally{}}
	runAppliance(t, Options{Config: c, Tool: tool}, func(a *Appliance, w *record.Wafer) {
		truth, _ := a.tool.(*simulator.Tool).Truth(w.Material.Substrate)
		n := slices.IndexFunc(w.Alarms, func(a alarm.Alarm) bool { return a.ID == alarm.OpticsDust.ID })
		onSpeck := 0
		for _, d := range w.Defects {
			if math.Hypot(d.CX-speck.X, d.CY-speck.Y) < 12 {
				onSpeck++
				t.Log("dust finding", d.Field, d.Box, d.CX, d.CY, d.Area, d.Contrast, d.Polarity)
			}
		}
		t.Logf("%s: yield %v, %d findings on the speck, alarm %d", w.Material.Substrate, w.Summary.Yield(), onSpeck, n)
		if n >= 0 {
			t.Log(w.Alarms[n].Detail)
			told++
		}
		if told > 1 {
			score.add(t, w, truth)
		}
	})
	t.Log(score.String())
	if told < 3 {
		t.Fatalf("told on %d of 6 wafers", told)
	}
	_ = strings.Contains
	if all := score.total(); float64(all.found) < 0.97*float64(all.injected) || score.falseDefects > 2 {
		t.Errorf("%d of %d found, %d false", all.found, all.injected, score.falseDefects)
	}
}
