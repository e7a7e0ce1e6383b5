package record

import (
	"os"
	"testing"
	"time"

	"kensa/firmware/alarm"
)

func count(t *testing.T, s *Store, table string) (n int) {
	t.Helper()
	if err := s.db.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// tenWafers has ten wafers, one a minute, two images each; the outbox holds the
// messages of wafers 2 and 10 only. An alarm belongs to wafer 1, another to none.
func tenWafers(t *testing.T) *Store {
	t.Helper()
	s := open(t)
	for n := 1; n <= 10; n++ {
		w := sample(n, 5, 3, 2)
		publish := both
		if n != 2 && n != 10 {
			publish = nil
		}
		if n == 1 {
			w.Alarms = []alarm.Alarm{raised(alarm.LowYield, start)}
			w.Alarms[0].Cleared = start.Add(time.Second)
		}
		commit(t, s, w, publish)
	}
	lonely := raised(alarm.MissedPulse, start)
	lonely.Cleared = start.Add(time.Second)
	for _, a := range []alarm.Alarm{lonely, raised(alarm.CameraGone, start)} {
		if err := s.SaveAlarm(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestPrune(t *testing.T) {
	now := start.Add(11 * time.Minute) // wafer n was finished 11 - n - ½ minutes ago
	for _, c := range []struct {
		name           string
		keep           Retention
		want           Pruned
		wafers, images int
	}{
		{"keep all", Retention{}, Pruned{}, 10, 20},
		{"images by age", Retention{Images: 5 * time.Minute}, Pruned{Images: 8}, 10, 12},
		{"wafers by age", Retention{Wafers: 5 * time.Minute}, Pruned{Wafers: 4, Alarms: 2}, 6, 12},
		{"by count", Retention{Count: 3}, Pruned{Wafers: 6}, 4, 8},
		{"everything", Retention{Images: 1, Wafers: 1, Count: 1}, Pruned{Wafers: 8, Images: 16, Alarms: 2}, 2, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := tenWafers(t)
			got, err := s.Prune(ctx, c.keep, now)
			if err != nil || got != c.want {
				t.Errorf("pruned %+v, %v; want %+v", got, err, c.want)
			}
			if w, i := count(t, s, "wafer"), count(t, s, "image"); w != c.wafers || i != c.images {
				t.Errorf("%d wafers and %d images left; want %d and %d", w, i, c.wafers, c.images)
			}
			if d := count(t, s, "die"); d != 5*c.wafers {
				t.Errorf("%d dies left", d)
			}
			for _, id := range []int64{2, 10} { // whose messages wait
				if w, err := s.Wafer(ctx, id); err != nil || !w.Defects[0].HasImage {
					t.Errorf("wafer %d: %+v, %v", id, w, err)
				}
			}
			if err := s.Check(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPruneGivesSpaceBack(t *testing.T) {
	s := open(t)
	for n := range 20 {
		commit(t, s, sample(n, 5, 20, 20), nil)
	}
	if _, err := s.writer.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		t.Fatal(err)
	}
	before := size(t, s.Path())
	if _, err := s.Prune(ctx, Retention{Count: 2}, start); err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		t.Fatal(err)
	}
	if after := size(t, s.Path()); after > before/3 {
		t.Errorf("%d bytes became %d", before, after)
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
