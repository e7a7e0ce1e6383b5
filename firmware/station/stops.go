package station

import (
	"fmt"
	"image"

	"kensa/firmware/alarm"
	"kensa/firmware/pairing"
	"kensa/firmware/record"
	"kensa/hw/line"
	"kensa/vision/pose"
	"kensa/vision/wafer"
)

// take handles the stops that pairing has settled.
func (s *Station) take(slots []pairing.Slot) {
	for _, stop := range slots {
		switch stop.Outcome {
		case pairing.Paired:
			s.enqueue(stop)
		case pairing.MissingFrame:
			s.drop(stop.Number, "no frame") // told when its pulse was given up
		case pairing.MissedPulse:
			s.Meter.missedPulse()
			s.lose(stop.Number, alarm.MissedPulse, "no field trigger")
		}
	}
	s.tellAnomalies()
	s.watchFrames()
}

func (s *Station) tellAnomalies() {
	kinds := [pairing.Anomalies]alarm.Kind{
		pairing.DoubledPulse: alarm.DoubledPulse, pairing.LateFrame: alarm.LateFrame, pairing.ExtraFrame: alarm.ExtraFrame,
		pairing.CameraRestarted: alarm.CameraRestarted, pairing.ContestedFrame: alarm.DoubledPulse, pairing.Unanswered: alarm.MissingFrame,
	}
	for kind, n := range s.pairing.Seen() {
		s.Meter.anomaly(pairing.Anomaly(kind), n)
		for range n {
			s.Alarms.Raise(kinds[kind], fmt.Sprintf("wafer %s, near field %d", s.wafer.record.Material.Substrate, s.pairing.Stops()))
		}
	}
}

// watchFrames runs the clock for the oldest field that waits for its frame.
func (s *Station) watchFrames() {
	if s.pairing.Waiting() == 0 {
		s.frameTimer.Stop()
		return
	}
	s.frameTimer.Reset(s.config.FrameTimeout)
}

// enqueue gives a field to the workers; a full queue loses it, and says so.
func (s *Station) enqueue(stop pairing.Slot) {
	field, ok := s.field(stop.Number)
	var spares []image.Rectangle
	if s.pairing.Doubt() && !s.job.Plan.Open() {
		field, ok = s.at(stop.Number), true
		spares = s.spares(field)
	}
	if !ok {
		stop.Frame.Release()
		s.lose(stop.Number, alarm.PositionLost, "beyond the recipe's fields")
		return
	}
	if s.wafer.aborted {
		stop.Frame.Release()
		s.drop(stop.Number, "aborted by the host")
		return
	}
	select {
	case s.work <- task{field, spares, stop.Frame, s.wafer.layout, s.framed(stop)}:
		s.inFlight++
	default:
		stop.Frame.Release()
		s.lose(stop.Number, alarm.QueueFull, "queue full")
	}
}

// framed ends the stage from pulse to frame and begins the next.
func (s *Station) framed(stop pairing.Slot) way {
	w := way{pulsed: s.Meter.origin(stop.Pulsed), framed: line.Monotonic()}
	s.Meter.stage(PulseToFrame, w.pulsed)
	s.wafer.lastPulse = w.pulsed
	return w
}

// lose records that a field was not inspected.
func (s *Station) lose(n int, kind alarm.Kind, reason string) {
	s.Alarms.Raise(kind, fmt.Sprintf("wafer %s, field %d", s.wafer.record.Material.Substrate, n+1))
	s.drop(n, reason)
}

// drop records it without an alarm.
func (s *Station) drop(n int, reason string) {
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
	s.Meter.stage(FrameToVerdict, r.framed)
	s.Meter.stage(PulseToVerdict, r.pulsed)
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
	if f.Number != w.told {
		w.early[f.Number] = f
		return
	}
	for ok := true; ok; f, ok = w.early[w.told] {
		delete(w.early, w.told)
		w.told++
		next := s.withoutDust(f)
		s.apply(next)
		s.Observer.FieldDone(w.record, next)
		s.recycle(f)
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
		s.wafer.inspected[f.Number] = true
	}
	if f.spares != nil {
		s.wafer.spares[f.Number] = f.spares
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
	if f.Inspected && f.Turn != (pose.Turn{}) {
		s.wafer.turns = append(s.wafer.turns, f.Turn)
	}
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
