package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
	"kensa/bus/uns"
	"kensa/firmware/alarm"
	"kensa/firmware/record"
	"kensa/firmware/station"
	"kensa/vision/wafer"
)

// mes tells the host what happens, over Sparkplug B. Wafers' results come from
// the outbox; states are told as they are.
type mes struct {
	node  *sparkplug.Node
	store *record.Store
	log   *slog.Logger
	// mirror is the unified namespace; nil where switched off.
	mirror *uns.Mirror
	aside  func(error) // told why a row was set aside

	mu     sync.Mutex
	recent map[uint64]sparkplug.Report // by row, so that it need not be read again

	// The station's goroutine's own.
	lost                uint64 // fields not inspected
	equipment, previous station.Equipment

	wake   chan struct{} // holds one
	cancel context.CancelFunc
	wait   sync.WaitGroup
}

func newMES(node *sparkplug.Node, store *record.Store, aside func(error), log *slog.Logger) *mes {
	return &mes{node: node, store: store, aside: aside, log: log, recent: map[uint64]sparkplug.Report{}, wake: make(chan struct{}, 1)}
}

// Start begins to send; Close stops, and tells the host that the node is dead.
func (m *mes) Start(ctx context.Context) {
	ctx, m.cancel = context.WithCancel(ctx)
	m.node.Start(ctx)
	if m.mirror != nil {
		m.mirror.Start(ctx)
	}
	m.wait.Go(func() { m.run(ctx) })
}

func (m *mes) Close() {
	m.cancel()
	m.wait.Wait()
	m.node.Close()
	if m.mirror != nil {
		m.mirror.Close()
	}
}

// Notify says that there are new rows. It never waits.
func (m *mes) Notify() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// run sends what waits, whenever there is news, and looks by itself now and
// then: the host may have come back.
func (m *mes) run(ctx context.Context) {
	const pause = 2 * time.Second
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		if err := m.send(ctx); err != nil && !errors.Is(err, sparkplug.ErrOffline) && ctx.Err() == nil {
			m.log.Error("results not told to the host", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-m.wake:
		case <-ticker.C:
		}
	}
}

// send tells the reports that wait, in order. They leave the outbox when the
// broker has read them while the host was there.
func (m *mes) send(ctx context.Context) error {
	const batch = 16 // one question to the broker for all of them
	outbox := m.store.Outbox(record.MES)
	for m.node.Ready() {
		rows, err := outbox.Pending(ctx, 0, batch)
		if err != nil || len(rows) == 0 {
			return err
		}
		reports, unread := m.reports(ctx, rows)
		if n := len(reports); n > 0 {
			if err := m.node.Deliver(ctx, reports...); err != nil {
				return err
			}
			if err := outbox.Acknowledge(ctx, reports[n-1].Number); err != nil {
				return err
			}
		}
		if unread != nil {
			if err := m.setAside(ctx, rows[len(reports)].Seq, unread); err != nil {
				return err
			}
		} else if len(rows) < batch {
			return nil // what came meanwhile has woken run
		}
	}
	return nil
}

// reports reads rows up to the first that cannot be read, and says why not.
func (m *mes) reports(ctx context.Context, rows []record.Message) ([]sparkplug.Numbered, error) {
	reports := make([]sparkplug.Numbered, 0, len(rows))
	for _, row := range rows {
		report, err := m.report(ctx, row)
		if err != nil {
			return reports, fmt.Errorf("outbox row %d: %w", row.Seq, err)
		}
		reports = append(reports, sparkplug.Numbered{Number: row.Seq, Report: report})
	}
	return reports, nil
}

// errUnreadable means that a row's content says nothing, and will say no more
// when it is read again.
var errUnreadable = errors.New("unreadable")

// setAside lets those behind a row pass that can never be told. What may yet
// succeed is returned, to be tried again.
func (m *mes) setAside(ctx context.Context, seq uint64, why error) error {
	if !errors.Is(why, errUnreadable) && !errors.Is(why, record.ErrNotFound) {
		return why
	}
	if err := m.store.Outbox(record.MES).SetAside(ctx, seq); err != nil {
		return errors.Join(why, err)
	}
	m.aside(why)
	return nil
}

// maxRecent is how many reports are remembered until they are told; in the ordinary
// course that is one.
const maxRecent = 4

func (m *mes) remember(seq uint64, r sparkplug.Report) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.recent) >= maxRecent {
		clear(m.recent)
	}
	m.recent[seq] = r
}

// recall is the report of a row, if it is remembered; and forgets it.
func (m *mes) recall(seq uint64) sparkplug.Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.recent[seq]
	delete(m.recent, seq)
	return r
}

