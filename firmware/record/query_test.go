package record

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"kensa/firmware/alarm"
	"kensa/vision/wafer"
)

// threeLots stores wafers 0 to 8, three to a lot, and wafer 4 once more.
func threeLots(t *testing.T) *Store {
	t.Helper()
	s := open(t)
	for n := range 9 {
		w := sample(n, 10, n, 0)
		w.Material.Lot, w.Material.Slot = fmt.Sprintf("LOT/%d", n/3), n%3+1
		commit(t, s, w, nil)
	}
	again := sample(4, 10, 1, 0)
	again.Material.Lot, again.Material.Slot = "LOT/1", 2
	again.Started, again.Finished = start.Add(time.Hour), start.Add(2*time.Hour)
	again.Dies[0].Bin, again.Summary.Inspected, again.Summary.Good, again.Summary.Verdict = wafer.NotInspected, 9, 9, wafer.Incomplete
	commit(t, s, again, nil)
	return s
}

func TestWafersArePagedFromTheLatest(t *testing.T) {
	s := threeLots(t)
	for _, c := range []struct {
		filter Filter
		want   []int64
	}{
		{Filter{}, []int64{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
		{Filter{Limit: 3}, []int64{10, 9, 8}},
		{Filter{Limit: 3, Before: 8}, []int64{7, 6, 5}},
		{Filter{Limit: 3, Before: 2}, []int64{1}},
		{Filter{Before: 1}, nil},
		{Filter{Lot: "LOT/1"}, []int64{10, 6, 5, 4}},
		{Filter{Lot: "LOT/1", Before: 6, Limit: 1}, []int64{5}},
		{Filter{Substrate: "W004"}, []int64{10, 5}},
		{Filter{Lot: "LOT/2", Substrate: "W004"}, nil},
		{Filter{Lot: "' OR 1=1 --"}, nil},
	} {
		list, err := s.Wafers(ctx, c.filter)
		var ids []int64
		for _, w := range list {
			ids = append(ids, w.ID)
			if w.Dies != nil || w.Defects != nil || w.Summary.Dies != 10 {
				t.Errorf("head %+v", w)
			}
		}
		if err != nil || !reflect.DeepEqual(ids, c.want) {
			t.Errorf("%+v: %v, %v; want %v", c.filter, ids, err, c.want)
		}
	}
}

func TestFindTakesWhatAPersonWouldType(t *testing.T) {
	s := threeLots(t)
	named := sample(20, 1, 0, 0)
	named.Material.Substrate = "7" // a substrate's name goes before an ID
	commit(t, s, named, nil)
	for text, want := range map[string]int64{
		"W003": 4, "W004": 10, "#4": 4, "4": 4, "7": 11, "#7": 7, "latest": 11, "LOT/1/2": 10, "LOT/0/3": 3,
	} {
		if w, err := s.Find(ctx, text); err != nil || w.ID != want {
			t.Errorf("%q found %+v, %v; want %d", text, w, err, want)
		}
	}
	for _, text := range []string{"", "W099", "#99", "-1", "#", "/", "LOT/1/9", "LOT/1/x", "latest "} {
		_, err := s.Find(ctx, text)
		wantError(t, err, ErrNotFound)
	}
}

func TestNothingIsFoundInAnEmptyStore(t *testing.T) {
	s := open(t)
	_, err := s.Latest(ctx)
	wantError(t, err, ErrNotFound)
	_, err = s.Image(ctx, 1, 1)
	wantError(t, err, ErrNotFound)
	if lots, err := s.Lots(ctx, 0); err != nil || len(lots) != 0 {
		t.Errorf("lots %v, %v", lots, err)
	}
}

func TestLotsCountEachWafersLatestInspection(t *testing.T) {
	s := threeLots(t)
	lots, err := s.Lots(ctx, 2)
	if err != nil || len(lots) != 2 {
		t.Fatalf("lots %+v, %v", lots, err)
	}
	want := Lot{Name: "LOT/1", Wafers: 3, Complete: 2, Dies: 30, Inspected: 29, Good: 29, Defects: 3 + 1 + 5,
		Started: start.Add(3 * time.Minute), Finished: start.Add(2 * time.Hour)}
	if lots[0] != want {
		t.Errorf("lot %+v; want %+v", lots[0], want)
	}
	if y := lots[0].Yield(); y != 1 {
		t.Errorf("yield %v", y)
	}
	if lots[1].Name != "LOT/2" || lots[1].Complete != 3 {
		t.Errorf("second lot %+v", lots[1])
	}
}

func TestAlarmHistory(t *testing.T) {
	s := open(t)
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
	save := func(a alarm.Alarm) {
		t.Helper()
		if err := s.SaveAlarm(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	first := raised(alarm.MissedPulse, at(1))
	snapshot := first // as a wafer saw it
	save(first)
	first.Count, first.Latest, first.Detail = 4, at(3), "field 9"
	first.Cleared = at(5)
	save(first)
	save(raised(alarm.MissedPulse, at(7)))
	save(raised(alarm.CameraGone, at(8)))

	w := sample(1, 3, 0, 0)
	w.Alarms = []alarm.Alarm{snapshot} // older news takes nothing back
	commit(t, s, w, nil)
	if err := s.AckAlarm(ctx, alarm.MissedPulse.ID, at(1), " ana ", at(9)); err != nil {
		t.Fatal(err)
	}
	if err := s.AckAlarm(ctx, alarm.MissedPulse.ID, at(1), "ben", at(10)); err != nil {
		t.Fatal(err)
	}
	first.AckBy, first.Acked = "ana", at(9)

	list, err := s.Alarms(ctx, time.Time{}, 0)
	if err != nil || len(list) != 3 || list[0].ID != alarm.CameraGone.ID || list[2] != first {
		t.Errorf("history %+v, %v\nwant last %+v", list, err, first)
	}
	if list, err := s.Alarms(ctx, at(7), 1); err != nil || len(list) != 1 || list[0].ID != alarm.CameraGone.ID {
		t.Errorf("since 7, one: %+v, %v", list, err)
	}
	first.Detail, first.Count = snapshot.Detail, snapshot.Count // what it meant to this wafer
	if got, err := s.Wafer(ctx, w.ID); err != nil || len(got.Alarms) != 1 || got.Alarms[0] != first {
		t.Errorf("the wafer's alarms %+v, %v", got, err)
	}
	wantError(t, s.AckAlarm(ctx, alarm.MissedPulse.ID, at(2), "ana", at(9)), ErrNotFound)
	wantError(t, s.AckAlarm(ctx, alarm.MissedPulse.ID, at(1), " ", at(9)), alarm.ErrNoOperator)
}

// TestDamagedRowsAreErrors puts nonsense where the program reads JSON.
func TestDamagedRowsAreErrors(t *testing.T) {
	for _, change := range []string{`layout = '{'`, `bin_names = '[1]'`, `layout = '{"pitch_x": "12 parsec"}'`} {
		s := open(t)
		commit(t, s, sample(1, 3, 0, 0), nil)
		if _, err := s.writer.Exec(`UPDATE wafer SET ` + change); err != nil {
			t.Fatal(err)
		}
		_, err := s.Latest(ctx)
		wantError(t, err, ErrDamaged)
	}
}
