package station

import (
	"fmt"
	"slices"
	"time"

	"kensa/firmware/alarm"
	"kensa/firmware/record"
	"kensa/vision/wafer"
)

// closeWafer completes the record: which places can be trusted, the summary,
// the alarms. After it nothing is added.
func (s *Station) closeWafer() {
	w := s.wafer.record
	s.distrust()
	bins := make([]wafer.Bin, len(w.Dies))
	for n, d := range w.Dies {
		bins[n] = d.Bin
	}
	w.Summary = wafer.Summarize(bins, len(w.Defects), w.Layout.DieArea(), s.job.MinYield)
	s.judge()
	w.Finished = time.Now().UTC()
	w.Alarms = s.alarmsOf(s.wafer)
	s.wafer.closed = true
}

// judge raises the alarms that follow from a wafer's result.
func (s *Station) judge() {
	w := s.wafer.record
	name, sum := w.Material.Substrate, w.Summary
	switch sum.Verdict {
	case wafer.Incomplete:
		s.Alarms.Raise(alarm.WaferIncomplete, fmt.Sprintf("wafer %s: %d of %d dies inspected", name, sum.Inspected, sum.Dies))
	case wafer.Fail:
		s.Alarms.Raise(alarm.LowYield, fmt.Sprintf("wafer %s: yield %v; limit %v", name, sum.Yield(), s.job.MinYield))
	}
	if n := s.wafer.unregistered; n > len(w.Dies)/manyDies {
		s.Alarms.Raise(alarm.NotRegistered, fmt.Sprintf("wafer %s: %d of %d dies", name, n, len(w.Dies)))
	}
}

// manyDies is the part of a wafer's dies, one in so many, that may fail to
// register before that is an alarm of its own: a wrong recipe, not a bad die.
const manyDies = 20

// alarmsOf lists what concerns the wafer: conditions that lasted into its time,
// and events of its time. An event that an operator has not acknowledged stays
// set for long after the wafer that it happened to.
func (s *Station) alarmsOf(w *open) []alarm.Alarm {
	return slices.DeleteFunc(s.Alarms.Since(w.alarms), func(a alarm.Alarm) bool {
		return alarm.Momentary(a.ID) && a.Latest.Before(w.record.Started)
	})
}

// distrust discards what was found at places that are in doubt. When the stops
// are not as many as the plan has, some pulse or frame was noise or was lost
// without a trace: a result from there on might belong to another die, and a
// map with wrong places is worse than one with gaps.
func (s *Station) distrust() {
	w, plan := s.wafer, s.job.Plan
	if plan.Open() || w.stops == len(plan.Fields) || w.stops < len(plan.Fields) && w.stopped {
		return
	}
	from := 0
	if w.stops > len(plan.Fields) && w.suspect >= 0 {
		from = w.suspect
	}
	s.Alarms.Raise(alarm.PositionLost, fmt.Sprintf("wafer %s: %d stops of %d fields; in doubt from field %d",
		w.record.Material.Substrate, w.stops, len(plan.Fields), from+1))
	doubtful := map[wafer.DieIndex]bool{}
	for _, field := range plan.Fields[min(from, len(plan.Fields)):] {
		inspected := false
		for _, d := range field.Dies {
			die := &w.record.Dies[d.Die]
			inspected = inspected || die.Bin != wafer.NotInspected
			doubtful[die.Index] = true
			*die = record.Die{Index: die.Index, Bin: wafer.NotInspected, Reason: "position in doubt"}
		}
		if inspected {
			w.record.FieldsInspected--
		}
	}
	w.record.Defects = slices.DeleteFunc(w.record.Defects, func(d record.Defect) bool { return doubtful[d.Die] })
}