func (m *mes) report(ctx context.Context, row record.Message) (sparkplug.Report, error) {
	if r := m.recall(row.Seq); r != nil {
		return r, nil
	}
	r, err := m.read(ctx, row)
	if err != nil {
		return nil, err
	}
	p, err := sparkplug.Prepare(r)
	if err != nil { // what the node refuses it will refuse again
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return p, nil
}

func (m *mes) read(ctx context.Context, row record.Message) (sparkplug.Report, error) {
	var a announcement
	if err := json.Unmarshal(row.Payload, &a); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	if a.Alarm != nil {
		return *a.Alarm, nil
	}
	w, err := m.store.Wafer(ctx, a.Wafer)
	if err != nil {
		return nil, fmt.Errorf("wafer %d: %w", a.Wafer, err)
	}
	return hostWafer(w), nil
}

// restore makes the node know what the run before left: the last number and
// result, and the last answer to a command.
func (m *mes) restore(ctx context.Context) error {
	numbers, err := m.store.Numbering(ctx, record.MES)
	if err != nil {
		return err
	}
	m.node.Reached(numbers.Last)
	last, err := m.store.Wafers(ctx, record.Filter{Limit: 1})
	if err != nil {
		return err
	}
	if len(last) > 0 {
		w, err := m.store.Wafer(ctx, last[0].ID)
		if err != nil {
			return err
		}
		m.current(0, hostWafer(w))
	}
	c, found, err := m.store.LastCommand(ctx)
	if err == nil && found {
		m.node.Answer(answerOf(c))
	}
	return err
}

// current makes a report's values those that births have.
func (m *mes) current(seq uint64, r sparkplug.Report) {
	p, err := sparkplug.Prepare(r)
	if err == nil {
		err = m.node.Current(sparkplug.Numbered{Number: seq, Report: p})
	}
	if err != nil {
		m.log.Error("report not for the host", "error", err)
		return
	}
	if seq > 0 {
		m.remember(seq, p)
	}
	if m.mirror != nil {
		m.mirror.Update(p.Values, p.Time)
	}
}

func hostWafer(w *record.Wafer) sparkplug.Wafer {
	h := sparkplug.Wafer{
		Number: w.ID, Carrier: w.Material.Carrier, Lot: w.Material.Lot, Substrate: w.Material.Substrate, Slot: w.Material.Slot,
		Recipe: w.Recipe, RecipeVersion: w.RecipeVersion, Calibration: w.Calibration, Finished: w.Finished,
		Dies: w.Summary.Dies, Inspected: w.Summary.Inspected, Good: w.Summary.Good, Defects: w.Summary.Defects,
		Yield: float64(w.Summary.Yield()), DefectDensity: float64(w.Summary.Density()), Verdict: string(w.Summary.Verdict),
		Notch: string(w.Layout.Notch),
	}
	h.Classes, h.Map = hostClasses(w), make([]sparkplug.Die, 0, len(w.Dies))
	for _, d := range w.Dies {
		h.Map = append(h.Map, sparkplug.Die{Column: d.Index.Column, Row: d.Index.Row, Bin: int(d.Bin)})
	}
	return h
}

// hostClasses counts defects by class, in the order of the classes' names.
func hostClasses(w *record.Wafer) []sparkplug.DefectClass {
	counts := map[string]int{}
	for _, d := range w.Defects {
		counts[string(d.Class)]++
	}
	var classes []sparkplug.DefectClass
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		c := sparkplug.DefectClass{Name: name, Defects: counts[name]}
		if w.Summary.Area > 0 {
			c.Density = float64(c.Defects) / w.Summary.Area
		}
		classes = append(classes, c)
	}
	return classes
}

// update tells values, and logs one that the node refuses: that is a mistake of
// this program.
func (m *mes) update(values map[string]payload.Value) {
	if err := m.node.Update(values); err != nil {
		m.log.Error("value not told to the host", "error", err)
		return
	}
	if m.mirror != nil {
		m.mirror.Update(values, time.Now())
	}
}

// StateChanged implements station.Observer.
func (m *mes) StateChanged(s station.State) {
	if s.Equipment != m.equipment {
		m.previous, m.equipment = m.equipment, s.Equipment
	}
	job := "WAITING_FOR_START"
	switch {
	case s.Equipment == station.Productive:
		job = "PROCESSING"
	case s.Paused:
		job = "PAUSED"
	}
	m.update(map[string]payload.Value{
		sparkplug.EquipmentState:    payload.String(string(s.Equipment)),
		sparkplug.EquipmentReason:   payload.String(s.Reason),
		sparkplug.EquipmentPrevious: payload.String(string(m.previous)),
		sparkplug.EquipmentSince:    payload.DateTime(s.Since),
		sparkplug.JobState:          payload.String(job),
	})
}

// WaferStarted implements station.Observer.
func (m *mes) WaferStarted(w *record.Wafer) {
	m.update(map[string]payload.Value{
		sparkplug.JobLot:            payload.String(w.Material.Lot),
		sparkplug.JobRecipe:         payload.String(w.Recipe),
		sparkplug.JobRecipeVersion:  payload.String(w.RecipeVersion),
		sparkplug.MaterialCarrier:   payload.String(w.Material.Carrier),
		sparkplug.MaterialLot:       payload.String(w.Material.Lot),
		sparkplug.MaterialSubstrate: payload.String(w.Material.Substrate),
		sparkplug.MaterialSlot:      payload.UInt32(uint32(max(w.Material.Slot, 0))),
		sparkplug.MaterialState:     payload.String("IN_PROCESS"),
	})
}

// FieldDone implements station.Observer. The host gets whole wafers; of fields it
// hears when one was lost.
func (m *mes) FieldDone(_ *record.Wafer, f station.Field) {
	if f.Inspected {
		return
	}
	m.lost++
	m.update(map[string]payload.Value{sparkplug.HealthFrames: payload.UInt64(m.lost)})
}

// WaferClosed implements station.Observer; the outbox has the wafer's result.
func (m *mes) WaferClosed(w *record.Wafer) {
	state := "PROCESSED"
	if w.Summary.Verdict == wafer.Incomplete {
		state = "STOPPED"
	}
	m.update(map[string]payload.Value{sparkplug.MaterialState: payload.String(state)})
}

// hostAlarm is the setting or clearing of an alarm in the host's terms.
func hostAlarm(a alarm.Alarm, active int) sparkplug.Alarm {
	at := a.Latest
	if !a.Cleared.IsZero() {
		at = a.Cleared
	}
	return sparkplug.Alarm{ID: int(a.ID), Text: a.Text, Category: int(a.Category), Set: a.Cleared.IsZero(), Time: at, Active: active}
}
