package appliance

import (
	"slices"
	"testing"

	"kensa/firmware/alarm"
	"kensa/firmware/record"
	"kensa/hw/simulator"
)

// TestTurnedWafers has every wafer lie turned on the chuck by another angle, of up
// to 0.2°. They are inspected as well as straight ones.
func TestTurnedWafers(t *testing.T) {
	long(t)
	const wafers = 4
	c := testConfig(t)
	c.Simulator.Lots, c.Simulator.Wafers, c.Simulator.Turn = 1, wafers, 0.1
	score := newScore()
	runAppliance(t, Options{Config: c}, func(a *Appliance, w *record.Wafer) {
		truth, _ := a.tool.(*simulator.Tool).Truth(w.Material.Substrate)
		t.Logf("%s: turned by %.3f°", w.Material.Substrate, truth.Fields[0].Shift.Angle*57.29578)
		for _, d := range w.Dies {
			if d.Reason != "" {
				t.Logf("%s die %v: %s", w.Material.Substrate, d.Index, d.Reason)
			}
		}
		if slices.ContainsFunc(w.Alarms, func(a alarm.Alarm) bool { return a.ID == alarm.FieldTurned.ID }) {
			t.Errorf("%s: alarm %d", w.Material.Substrate, alarm.FieldTurned.ID)
		}
		score.add(t, w, truth)
	})
	t.Log(score.String())
	if score.Wafers != wafers {
		t.Fatalf("%d wafers; want %d", score.Wafers, wafers)
	}
	score.check(t)
}
