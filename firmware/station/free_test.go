package station

import (
	"math/rand/v2"
	"testing"
	"time"

	"kensa/firmware/alarm"
	"kensa/hw/trigger"
)

// exposing brings a wafer under a camera that exposes by itself, sixty times a
// second, while the tool is kept waiting for READY now and then; the tool's
// pulses come at any time between two exposures.
func (r *rig) exposing(random *rand.Rand, fields int) {
	const period, window = 16 * time.Millisecond, 20 * time.Millisecond
	r.arrive()
	exposed := r.now
	expose := func(until time.Duration) {
		for ; exposed < until; exposed += period {
			r.number++
			f := r.frame
			f.Time, f.Sequence = exposed, r.number
			r.station.frame(&f)
			for len(r.station.work) > 0 {
				r.station.inspected(r.station.inspect(r.inspector, <-r.station.work))
			}
		}
	}
	for n := range fields {
		r.now += 100*time.Millisecond + time.Duration(random.Int64N(int64(900*time.Millisecond)))
		expose(r.now)
		r.station.pulse(trigger.Pulse{Time: r.now, Sequence: uint64(n + 1)})
		expose(r.now + window)
	}
	r.now += time.Second
	expose(r.now)
}

func TestTheFramesBetweenOfAFreeCameraAreOfNoField(t *testing.T) {
	for _, free := range []bool{true, false} {
		r := newRig(t)
		if r.station.FreeCamera = free; free {
			r.station.pairing.Free()
		}
		fields := len(r.station.job.Plan.Fields)
		r.exposing(rand.New(rand.NewPCG(1, 2)), fields)
		wafer := r.station.wafer.record
		r.leave()
		strays := 0
		for _, set := range r.station.Alarms.Active() {
			if set.ID == alarm.ExtraFrame.ID || set.ID == alarm.MissedPulse.ID || set.ID == alarm.PositionLost.ID {
				strays += set.Count
			}
		}
		switch whole := wafer.FieldsInspected == fields; {
		case free && (!whole || strays > 0):
			t.Errorf("%d of %d fields inspected, %d alarms of frames between; want all and none", wafer.FieldsInspected, fields, strays)
		case !free && strays == 0:
			t.Error("a triggered camera's frames without a pulse went untold")
		}
	}
}
