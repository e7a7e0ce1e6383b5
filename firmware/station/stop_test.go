package station

import (
	"testing"
	"time"

	"kensa/firmware/alarm"
	"kensa/hw/trigger"
)

// TestAStopInMidFieldIsNoFaultOfTheCamera: the wafer is incomplete, and that is all
// that is told.
func TestAStopInMidFieldIsNoFaultOfTheCamera(t *testing.T) {
	r := newRig(t)
	r.arrive()
	r.field()
	r.now += 100 * time.Millisecond
	r.station.pulse(trigger.Pulse{Time: r.now, Sequence: r.number + 1}) // its frame is on its way
	record := r.station.wafer.record
	if err := r.station.stop(); err != nil {
		t.Fatal(err)
	}
	if record.FieldsInspected != 1 {
		t.Errorf("%d fields inspected; want 1", record.FieldsInspected)
	}
	for _, set := range r.station.Alarms.Active() {
		if set.ID != alarm.WaferIncomplete.ID {
			t.Errorf("alarm %v", set)
		}
	}
}
