package appliance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"kensa/firmware/alarm"
	"kensa/firmware/display"
	"kensa/firmware/record"
	"kensa/firmware/station"
	"kensa/vision/wafer"
)

// screen keeps the operator display's board as the station goes on.
type screen struct {
	board *display.Board
	plan  *wafer.Plan
	log   *slog.Logger

	mu     sync.Mutex
	status display.Status
}

func (s *screen) apply(c display.Change) {
	if err := s.board.Apply(c); err != nil {
		s.log.Error("display not told", "error", err)
	}
}

// change edits the status and shows it.
func (s *screen) change(edit func(*display.Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(&s.status)
	s.apply(display.StatusChanged{Status: s.status})
}

// equipment are E10's states in the display's terms.
var equipment = map[station.Equipment]display.EquipmentState{
	station.Productive: display.Productive, station.Standby: display.Standby, station.Engineering: display.Engineering,
	station.ScheduledDown: display.ScheduledDowntime, station.UnscheduledDown: display.UnscheduledDowntime,
	station.NonScheduled: display.NonScheduled,
}

// StateChanged implements station.Observer.
func (s *screen) StateChanged(state station.State) {
	s.change(func(status *display.Status) {
		status.Equipment = equipment[state.Equipment]
		status.Ready, status.Busy, status.Paused = state.Ready, state.Busy, state.Paused
	})
	link := display.Down
	if state.Camera {
		link = display.Up
	}
	s.apply(display.ConnectionChanged{Connection: display.Connection{Name: display.Camera, Link: link, Since: state.CameraSince}})
}

// WaferStarted implements station.Observer.
func (s *screen) WaferStarted(w *record.Wafer) {
	s.change(func(status *display.Status) {
		status.Carrier, status.Lot = w.Material.Carrier, w.Material.Lot
		status.Slot, status.Substrate = w.Material.Slot, w.Material.Substrate
	})
	run := display.Run{
		Lot: w.Material.Lot, Slot: w.Material.Slot, Substrate: w.Material.Substrate,
		Started: w.Started, Fields: w.Fields,
	}
	s.mu.Lock()
	run.Geometry = display.GeometryOf(s.plan)
	s.mu.Unlock()
	run.Legend = legend(w.BinNames)
	s.apply(display.WaferStarted{Run: run})
}

// FieldDone implements station.Observer.
func (s *screen) FieldDone(w *record.Wafer, f station.Field) {
	done := display.FieldDone{Field: f.Number, Inspected: f.Inspected, Duration: f.Took,
		Turn: f.Turn.Angle.Degrees(), Scale: f.Turn.Scale}
	for _, d := range f.Dies {
		done.Dies = append(done.Dies, display.DieResult{Die: d.Place, Bin: d.Bin, Reason: d.Reason})
	}
	for _, d := range f.Defects {
		done.Defects = append(done.Defects, shown(d))
	}
	s.apply(done)
}

// WaferClosed implements station.Observer.
func (s *screen) WaferClosed(w *record.Wafer) {
	s.apply(display.WaferFinished{WaferSummary: summary(w)})
}

// climate shows the surroundings, where they are not shown so already.
func (s *screen) climate(now display.Climate) {
	s.mu.Lock()
	same := s.status.Climate != nil && s.status.Climate.Equal(now)
	s.mu.Unlock()
	if !same {
		s.change(func(status *display.Status) { status.Climate = &now })
	}
}

func (s *screen) alarm(a alarm.Alarm) {
	if a.Cleared.IsZero() {
		s.apply(display.AlarmSet{Alarm: display.AlarmOf(a)})
		return
	}
	s.apply(display.AlarmCleared{ALID: a.ID})
}

// commanded shows what the host ordered last.
func (s *screen) commanded(c record.Command) {
	s.change(func(status *display.Status) {
		status.Commanded = &display.HostCommand{Name: c.Name, Host: c.Host, Detail: c.Detail, Code: c.Code, Reason: c.Reason, Time: c.Answered}
	})
}

func legend(names map[wafer.Bin]string) []display.BinCount {
	var all []display.BinCount
	for _, bin := range slices.Sorted(maps.Keys(names)) {
		all = append(all, display.BinCount{Bin: bin, Name: names[bin]})
	}
	return all
}

// shown is a defect as the display has it.
func shown(d record.Defect) display.Defect {
	return display.Defect{
		Number: d.Number, Class: string(d.Class), Column: d.Die.Column, Row: d.Die.Row, Field: d.Field,
		X: d.X.Micrometres(), Y: d.Y.Micrometres(), Width: d.SizeX.Micrometres(), Height: d.SizeY.Micrometres(),
		Size: d.Size.Micrometres(), SizeUncertainty: d.SizeUncertainty.Micrometres(),
		Contrast: display.Number(d.Contrast), Confidence: display.Number(d.Confidence), Polarity: string(d.Polarity),
		HasImage: d.HasImage || d.Image != nil, PNG: d.Image,
	}
}

func summary(w *record.Wafer) display.WaferSummary {
	return display.WaferSummary{
		ID: w.ID, Carrier: w.Material.Carrier, Lot: w.Material.Lot, Slot: w.Material.Slot, Substrate: w.Material.Substrate,
		Recipe: w.Recipe, RecipeVersion: w.RecipeVersion, Started: w.Started, Finished: w.Finished,
		Dies: w.Summary.Dies, Inspected: w.Summary.Inspected, Good: w.Summary.Good,
		Yield: display.Number(w.Summary.Yield()), Coverage: display.Number(w.Summary.Coverage()),
		Defects: w.Summary.Defects, Density: display.Number(w.Summary.Density()), Verdict: w.Summary.Verdict,
	}
}

// archive reads recorded wafers for the display.
type archive struct{ reader *record.Reader }

// Wafers implements display.Archive.
func (a archive) Wafers(ctx context.Context, limit int) ([]display.WaferSummary, error) {
	wafers, err := a.reader.Wafers(ctx, record.Filter{Limit: limit})
	all := make([]display.WaferSummary, len(wafers))
	for n := range wafers {
		all[n] = summary(&wafers[n])
	}
	return all, err
}

// Wafer implements display.Archive.
func (a archive) Wafer(ctx context.Context, id int64) (display.Wafer, error) {
	w, err := a.reader.Wafer(ctx, id)
	if err != nil {
		return display.Wafer{}, translate(err)
	}
	shownWafer := display.Wafer{Summary: summary(w)}
	m := &shownWafer.DieMap
	m.Legend, m.Reasons, m.Bins = legend(w.BinNames), map[int]string{}, bins(w.Dies)
	indices := make([]wafer.DieIndex, len(w.Dies))
	for n, d := range w.Dies {
		indices[n] = d.Index
		if d.Reason != "" {
			m.Reasons[n] = d.Reason
		}
		for l := range m.Legend {
			if m.Legend[l].Bin == d.Bin {
				m.Legend[l].Count++
			}
		}
	}
	m.Geometry = display.GeometryOfDies(w.Layout, indices)
	m.DefectsTotal = len(w.Defects)
	for _, d := range w.Defects[max(0, len(w.Defects)-display.MaxDefects):] {
		m.Defects = append(m.Defects, shown(d))
	}
	return shownWafer, nil
}

// Image implements display.Archive.
func (a archive) Image(ctx context.Context, wafer int64, defect int) ([]byte, error) {
	png, err := a.reader.Image(ctx, wafer, defect)
	return png, translate(err)
}

// translate says "not found" in the display's words.
func translate(err error) error {
	if errors.Is(err, record.ErrNotFound) {
		return errors.Join(display.ErrNotFound, err)
	}
	return err
}

// operator carries out what the operator asks for on the display.
type operator struct {
	station *station.Station
	alarms  *alarm.Set
	screen  *screen
	control *control
	store   *record.Store
	log     *slog.Logger
}

// Acknowledge implements display.Commands. An alarm that told of an event goes
// with the acknowledgement; one that tells of a condition stays until that ends.
func (o operator) Acknowledge(ctx context.Context, id alarm.ID, name string) error {
	if _, err := o.alarms.Acknowledge(id, name); err != nil {
		if errors.Is(err, alarm.ErrNotSet) {
			return errors.Join(display.ErrNotFound, err)
		}
		return err
	}
	if alarm.Momentary(id) {
		o.alarms.Clear(id)
	}
	return o.audit(ctx, name, "ACK-ALARM", fmt.Sprintf("alid=%d", id), nil)
}

// SetRemote implements display.Commands.
func (o operator) SetRemote(ctx context.Context, remote bool, name string) error {
	o.command("control", name)
	return o.control.setRemote(ctx, remote, name)
}

// audit writes down what an operator ordered; err is how it ended.
func (o operator) audit(ctx context.Context, name, what, detail string, err error) error {
	e := record.Entry{Time: time.Now().UTC(), Origin: record.ByOperator, Who: name, What: what, Detail: detail, Result: "done"}
	if err != nil {
		e.Result = err.Error()
	}
	if writing := o.store.Audit(ctx, e); writing != nil {
		o.log.Error("not written down", "what", what, "operator", name, "error", writing)
		o.alarms.Raise(alarm.CommandUnwritten, fmt.Sprintf("%s by %s: %v", what, name, writing))
	}
	return err
}

// Pause implements display.Commands.
func (o operator) Pause(ctx context.Context, name string) error {
	o.command("pause", name)
	return o.audit(ctx, name, "PAUSE", "", refused(o.station.Pause(ctx)))
}

// Resume implements display.Commands.
func (o operator) Resume(ctx context.Context, name string) error {
	o.command("resume", name)
	return o.audit(ctx, name, "RESUME", "", refused(o.station.Resume(ctx)))
}

// OpticsCleaned implements display.Commands.
func (o operator) OpticsCleaned(ctx context.Context, name string) error {
	o.command("optics cleaned", name)
	return o.audit(ctx, name, "OPTICS-CLEANED", "", refused(o.station.OpticsCleaned(ctx)))
}

// refused says in the display's words that the station does not run.
func refused(err error) error {
	if errors.Is(err, station.ErrStopped) {
		return errors.Join(display.ErrRefused, err)
	}
	return err
}

func (o operator) command(what, name string) {
	o.log.Info(what, "operator", name)
	if name = strings.TrimSpace(name); name != "" {
		o.screen.change(func(s *display.Status) { s.Operator = name })
	}
}
