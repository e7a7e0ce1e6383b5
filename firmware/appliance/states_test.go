package appliance

import (
	"slices"
	"testing"
	"time"

	"kensa/bus/sparkplug"
	"kensa/bus/traffic"
	"kensa/firmware/record"
	"kensa/firmware/station"
	"kensa/vision/defect"
	"kensa/vision/wafer"
)

// A host hears of each state why it is, what was before, and what that means for job
// and wafer.
func TestStatesAreToldWhole(t *testing.T) {
	c, s := serviced(t)
	l := listen(t, s.url)
	w := watch(t, c)
	w.eventually("births", func() bool { return w.mes.node.State().Live })
	heard := func(name string, value any) {
		t.Helper()
		w.eventually(name, func() bool {
			return l.heard(func(m traffic.Message) bool {
				return m.Sparkplug != nil && slices.ContainsFunc(m.Sparkplug.Metrics, func(x traffic.Metric) bool { return x.Name == name && x.Value == value })
			})
		})
	}
	since := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	w.mes.StateChanged(station.State{Equipment: station.Productive, Since: since})
	w.mes.WaferStarted(killedWafer(1))
	heard(sparkplug.JobState, "PROCESSING")
	heard(sparkplug.MaterialState, "IN_PROCESS")
	w.mes.StateChanged(station.State{Equipment: station.UnscheduledDown, Reason: "camera gone", Since: since.Add(time.Hour)})
	heard(sparkplug.EquipmentReason, "camera gone")
	heard(sparkplug.EquipmentPrevious, "PRODUCTIVE")
	heard(sparkplug.EquipmentSince, "2026-03-01T09:00:00.000Z")
	w.mes.StateChanged(station.State{Equipment: station.Standby, Paused: true, Since: since})
	heard(sparkplug.JobState, "PAUSED")
	incomplete := killedWafer(1)
	incomplete.Summary.Verdict = wafer.Incomplete
	w.mes.WaferClosed(incomplete)
	heard(sparkplug.MaterialState, "STOPPED")
}

func TestDefectsByClass(t *testing.T) {
	w := &record.Wafer{Summary: wafer.Summary{Area: 4}}
	for _, class := range []defect.Class{defect.Short, defect.Open, defect.Short} {
		w.Defects = append(w.Defects, record.Defect{Defect: defect.Defect{Class: class}})
	}
	want := []sparkplug.DefectClass{{Name: "open", Defects: 1, Density: .25}, {Name: "short", Defects: 2, Density: .5}}
	if got := hostClasses(w); !slices.Equal(got, want) {
		t.Errorf("%+v; want %+v", got, want)
	}
}
