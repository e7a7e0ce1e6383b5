package record

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"kensa/firmware/alarm"
	"kensa/vision/wafer"
)

// asRead is a wafer as a reader gives it back: without images.
func asRead(w *Wafer) *Wafer {
	c := *w
	c.Defects = nil
	for _, d := range w.Defects {
		d.HasImage, d.Image = len(d.Image) > 0, nil
		c.Defects = append(c.Defects, d)
	}
	return &c
}

func TestWaferComesBackWhole(t *testing.T) {
	s := open(t)
	w := sample(1, 220, 60, 20)
	w.Dies[3] = Die{Index: w.Dies[3].Index, Bin: wafer.NotInspected, Reason: "frame missing"}
	w.Summary.Inspected, w.Summary.Good, w.Summary.Verdict = 219, 219, wafer.Incomplete
	w.Alarms = []alarm.Alarm{raised(alarm.MissedPulse, start), raised(alarm.LightDrift, start.Add(time.Second))}
	commit(t, s, w, both)
	if w.ID != 1 || w.Run != 1 {
		t.Errorf("ID %d, run %d", w.ID, w.Run)
	}
	got, err := s.Wafer(ctx, w.ID)
	if err != nil {
		t.Fatal(err)
	}
	if want := asRead(w); !reflect.DeepEqual(got, want) {
		t.Errorf("read   %+v\nstored %+v", got, want)
	}
	for _, d := range w.Defects {
		png, err := s.Image(ctx, w.ID, d.Number)
		if len(d.Image) == 0 {
			wantError(t, err, ErrNotFound)
		} else if err != nil || !reflect.DeepEqual(png, d.Image) {
			t.Errorf("image %d: %d bytes, %v", d.Number, len(png), err)
		}
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

func TestEmptyWaferComesBack(t *testing.T) {
	s := open(t)
	w := sample(1, 1, 0, 0)
	w.Dies, w.BinNames = nil, nil
	w.Summary = wafer.Summary{Verdict: wafer.Incomplete}
	w.Layout = wafer.Layout{Kind: wafer.Sequence, PixelSize: 1}
	commit(t, s, w, nil)
	got, err := s.Latest(ctx)
	if err != nil || !reflect.DeepEqual(got, w) {
		t.Errorf("read %+v, %v\nstored %+v", got, err, w)
	}
}

// TestFailedCommitLeavesNothing fails a commit at each of its late points and
// looks for traces, in the store and in the caller's wafer.
func TestFailedCommitLeavesNothing(t *testing.T) {
	s := open(t)
	broken := errors.New("no key to sign with")
	for name, publish := range map[string]func(*Tx) error{
		"error": func(*Tx) error { return broken },
		"error after publishing": func(x *Tx) error {
			if err := errors.Join(both(x), x.SetValue("baseline", []byte("1"))); err != nil {
				t.Error(err)
			}
			return broken
		},
		"unknown plane":     func(x *Tx) error { return put(x, "telex", nil) },
		"epoch overwritten": func(x *Tx) error { return x.SetValue(epochValue, []byte("mine")) },
	} {
		w := sample(1, 20, 5, 5)
		w.Alarms = []alarm.Alarm{raised(alarm.LowYield, start)}
		before := *w
		err := s.Commit(ctx, w, publish)
		if err == nil || strings.HasPrefix(name, "error") && !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(*w, before) {
			t.Errorf("%s: the caller's wafer changed", name)
		}
		assertEmpty(t, s)
	}
}

func TestPanickingCallbackLeavesNothing(t *testing.T) {
	s := open(t)
	func() {
		defer func() { _ = recover() }()
		_ = s.Commit(ctx, sample(1, 5, 1, 1), func(*Tx) error { panic("a bug") })
	}()
	assertEmpty(t, s)
	commit(t, s, sample(1, 5, 1, 1), both) // and the store still works
}

func assertEmpty(t *testing.T, s *Store) {
	t.Helper()
	for _, table := range []string{"wafer", "die", "defect", "image", "alarm", "wafer_alarm", "outbox", "value"} {
		var rows int
		if err := s.db.QueryRow(`SELECT count(*) FROM ` + table).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if table == "value" {
			rows-- // the epoch
		}
		if rows != 0 {
			t.Errorf("%s has %d rows", table, rows)
		}
	}
	if n, err := s.Numbering(ctx, Ledger); err != nil || n.Last != 0 {
		t.Errorf("numbering %+v, %v", n, err)
	}
}

func TestRepeatedCommitIsStoredOnce(t *testing.T) {
	s := open(t)
	first, again := sample(1, 5, 1, 1), sample(1, 5, 1, 1)
	commit(t, s, first, both)
	commit(t, s, again, func(*Tx) error { return errors.New("published twice") })
	if again.ID != first.ID || again.Run != first.Run {
		t.Errorf("first %d run %d, again %d run %d", first.ID, first.Run, again.ID, again.Run)
	}
	if n, err := s.Numbering(ctx, Ledger); err != nil || n.Last != 1 {
		t.Errorf("numbering %+v, %v", n, err)
	}
}

func TestReinspectionIsANewRun(t *testing.T) {
	s := open(t)
	var last *Wafer
	for n := range 3 {
		w := sample(1, 5, n, 0)
		w.Started, w.Finished = w.Started.Add(time.Duration(n)*time.Hour), w.Finished.Add(time.Duration(n)*time.Hour)
		w.Material.Lot, w.Material.Slot = "LOT-2", n+1 // a substrate keeps its name in another place
		commit(t, s, w, nil)
		last = w
	}
	commit(t, s, sample(2, 5, 0, 0), nil)
	got, err := s.BySubstrate(ctx, "W001")
	if err != nil || got.ID != last.ID || got.Run != 3 || len(got.Defects) != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestNamelessWafersAreCountedByTheirPlace(t *testing.T) {
	s := open(t)
	var runs []int
	for n, slot := range []int{1, 2, 1} {
		w := sample(n, 3, 0, 0)
		w.Material.Substrate, w.Material.Slot = "", slot
		commit(t, s, w, nil)
		runs = append(runs, w.Run)
	}
	if want := []int{1, 1, 2}; !reflect.DeepEqual(runs, want) {
		t.Errorf("runs %v; want %v", runs, want)
	}
	if _, err := s.BySubstrate(ctx, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("a wafer without a name was found by none: %v", err)
	}
}

func TestCommitRefusesWhatContradictsItself(t *testing.T) {
	s := open(t)
	for want, spoil := range map[string]func(*Wafer){
		"started 0001":            func(w *Wafer) { w.Started = time.Time{} },
		"area: NaN":               func(w *Wafer) { w.Summary.Area = math.NaN() },
		"die (0, 0) is there":     func(w *Wafer) { w.Dies[1].Index = w.Dies[0].Index },
		"summary of 5 dies":       func(w *Wafer) { w.Dies = w.Dies[:4] },
		"5 inspected":             func(w *Wafer) { w.Dies[0].Bin = wafer.NotInspected },
		"never good":              func(w *Wafer) { w.Dies[0].Bin, w.Summary.Inspected = wafer.NotInspected, 4 },
		"defect 2 has number 1":   func(w *Wafer) { w.Defects[1].Number = 1 },
		"die (99, 0) is not":      func(w *Wafer) { w.Defects[1].Die.Column = 99 },
		"want finite numbers":     func(w *Wafer) { w.Defects[0].CX = math.Inf(1) },
		"length: +Inf is not a":   func(w *Wafer) { *(*float64)(&w.Layout.PitchX) = math.Inf(1) },
		"alarm 101: set: no time": func(w *Wafer) { w.Alarms = []alarm.Alarm{{Kind: alarm.MissedPulse}} },
	} {
		w := sample(1, 5, 2, 0)
		spoil(w)
		if err := s.Commit(ctx, w, both); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want %q", err, want)
		}
	}
	assertEmpty(t, s)
}

func TestStoredValuesGoWithTheWafer(t *testing.T) {
	s := open(t)
	for n := range 3 {
		commit(t, s, sample(n, 3, 0, 0), func(x *Tx) error {
			before, err := x.Value("baseline")
			if err != nil {
				return err
			}
			if x.Wafer().ID != int64(n+1) || len(before) != n || (before == nil) != (n == 0) {
				t.Errorf("wafer %d sees baseline %q", x.Wafer().ID, before)
			}
			return x.SetValue("baseline", append(before, 'x'))
		})
	}
	if v, err := s.Value(ctx, "baseline"); err != nil || string(v) != "xxx" {
		t.Errorf("baseline %q, %v", v, err)
	}
}
