package station

import (
	"context"
	"errors"
	"time"

	"periph.io/x/conn/v3/gpio"

	"kensa/firmware/alarm"
	"kensa/firmware/record"
	"kensa/hw/line"
	"kensa/vision/pose"
	"kensa/vision/wafer"
)

// open is the wafer being inspected.
type open struct {
	record    *record.Wafer
	layout    wafer.Layout             // with the pixel's size when it arrived
	alarms    alarm.Mark               // when it arrived
	raised    map[alarm.ID]alarm.Alarm // set already then
	arrived   time.Duration            // WAFER-PRESENT's rise, on the lines' clock
	left      time.Duration            // its fall, on the clock of line.Monotonic
	lastPulse time.Duration            // of a paired stop, likewise
	told      int                      // of them: applied to the record and told to the observer
	early     map[int]Field            // inspected before an earlier stop was
	inspected map[int]bool             // stops, by their numbers
	spares    map[int][]spare          // of stops whose numbers were in doubt
	images    int                      // kept so far

	unregistered int           // dies
	light        []float64     // of each die, over the golden's
	turns        []pose.Turn   // of each field
	gone         time.Duration // its fall, on the clock of the lines
	leaving      bool          // WAFER-PRESENT has fallen
	settled      bool          // nothing more is waited for
	stopped      bool          // the appliance ends before the wafer does
	aborted      bool          // the host wants nothing more of it
	closed       bool          // its record is complete
	retrying     bool          // and could not be stored yet
}

// cutShort tells that more of the wafer was to come when the appliance ended, or
// than the host wanted.
func (w *open) cutShort() bool { return w.stopped && !w.leaving || w.aborted }

// edge follows WAFER-PRESENT.
func (s *Station) edge(ctx context.Context, e line.Event) {
	if e.Sequence > s.presence {
		s.pairing.Beside(e.Sequence - s.presence - 1)
	}
	s.presence = e.Sequence
	if e.Level == gpio.High {
		s.arrive(ctx, e)
		return
	}
	if s.wafer == nil || s.wafer.leaving {
		return
	}
	s.wafer.leaving, s.wafer.gone = true, e.Time
	s.Meter.came(e.Time)
	s.wafer.left = s.Meter.origin(e.Time)
	s.settleTimer.Reset(s.config.Settle)
}

// arrive opens a wafer and gives it what came early.
func (s *Station) arrive(ctx context.Context, e line.Event) {
	if s.wafer != nil {
		s.Alarms.Raise(alarm.LineFailed, "WAFER-PRESENT rose while a wafer was being inspected")
		return
	}
	material, err := s.Handler.Material(ctx)
	if err != nil {
		s.Alarms.Raise(alarm.MaterialUnknown, err.Error())
		material.Substrate = "unknown-" + time.Now().UTC().Format("20060102T150405.000")
	}
	s.set(s.Lines.ResultOK, gpio.Low)
	s.set(s.Lines.ResultNG, gpio.Low)
	s.Meter.forget()
	s.pairing.Reset(e.Time, len(s.job.Plan.Fields))
	layout, calibration := s.job.Layout()
	s.wafer = &open{
		layout: layout, alarms: s.Alarms.Mark(), raised: byID(s.Alarms.Active()), arrived: e.Time, early: map[int]Field{},
		inspected: make(map[int]bool, len(s.job.Plan.Fields)+1), spares: map[int][]spare{},
		record: &record.Wafer{
			Material: material, Started: time.Now().UTC(),
			Recipe: s.job.Recipe, RecipeVersion: s.job.Version, RecipeHash: s.job.Hash, Calibration: calibration,
			Layout: layout, Fields: len(s.job.Plan.Fields), Dies: blank(s.job.Plan),
			BinNames: binNames(s.job.Rules),
		},
	}
	s.setBusy(true)
	s.enterWorking()
	s.Observer.WaferStarted(s.wafer.record)
	s.replayEarly()
}

func byID(alarms []alarm.Alarm) map[alarm.ID]alarm.Alarm {
	all := make(map[alarm.ID]alarm.Alarm, len(alarms))
	for _, a := range alarms {
		all[a.ID] = a
	}
	return all
}

// blank lists the plan's dies, none inspected yet.
func blank(p *wafer.Plan) []record.Die {
	dies := make([]record.Die, len(p.Dies))
	for n, d := range p.Dies {
		dies[n] = record.Die{Index: d.Index, Bin: wafer.NotInspected, Reason: "no field trigger"}
	}
	return dies
}

// settled ends the wait for what a wafer that left may still have to come.
func (s *Station) settled() {
	if s.wafer == nil || !s.wafer.leaving {
		return
	}
	if s.pairing.Waiting() > 0 && !s.wafer.settled {
		// Frames have their own time-out; look again when that is over.
		s.settleTimer.Reset(s.config.Settle)
		return
	}
	s.wafer.settled = true
	s.take(s.pairing.Finish())
}

// closeWhenDone closes the wafer once it has left and nothing of it is missing,
// or nothing more is waited for.
func (s *Station) closeWhenDone(ctx context.Context) {
	w := s.wafer
	if w == nil || !w.leaving || w.closed || s.inFlight > 0 {
		return
	}
	whole := !s.job.Plan.Open() && !s.pairing.Doubt() && s.pairing.Stops() == len(s.job.Plan.Fields) && s.pairing.Waiting() == 0
	if !whole && !w.settled {
		return
	}
	s.settleTimer.Stop()
	s.take(s.pairing.Finish())
	s.closeWafer()
	s.tryCommit(ctx)
}

// tryCommit stores the closed wafer. Until that works the tool waits: BUSY
// stays up, because a result that is not stored was never made.
func (s *Station) tryCommit(ctx context.Context) {
	err := s.commit(ctx)
	switch {
	case err == nil:
		s.release()
	case ctx.Err() != nil: // the cycle ends; stop tries once more
	default:
		s.wafer.retrying = true
		s.Alarms.Raise(alarm.CommitFailed, err.Error())
		s.Log.Error("wafer not stored", "wafer", s.wafer.record.Material.Substrate, "error", err, "retry", s.config.CommitRetry)
		s.enterWorking()
		s.commitTimer.Reset(s.config.CommitRetry)
	}
}

// commit stores the wafer and tells the observer.
func (s *Station) commit(ctx context.Context) error {
	if s.wafer == nil || !s.wafer.closed {
		return errors.New("no closed wafer")
	}
	if err := s.Store.Commit(ctx, s.wafer.record); err != nil {
		return err
	}
	s.Alarms.Clear(alarm.CommitFailed.ID)
	s.Observer.WaferClosed(s.wafer.record)
	return nil
}

// release answers the tool and forgets the wafer.
func (s *Station) release() {
	good := s.wafer.record.Summary.Verdict == wafer.Pass
	s.set(s.Lines.ResultOK, gpio.Level(good))
	s.set(s.Lines.ResultNG, gpio.Level(!good))
	s.Meter.stage(LeftToResult, s.wafer.left)
	s.Meter.stage(PulseToResult, s.wafer.lastPulse)
	s.wafer = nil
	s.setBusy(false)
	s.enterWorking()
}
