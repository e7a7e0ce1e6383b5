package station

import (
	"fmt"

	"kensa/firmware/alarm"
	"kensa/firmware/record"
	"kensa/hw/camera"
	"kensa/vision/wafer"
)

// take handles the stops that pairing has settled.
func (s *Station) take(slots []slot) {
	for _, stop := range slots {
		n := s.wafer.stops
		s.wafer.stops++
		switch stop.outcome {
		case paired:
			s.enqueue(n, stop.frame)
		case missingFrame:
			s.lose(n, alarm.MissingFrame, "no frame")
		case missedPulse:
			// An extra frame of the camera's would look the same; the count of
			// stops at the end tells, and until then this place is in doubt.
			if s.wafer.suspect < 0 {
				s.wafer.suspect = n
			}
			s.lose(n, alarm.MissedPulse, "no field trigger")
		}
	}
	s.tellAnomalies()
	s.watchFrames()
}

func (s *Station) tellAnomalies() {
	kinds := [anomalies]alarm.Kind{doubledPulse: alarm.DoubledPulse, lateFrame: alarm.LateFrame}
	for kind, n := range s.pairing.seen {
		if n > 0 {
			s.Alarms.Raise(kinds[kind], fmt.Sprintf("wafer %s, near field %d", s.wafer.record.Material.Substrate, s.wafer.stops))
			s.pairing.seen[kind] = 0
		}
	}
}

// watchFrames runs the clock for the oldest field that waits for its frame.
func (s *Station) watchFrames() {
	if s.pairing.waiting() == 0 {
		s.frameTimer.Stop()
		return
	}
	s.frameTimer.Reset(s.config.FrameTimeout)
}

// enqueue gives a field to the workers; a full queue loses it, and says so.
func (s *Station) enqueue(n int, f *camera.Frame) {
	field, ok := s.field(n)
	if !ok {
		f.Release()
		s.lose(n, alarm.PositionLost, "beyond the recipe's fields")
		return
	}
	if s.wafer.aborted {
		f.Release()
		s.skip(n, "aborted by the host")
		return
	}
	select {
	case s.work <- task{field, f}:
		s.inFlight++
	default:
		f.Release()
		s.lose(n, alarm.QueueFull, "queue full")
	}
}

// lose records that a field was not inspected although it should have been.
func (s *Station) lose(n int, kind alarm.Kind, reason string) {
	s.Alarms.Raise(kind, fmt.Sprintf("wafer %s, field %d", s.wafer.record.Material.Substrate, n+1))
	s.skip(n, reason)
}

// skip records that a field was not inspected.
func (s *Station) skip(n int, reason string) {
	lost := Field{Number: n}
	if field, ok := s.field(n); ok {
		for _, d := range field.Dies {
			lost.Dies = append(lost.Dies, Die{Place: d.Die, Die: record.Die{Reason: reason}})
		}
	}
	s.tell(lost)
}

// inspected takes a worker's result.
func (s *Station) inspected(r result) {
	s.inFlight--
	if r.err != nil {
		s.Log.Error("field not inspected", "wafer", s.wafer.record.Material.Substrate, "field", r.Number+1, "error", r.err)
		s.lose(r.Number, alarm.BadFrame, r.err.Error())
		return
	}
	s.tell(r.Field)
}

// tell applies the fields to the record in the order of the stops, whichever
// worker was faster, so that a wafer's record is the same each time.
func (s *Station) tell(f Field) {
	w := s.wafer
	w.early[f.Number] = f
	for {
		next, ok := w.early[w.told]
		if !ok {
			return
		}
		delete(w.early, w.told)
		w.told++
		next = s.withoutDust(next)
		s.apply(next)
		s.Observer.FieldDone(w.record, next)
	}
}

func (s *Station) apply(f Field) {
	w := s.wafer.record
	for n := range f.Dies {
		die := &f.Dies[n]
		die.Index = w.Dies[die.Place].Index
		w.Dies[die.Place] = die.Die
		if die.unregistered {
			s.wafer.unregistered++
		}
	}
	if f.Inspected {
		w.FieldsInspected++
		w.Layout = f.layout
	}
	for n := range f.Defects {
		d := &f.Defects[n]
		d.Number = len(w.Defects) + n + 1
		d.Die = w.Dies[f.owner[n]].Index
		if d.Image != nil && s.wafer.images == s.job.MaxImages {
			d.Image = nil
		} else if d.Image != nil {
			s.wafer.images++
		}
	}
	w.Defects = append(w.Defects, f.Defects...)
	s.wafer.light = append(s.wafer.light, f.light...)
}

func binNames(rules wafer.Rules) map[wafer.Bin]string {
	names := map[wafer.Bin]string{wafer.NotInspected: rules.Name(wafer.NotInspected), wafer.Good: rules.Name(wafer.Good)}
	for _, rule := range rules {
		names[rule.Bin] = rule.Name
	}
	return names
}

// field is the plan's n-th; an open plan grows by a die for each.
func (s *Station) field(n int) (wafer.Field, bool) {
	plan, w := s.job.Plan, s.wafer.record
	if !plan.Open() {
		if n >= len(plan.Fields) {
			return wafer.Field{}, false
		}
		return plan.Fields[n], true
	}
	for len(w.Dies) <= n {
		index := wafer.DieIndex{Column: len(w.Dies)}
		w.Dies = append(w.Dies, record.Die{Index: index, Bin: wafer.NotInspected, Reason: "no field trigger"})
	}
	w.Fields = max(w.Fields, n+1)
	return wafer.Field{Number: n, Dies: []wafer.FieldDie{{Die: n}}}, true
}
