package station

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"kensa/firmware/alarm"
	"kensa/vision/pose"
	"kensa/vision/wafer"
)

// closeWafer completes the record: which places can be trusted, the summary,
// the alarms. After it nothing is added.
func (s *Station) closeWafer() {
	w := s.wafer.record
	s.distrust()
	s.dustOff()
	s.saveDust()
	bins := make([]wafer.Bin, len(w.Dies))
	for n, d := range w.Dies {
		bins[n] = d.Bin
	}
	w.Summary = wafer.Summarize(bins, len(w.Defects), w.Layout.DieArea(), s.job.MinYield)
	if s.job.Plan.Open() && s.wafer.cutShort() {
		w.Summary.Verdict = wafer.Incomplete // no count of fields would tell
	}
	s.judge()
	s.judgeLight()
	s.judgeTurn()
	if s.Climate != nil {
		w.Climate = s.Climate()
	}
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

// judgeLight keeps the alarm of drifting light by the median of the wafer's dies.
// Each die's brightness was matched with the golden, so the result stands; but
// where that goes on the lamp will soon be too faint.
func (s *Station) judgeLight() {
	light := s.wafer.light
	if len(light) == 0 || s.job.LightLimit == 0 {
		return
	}
	slices.Sort(light)
	if median := light[len(light)/2]; math.Abs(median-1) > s.job.LightLimit {
		s.Alarms.Raise(alarm.LightDrift, fmt.Sprintf("%.0f %% of the golden's light; limit is ±%.0f %%", 100*median, 100*s.job.LightLimit))
		return
	}
	s.Alarms.Clear(alarm.LightDrift.ID)
}

// judgeTurn keeps the alarm of a turned wafer by the median of its fields.
func (s *Station) judgeTurn() {
	turns := s.wafer.turns
	if len(turns) == 0 || s.job.MaxTurn == 0 {
		return
	}
	slices.SortFunc(turns, func(a, b pose.Turn) int { return cmp.Compare(a.Angle, b.Angle) })
	if angle := turns[len(turns)/2].Angle; max(angle, -angle) > s.job.MaxTurn {
		s.Alarms.Raise(alarm.FieldTurned, fmt.Sprintf("wafer %s is turned by %v; limit is %v", s.wafer.record.Material.Substrate, angle, s.job.MaxTurn))
		return
	}
	s.Alarms.Clear(alarm.FieldTurned.ID)
}

// manyDies is the part of a wafer's dies, one in so many, that may fail to
// register before that is an alarm of its own: a wrong recipe, not a bad die.
const manyDies = 20

// alarmsOf lists what concerns the wafer, counted in its time alone: conditions
// that lasted into it, and events of it. An event that an operator has not
// acknowledged stays set for long after the wafer that it happened to.
func (s *Station) alarmsOf(w *open) []alarm.Alarm {
	var own []alarm.Alarm
	for _, a := range s.Alarms.Since(w.alarms) {
		if before, set := w.raised[a.ID]; set && before.Set.Equal(a.Set) {
			a.Count -= before.Count
		}
		if a.Count > 0 || !alarm.Momentary(a.ID) {
			own = append(own, a)
		}
	}
	return own
}

// distrust gives each result its field, once the wafer's end has shown which, and
// tells where that is not possible.
func (s *Station) distrust() {
	w, plan := s.wafer, s.job.Plan
	if plan.Open() {
		return
	}
	stops, fields := s.pairing.Stops(), len(plan.Fields)
	brokenOff := w.stopped && stops < fields
	if brokenOff {
		fields = 0
	}
	fieldOf := s.pairing.Fields(fields)
	s.pairing.Learn(fieldOf)
	discarded := s.place(fieldOf)
	miscounted := stops != len(plan.Fields) && len(fieldOf) < len(plan.Fields)
	if discarded > 0 || miscounted && !brokenOff {
		s.Alarms.Raise(alarm.PositionLost, fmt.Sprintf("wafer %s: %d stops of %d fields; %d inspected fields in doubt",
			w.record.Material.Substrate, stops, len(plan.Fields), discarded))
	}
}
