package appliance

import (
	"maps"
	"slices"
	"testing"

	"kensa/firmware/alarm"
	"kensa/firmware/record"
	"kensa/hw/simulator"
	"kensa/vision/wafer"
)

// TestFaultsAreSeen has the tool's hardware fail in every way that the simulator
// knows, one wafer each. Each fault must be told by its alarm, cost no more than
// its own field where the place of the others is certain, and never bring a
// result to a wrong place.
func TestFaultsAreSeen(t *testing.T) {
	long(t)
	const at = 11 // the field that suffers
	cases := []struct {
		kind  simulator.FaultKind
		alarm alarm.Kind
		lost  func(lost int) bool // fields
	}{
		{simulator.MissedPulse, alarm.MissedPulse, exactly(1)},
		{simulator.DoubledPulse, alarm.DoubledPulse, exactly(0)},
		{simulator.DroppedFrame, alarm.MissingFrame, exactly(1)},
		{simulator.LateFrame, alarm.LateFrame, exactly(1)},
		{simulator.TruncatedFrame, alarm.BadFrame, exactly(1)},
		{simulator.ExtraFrame, alarm.ExtraFrame, exactly(0)},
		{simulator.CameraGone, alarm.CameraGone, func(lost int) bool { return lost >= 1 }},
	}
	c := testConfig(t)
	c.Simulator.Lots, c.Simulator.Wafers = 1, len(cases)+1 // the last one suffers none
	tool := func(plan *wafer.Plan) (Tool, error) {
		o, err := SimulatorOptions(c.Simulator, plan)
		if err != nil {
			return nil, err
		}
		for n, c := range cases {
			o.Faults.Given = append(o.Faults.Given, simulator.Fault{Kind: c.kind, Wafer: n + 1, Field: at})
		}
		return simulator.New(o)
	}
	score := newScore()
	seen := 0
	runAppliance(t, Options{Config: c, Tool: tool}, func(a *Appliance, w *record.Wafer) {
		seen++
		truth, _ := a.tool.(*simulator.Tool).Truth(w.Material.Substrate)
		score.compareDies(w, truth)
		lost := w.Fields - w.FieldsInspected
		t.Logf("wafer %d: %d fields lost, %s, alarms %v", seen, lost, w.Summary.Verdict, numbers(w.Alarms))
		if seen > len(cases) {
			if lost != 0 || len(w.Alarms) != 0 {
				t.Errorf("the wafer after the faults: %d fields lost, alarms %v", lost, numbers(w.Alarms))
			}
			return
		}
		want := cases[seen-1]
		if !want.lost(lost) || !slices.Contains(numbers(w.Alarms), want.alarm.ID) {
			t.Errorf("%s: %d fields lost, alarms %v; want alarm %d", want.kind, lost, numbers(w.Alarms), want.alarm.ID)
		}
		if (lost > 0) != (w.Summary.Verdict == wafer.Incomplete) {
			t.Errorf("%s: %d fields lost, verdict %s", want.kind, lost, w.Summary.Verdict)
		}
	})
	if seen != len(cases)+1 {
		t.Errorf("%d wafers; want %d", seen, len(cases)+1)
	}
	// A map shifted by one field would judge some dozens of dies wrongly.
	if score.diesWrong > 5 {
		t.Errorf("%d dies judged wrongly: results at wrong places?", score.diesWrong)
	}
}

// TestLightDriftIsTold has the lamp lose a tenth of its light with each wafer: the
// results stay right, and the alarm comes before they cannot.
func TestLightDriftIsTold(t *testing.T) {
	long(t)
	c := testConfig(t)
	c.Simulator.Lots, c.Simulator.Wafers = 1, 3
	tool := func(plan *wafer.Plan) (Tool, error) {
		o, err := SimulatorOptions(c.Simulator, plan)
		if err != nil {
			return nil, err
		}
		o.Drift.PerWafer = 0.1
		return simulator.New(o)
	}
	score := newScore()
	var told []bool
	runAppliance(t, Options{Config: c, Tool: tool}, func(a *Appliance, w *record.Wafer) {
		truth, _ := a.tool.(*simulator.Tool).Truth(w.Material.Substrate)
		score.add(t, w, truth)
		told = append(told, slices.Contains(numbers(w.Alarms), alarm.LightDrift.ID))
	})
	if want := []bool{false, false, true}; !slices.Equal(told, want) {
		t.Errorf("alarm of light drift on wafers %v; want %v", told, want)
	}
	if all := score.All; score.falseAlarms() > 1 || float64(all.Found) < 0.97*float64(all.Injected) {
		t.Errorf("under fading light: %d of %d found, %d false", all.Found, all.Injected, score.falseAlarms())
	}
}

func exactly(n int) func(int) bool { return func(lost int) bool { return lost == n } }

func numbers(alarms []alarm.Alarm) []alarm.ID {
	ids := map[alarm.ID]bool{}
	for _, a := range alarms {
		ids[a.ID] = true
	}
	return slices.Sorted(maps.Keys(ids))
}
