package record

import (
	"path/filepath"
	"testing"
	"time"

	"kensa/firmware/alarm"
)

func TestAnAlarmIsToldWhenItIsSetAndWhenItIsCleared(t *testing.T) {
	path := filepath.Join(folder(t), "kensa.db")
	s := openAt(t, path)
	var told []bool // set?
	publish := func(tx *Tx, a alarm.Alarm) error {
		told = append(told, a.Cleared.IsZero())
		return put(tx, MES, []byte("x"))
	}
	tell := func(a alarm.Alarm) { t.Helper(); must(t, s.TellAlarm(ctx, a, publish)) }
	first := raised(alarm.CameraGone, start)
	must(t, s.SaveAlarm(ctx, first)) // as a wafer's commit does
	tell(first)
	first.Count, first.Detail = 2, "again"
	tell(first)
	first.Cleared = start.Add(time.Minute)
	tell(first)
	tell(first)
	brief := raised(alarm.BadFrame, start) // cleared before it could be told
	brief.Cleared = start.Add(time.Second)
	tell(brief)
	tell(raised(alarm.LightDrift, start))
	if want := []bool{true, false, true, false, true}; len(told) != len(want) {
		t.Fatalf("told %v, want %v", told, want)
	}
	rows, err := s.Pending(ctx, MES, 0, 10)
	if err != nil || len(rows) != 5 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	must(t, s.Close())

	s = openAt(t, path) // the alarm that was set is gone with its set
	left, err := s.Unfinished(ctx)
	if err != nil || len(left) != 1 || left[0].ID != alarm.LightDrift.ID {
		t.Fatalf("unfinished: %+v, %v", left, err)
	}
	tell(left[0])
	if left, err := s.Unfinished(ctx); err != nil || len(left) != 0 || told[5] {
		t.Errorf("unfinished: %+v, %v; told %v", left, err, told)
	}
}
