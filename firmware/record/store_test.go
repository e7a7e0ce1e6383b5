package record

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kensa/firmware/alarm"
)

func TestStoreAndEpochSurviveReopening(t *testing.T) {
	path := filepath.Join(folder(t), "kensa.db")
	first := openAt(t, path)
	epoch := first.Epoch()
	commit(t, first, sample(1, 10, 2, 1), both)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := openAt(t, path)
	if second.Epoch() != epoch || len(epoch) != 32 {
		t.Errorf("epoch %q became %q", epoch, second.Epoch())
	}
	if w, err := second.Latest(ctx); err != nil || w.ID != 1 || len(w.Defects) != 2 {
		t.Errorf("latest %+v, %v", w, err)
	}
	if other := open(t); other.Epoch() == epoch {
		t.Error("two databases have one epoch")
	}
}

func TestPathsThatLookLikeURLs(t *testing.T) {
	for _, name := range []string{"a?mode=memory.db", "a#b.db", "50%25.db", "検査 1.db"} {
		path := filepath.Join(folder(t), name)
		s := openAt(t, path)
		commit(t, s, sample(1, 3, 0, 0), nil)
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestSecondWriterIsRefusedAndReadersAreNot(t *testing.T) {
	s := open(t)
	commit(t, s, sample(1, 10, 2, 1), both)
	_, err := Open(ctx, s.Path())
	wantError(t, err, ErrLocked)
	r, err := OpenReadOnly(ctx, s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	commit(t, s, sample(2, 10, 2, 1), both)
	if w, err := r.Latest(ctx); err != nil || w.ID != 2 {
		t.Errorf("the reader sees %+v, %v", w, err)
	}
	if _, err := r.db.Exec(`DELETE FROM wafer`); err == nil {
		t.Error("a reader could write")
	}
}

func TestReaderWithoutARunningStore(t *testing.T) {
	s := open(t)
	commit(t, s, sample(1, 10, 2, 1), both)
	s.Close()
	r, err := OpenReadOnly(ctx, s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if list, err := r.Wafers(ctx, Filter{}); err != nil || len(list) != 1 {
		t.Errorf("wafers %v, %v", list, err)
	}
	missing := filepath.Join(t.TempDir(), "none.db")
	if _, err := OpenReadOnly(ctx, missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("reading made a database")
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    error
	}{
		{"no folder", func(t *testing.T, path string) { remove(t, filepath.Dir(path)) }, os.ErrNotExist},
		{"a text file", func(t *testing.T, path string) { write(t, path, bytes.Repeat([]byte("not a database\n"), 200)) }, ErrForeign},
		{"a short text file", func(t *testing.T, path string) { write(t, path, []byte("hello")) }, ErrForeign},
		{"another program's database", func(t *testing.T, path string) { script(t, path, `CREATE TABLE customer (name TEXT)`) }, ErrForeign},
		{"a later version", func(t *testing.T, path string) {
			openAt(t, path).Close()
			script(t, path, `PRAGMA user_version = 1000`)
		}, ErrNewer},
		{"an outbox with a gap", func(t *testing.T, path string) {
			s := openAt(t, path)
			commit(t, s, sample(1, 1, 0, 0), both)
			commit(t, s, sample(2, 1, 0, 0), both)
			s.Close()
			script(t, path, `DELETE FROM outbox WHERE plane = 'ledger' AND seq = 1`)
		}, ErrDamaged},
		{"overwritten pages", func(t *testing.T, path string) {
			s := openAt(t, path)
			for n := range 20 {
				commit(t, s, sample(n, 50, 5, 5), both)
			}
			s.Close()
			scribble(t, path)
		}, ErrDamaged},
		{"a folder", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(folder(t), "state", "kensa.db")
			if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			c.prepare(t, path)
			before, _ := os.ReadFile(path)
			s, err := Open(ctx, path)
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v; want %v and the path", err, c.want)
			}
			if after, _ := os.ReadFile(path); errors.Is(c.want, ErrForeign) && !bytes.Equal(before, after) {
				t.Error("a file that is not ours was changed")
			}
		})
	}
}

func TestOpenReadOnlyRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	openAt(t, path).Close()
	script(t, path, `PRAGMA user_version = 1000`)
	_, err := OpenReadOnly(ctx, path)
	wantError(t, err, ErrNewer)
	empty := filepath.Join(t.TempDir(), "empty.db")
	write(t, empty, nil)
	if _, err := OpenReadOnly(ctx, empty); err == nil || !strings.Contains(err.Error(), "schema 0 is older") {
		t.Errorf("empty: %v", err)
	}
}

func TestUnwritableFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write anywhere")
	}
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o555); err != nil {
		t.Fatal(err)
	}
	_, err := Open(ctx, filepath.Join(folder, "kensa.db"))
	wantError(t, err, os.ErrPermission)
}

func TestAlarmsOfTheRunBeforeAreClearedAtOpen(t *testing.T) {
	path := filepath.Join(folder(t), "kensa.db")
	s := openAt(t, path)
	if err := s.SaveAlarm(ctx, raised(alarm.CameraGone, start)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	list, err := openAt(t, path).Alarms(ctx, time.Time{}, 0)
	if err != nil || len(list) != 1 || list[0].Active() {
		t.Errorf("alarms %+v, %v", list, err)
	}
}

func TestSettingsThatDurabilityRestsOn(t *testing.T) {
	s := open(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "auto_vacuum": "2"} {
		var got string
		if err := s.writer.QueryRow(`PRAGMA ` + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", pragma, got, err, want)
		}
	}
}

// TestAcknowledgingLeavesCommitsOnTheDisk: what an acknowledgement may do without, the
// next wafer has again.
func TestAcknowledgingLeavesCommitsOnTheDisk(t *testing.T) {
	s := open(t)
	synchronous := func(q interface {
		QueryRow(string, ...any) *sql.Row
	}) (level string) {
		if err := q.QueryRow(`PRAGMA synchronous`).Scan(&level); err != nil {
			t.Fatal(err)
		}
		return level
	}
	const normal, full = "1", "2"
	for n := range 3 {
		w := sample(n+1, 10, 2, 1)
		if err := s.Commit(ctx, w, func(tx *Tx) error {
			if got := synchronous(tx.tx); got != full {
				t.Errorf("wafer %d: synchronous is %s; want %s", n, got, full)
			}
			return both(tx)
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Acknowledge(ctx, Ledger, s.Epoch(), uint64(n+1)); err != nil {
			t.Fatal(err)
		}
		if got := synchronous(s.writer); got != normal {
			t.Errorf("after an acknowledgement synchronous is %s; want %s", got, normal)
		}
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := open(t)
	commit(t, s, sample(1, 10, 2, 1), both)
	if _, err := s.Latest(ctx); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestEndedContextWritesNothing(t *testing.T) {
	s := open(t)
	ended, cancel := context.WithCancel(ctx)
	err := s.Commit(ended, sample(1, 10, 2, 1), func(x *Tx) error {
		cancel()
		return nil
	})
	wantError(t, err, context.Canceled)
	assertEmpty(t, s)
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// script runs SQL on a database that no store has open.
func script(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(text); err != nil {
		t.Fatal(err)
	}
}

// scribble overwrites every page but the first two.
func scribble(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 2 * 4096; i < len(content); i++ {
		content[i] = 0x5a
	}
	write(t, path, content)
}
