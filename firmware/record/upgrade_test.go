package record

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"kensa/firmware/alarm"
)

// shippedMigrations pins what ran on the boxes out there: a migration changed
// afterwards would leave two kinds of database under one number. A line may be added;
// none may change.
var shippedMigrations = []string{
	"d309f1a799a6c801", "0c18585c1dc63dbb", "be183ceab1c5475a", "fe5df63d0492afaf", "42a6e2f07354daee",
}

func TestMigrationsAreNeverChanged(t *testing.T) {
	steps, err := scripts()
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != len(shippedMigrations) {
		t.Errorf("%d migrations, %d pinned", len(steps), len(shippedMigrations))
	}
	for n := range min(len(steps), len(shippedMigrations)) {
		sum := sha256.Sum256([]byte(steps[n]))
		if got := hex.EncodeToString(sum[:8]); got != shippedMigrations[n] {
			t.Errorf("migration %d is %s; was shipped as %s", n+1, got, shippedMigrations[n])
		}
	}
}

// history is a database's content: two wafers with all that belongs to them, an alarm,
// commands of hosts, messages on their way.
type history struct {
	path    string
	epoch   string
	wafers  []*Wafer
	pending []Message
}

func writeHistory(t *testing.T) history {
	t.Helper()
	h := history{path: filepath.Join(folder(t), "now.db")}
	s, err := Open(ctx, h.path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		w := sample(n+1, 40, 10, 4)
		over := raised(alarm.MissedPulse, start.Add(time.Duration(n)*time.Hour))
		over.Cleared = over.Set.Add(time.Minute) // what is still set is cleared at the next start
		w.Alarms = []alarm.Alarm{over}
		commit(t, s, w, both)
		h.wafers = append(h.wafers, w)
	}
	for n := range 3 {
		if err := s.Audit(ctx, entry(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Acknowledge(ctx, Ledger, s.Epoch(), 1); err != nil {
		t.Fatal(err)
	}
	h.epoch = s.Epoch()
	if h.pending, err = s.Pending(ctx, MES, 0, 10); err != nil || len(h.pending) != 2 {
		t.Fatal(h.pending, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return h
}

// asOf writes a history into a database of an older schema, as the program of that
// time would have: all tables and columns that there were then.
func (h history) asOf(t *testing.T, version int) (path string) {
	t.Helper()
	path = filepath.Join(folder(t), "then.db")
	db, err := connect(path, url.Values{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	do := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(ctx, statement, args...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	do(`PRAGMA auto_vacuum = INCREMENTAL`)
	do(`PRAGMA journal_mode = WAL`)
	steps, err := scripts()
	if err != nil {
		t.Fatal(err)
	}
	for n := range version {
		if err := step(ctx, db, n+1, steps[n]); err != nil {
			t.Fatal(err)
		}
	}
	do(`PRAGMA foreign_keys = 0`)
	do(`ATTACH ? AS now`, h.path)
	for _, table := range column(t, db, `SELECT name FROM main.sqlite_schema WHERE type = 'table'`) {
		columns := strings.Join(column(t, db, `SELECT name FROM pragma_table_info(?, 'main')`, table), ", ")
		do(`DELETE FROM main.` + table)
		do(fmt.Sprintf(`INSERT INTO main.%s (%s) SELECT %s FROM now.%s`, table, columns, columns, table))
	}
	if version < 2 {
		do(`DELETE FROM main.value WHERE name = ?`, auditHead)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// column are the rows of a query with one column.
func column(t *testing.T, db *sql.DB, query string, args ...any) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	return all
}

// unknownBefore blanks what a database of an older schema did not keep.
func unknownBefore(w *Wafer, version int) {
	if version < 3 {
		w.Defects = slices.Clone(w.Defects)
		for n := range w.Defects {
			w.Defects[n].Size, w.Defects[n].SizeUncertainty = 0, 0
		}
	}
	if version < 4 {
		w.Calibration = ""
	}
	if version < 5 {
		w.Climate = nil
	}
}

// TestAnOlderDatabaseIsBroughtUpToDate: from each schema that was ever shipped, with
// all its content, and goes on from there.
func TestAnOlderDatabaseIsBroughtUpToDate(t *testing.T) {
	_, newest, err := Schemas()
	if err != nil {
		t.Fatal(err)
	}
	h := writeHistory(t)
	for version := 1; version <= newest; version++ {
		t.Run(fmt.Sprint("from ", version), func(t *testing.T) {
			path := h.asOf(t, version)
			if was, err := SchemaOf(ctx, path); err != nil || was != version {
				t.Fatalf("schema %d, %v; want %d", was, err, version)
			}
			s := openAt(t, path)
			h.check(t, s, version)
			next := sample(3, 5, 2, 1)
			commit(t, s, next, both)
			if next.ID != 3 {
				t.Errorf("the next wafer is number %d", next.ID)
			}
			if err := s.Audit(ctx, entry(4)); err != nil {
				t.Error(err)
			}
			entries := uint64(4)
			if version < 2 {
				entries = 1
			}
			if last, err := s.VerifyAudit(ctx, ""); err != nil || last.Seq != entries {
				t.Errorf("audit log ends with %d, %v; want %d", last.Seq, err, entries)
			}
			if err := s.Check(ctx); err != nil {
				t.Error(err)
			}
			if now, err := SchemaOf(ctx, path); err != nil || now != newest {
				t.Errorf("schema %d, %v; want %d", now, err, newest)
			}
		})
	}
}

// check compares what a store reads with what was written.
func (h history) check(t *testing.T, s *Store, version int) {
	t.Helper()
	if s.Epoch() != h.epoch {
		t.Errorf("epoch %s; was %s", s.Epoch(), h.epoch)
	}
	for _, written := range h.wafers {
		want := asRead(written)
		unknownBefore(want, version)
		if got, err := s.Wafer(ctx, written.ID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read    %+v, %v\nwritten %+v", got, err, want)
		}
		if png, err := s.Image(ctx, written.ID, 1); err != nil || !reflect.DeepEqual(png, written.Defects[0].Image) {
			t.Errorf("image: %d bytes, %v", len(png), err)
		}
	}
	if got, err := s.Pending(ctx, MES, 0, 10); err != nil || !reflect.DeepEqual(got, h.pending) {
		t.Errorf("outbox %v, %v; want %v", got, err, h.pending)
	}
	if got, err := s.Pending(ctx, Ledger, 0, 10); err != nil || len(got) != 1 || got[0].Seq != 2 {
		t.Errorf("ledger's outbox %v, %v; want number 2 alone", got, err)
	}
}
