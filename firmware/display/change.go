package display

import (
	"fmt"
	"slices"
	"time"

	"kensa/firmware/alarm"
	"kensa/vision/wafer"
)

// Change is something that happened on the appliance. The page applies each
// change to its own copy of the State just as the Board does; testdata/replay.json
// holds the two equal.
type Change interface {
	// name is the event's name on the wire.
	name() string
	apply(*State) error
}

// StatusChanged replaces the status.
type StatusChanged struct{ Status }

// ConnectionChanged replaces the connection of the same name, or adds it.
type ConnectionChanged struct{ Connection }

// AlarmSet sets an alarm, or replaces the one with its ALID, as when it was
// acknowledged.
type AlarmSet struct{ Alarm }

// AlarmCleared takes an alarm away.
type AlarmCleared struct {
	ALID alarm.ID `json:"alid"`
}

// WaferStarted puts a wafer on the chuck. Of the Run, the counts, bins and
// defects may be left zero. The Legend should name every bin of the recipe.
type WaferStarted struct{ Run }

// DieResult is a die's verdict.
type DieResult struct {
	Die    int       `json:"die"` // its place in the plan's dies; in an open plan its number from 0
	Bin    wafer.Bin `json:"bin"`
	Reason string    `json:"reason"` // why it was not inspected
}

// FieldDone tells of a field that was inspected, or lost with its dies'
// bins all 0.
type FieldDone struct {
	Field     int           `json:"field"`
	Inspected bool          `json:"inspected"`
	Duration  time.Duration `json:"-"` // of the inspection, for the metrics
	// Turn of the field against the layout, degrees, and how much larger it is, for
	// the metrics.
	Turn    float64     `json:"-"`
	Scale   float64     `json:"-"`
	Dies    []DieResult `json:"dies"`
	Defects []Defect    `json:"defects"`
}

// WaferFinished closes the wafer on the chuck after it was recorded. Dies that
// no field came to count as not inspected.
type WaferFinished struct{ WaferSummary }

func (StatusChanged) name() string     { return "status" }
func (ConnectionChanged) name() string { return "connection" }
func (AlarmSet) name() string          { return "alarm" }
func (AlarmCleared) name() string      { return "alarm-cleared" }
func (WaferStarted) name() string      { return "wafer-started" }
func (FieldDone) name() string         { return "field" }
func (WaferFinished) name() string     { return "wafer-finished" }

func (c StatusChanged) apply(s *State) error {
	s.Status = c.Status
	return nil
}

func (c ConnectionChanged) apply(s *State) error {
	at := slices.IndexFunc(s.Connections, func(o Connection) bool { return o.Name == c.Name })
	if at < 0 {
		s.Connections = append(s.Connections, c.Connection)
	} else {
		s.Connections[at] = c.Connection
	}
	return nil
}

func (c AlarmSet) apply(s *State) error {
	at := slices.IndexFunc(s.Alarms, func(o Alarm) bool { return o.ALID == c.ALID })
	if at < 0 {
		s.Alarms = slices.Insert(s.Alarms, 0, c.Alarm)
	} else {
		s.Alarms[at] = c.Alarm
	}
	return nil
}

func (c AlarmCleared) apply(s *State) error {
	s.Alarms = slices.DeleteFunc(s.Alarms, func(o Alarm) bool { return o.ALID == int(c.ALID) })
	return nil
}

func (c WaferStarted) apply(s *State) error {
	r := c.Run
	s.Run = &r
	return nil
}

func (c FieldDone) apply(s *State) error {
	r := s.Run
	if r == nil || r.Wafer != 0 {
		return fmt.Errorf("display: field %d done, but no wafer is on the chuck", c.Field)
	}
	if err := r.grow(c.Dies); err != nil {
		return fmt.Errorf("display: field %d: %w", c.Field, err)
	}
	for _, d := range c.Dies {
		r.DieMap.set(d)
	}
	r.Defects = append(r.Defects, c.Defects...)
	r.Defects = slices.Delete(r.Defects, 0, max(0, len(r.Defects)-MaxDefects))
	r.DefectsTotal += len(c.Defects)
	r.FieldsDone++
	if !c.Inspected {
		r.FieldsLost++
	}
	r.Field = c.Field + 1
	return nil
}

func (c WaferFinished) apply(s *State) error {
	s.Finished = slices.Insert(s.Finished, 0, c.WaferSummary)
	s.Finished = s.Finished[:min(len(s.Finished), MaxFinished)]
	if r := s.Run; r != nil && r.Wafer == 0 {
		r.Wafer, r.Field = c.ID, -1
		for n, b := range r.Bins {
			if b == Pending {
				r.DieMap.set(DieResult{Die: n, Bin: wafer.NotInspected})
			}
		}
	}
	return nil
}

// maxDies bounds an open plan, as a layout's own limit bounds a grid.
const maxDies = 200_000

// grow makes room for the dies of an open plan, and refuses dies that a grid
// does not have.
func (m *DieMap) grow(dies []DieResult) error {
	limit := len(m.Bins)
	if m.Geometry.Kind == wafer.Sequence {
		limit = maxDies
	}
	last := -1
	for _, d := range dies {
		if d.Die < 0 || d.Die >= limit {
			return fmt.Errorf("die %d; want 0 to %d", d.Die, limit-1)
		}
		last = max(last, d.Die)
	}
	for n := len(m.Bins); n <= last; n++ {
		m.Bins = append(m.Bins, Pending)
		m.Geometry.Dies = append(m.Geometry.Dies, [2]int{n, 0})
	}
	return nil
}

// set gives a die its bin and keeps the legend's counts right.
func (m *DieMap) set(d DieResult) {
	if d.Reason != "" {
		m.Reasons[d.Die] = d.Reason
	}
	if old := m.Bins[d.Die]; old != Pending {
		m.count(old, -1)
	}
	m.Bins[d.Die] = d.Bin
	m.count(d.Bin, 1)
}

func (m *DieMap) count(b wafer.Bin, by int) {
	for n := range m.Legend {
		if m.Legend[n].Bin == b {
			m.Legend[n].Count += by
			return
		}
	}
	m.Legend = append(m.Legend, BinCount{Bin: b, Count: by})
}
