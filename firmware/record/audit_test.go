package record

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"
)

func entry(n int) Entry {
	return Entry{Time: start.Add(time.Duration(n) * time.Second), Origin: ByHost, Who: "mes", What: "STOP", Detail: fmt.Sprint("id=", n), Result: "HCACK 0"}
}

func audited(t *testing.T, entries int) *Store {
	t.Helper()
	s := open(t)
	for n := range entries {
		if err := s.Audit(ctx, entry(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestTheAuditLogIsAChain(t *testing.T) {
	s := audited(t, 5)
	last, err := s.VerifyAudit(ctx, "")
	if err != nil || last.Seq != 5 {
		t.Fatalf("last %d: %v; want 5", last.Seq, err)
	}
	list, err := s.AuditLog(ctx, 2)
	if err != nil || len(list) != 2 || list[0].Seq != 4 || list[1].Hash != last.Hash || !list[1].Time.Equal(entry(5).Time) {
		t.Fatalf("the last two: %+v, %v", list, err)
	}
	if _, err := s.VerifyAudit(ctx, list[0].Hash.String()); err != nil {
		t.Errorf("a hash that was noted: %v", err)
	}
	if _, err := s.VerifyAudit(ctx, Hash{}.String()); !errors.Is(err, ErrTampered) {
		t.Errorf("a hash that is not there: %v; want ErrTampered", err)
	}
	for _, statement := range []string{`DELETE FROM audit WHERE seq = 5`, `UPDATE audit SET who = 'x' WHERE seq = 2`} {
		if _, err := s.writer.ExecContext(ctx, statement); err == nil {
			t.Errorf("%s: was done", statement)
		}
	}
}

func TestAnEmptyAuditLogIsWhole(t *testing.T) {
	if last, err := open(t).VerifyAudit(ctx, ""); err != nil || last.Seq != 0 {
		t.Errorf("last %d, %v", last.Seq, err)
	}
}

// tamper does to a log what its triggers forbid.
func tamper(t *testing.T, s *Store, statements ...string) {
	t.Helper()
	for _, statement := range append([]string{`DROP TRIGGER audit_keeps_rows`, `DROP TRIGGER audit_keeps_content`}, statements...) {
		if _, err := s.writer.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func TestVerifyFindsWhatWasDoneToTheAuditLog(t *testing.T) {
	for name, statements := range map[string][]string{
		"who":            {`UPDATE audit SET who = 'another' WHERE seq = 3`},
		"when":           {`UPDATE audit SET at = at + 1 WHERE seq = 1`},
		"result":         {`UPDATE audit SET result = 'HCACK 2' WHERE seq = 5`},
		"shifted text":   {`UPDATE audit SET who = 'mesS', what = 'TOP' WHERE seq = 2`},
		"hash":           {`UPDATE audit SET hash = zeroblob(32) WHERE seq = 4`},
		"short hash":     {`UPDATE audit SET hash = x'00' WHERE seq = 4`},
		"first removed":  {`DELETE FROM audit WHERE seq = 1`},
		"middle removed": {`DELETE FROM audit WHERE seq = 3`},
		"last removed":   {`DELETE FROM audit WHERE seq = 5`},
		"all removed":    {`DELETE FROM audit`},
		"gap closed":     {`DELETE FROM audit WHERE seq = 3`, `UPDATE audit SET seq = seq - 1 WHERE seq > 3`},
		"two exchanged":  {`UPDATE audit SET seq = 99 WHERE seq = 2`, `UPDATE audit SET seq = 2 WHERE seq = 3`, `UPDATE audit SET seq = 3 WHERE seq = 99`},
		"one added":      {`INSERT INTO audit SELECT 6, at, origin, who, what, detail, result, hash FROM audit WHERE seq = 5`},
		"head":           {`UPDATE value SET value = zeroblob(40) WHERE name = 'audit head'`},
		"head damaged":   {`UPDATE value SET value = x'01' WHERE name = 'audit head'`},
		"head removed":   {`DELETE FROM value WHERE name = 'audit head'`},
	} {
		t.Run(name, func(t *testing.T) {
			s := audited(t, 5)
			tamper(t, s, statements...)
			if _, err := s.VerifyAudit(ctx, ""); !errors.Is(err, ErrTampered) {
				t.Errorf("%v; want ErrTampered", err)
			}
		})
	}
}

// Any change of any one byte of any row is found.
func TestVerifyFindsAnyChangedByte(t *testing.T) {
	path := filepath.Join(folder(t), "kensa.db")
	s := openAt(t, path)
	for n := range 20 {
		if err := s.Audit(ctx, entry(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	tamper(t, s)
	random := rand.New(rand.NewPCG(1, 2))
	columns := []string{"at", "origin", "who", "what", "detail", "result", "hash"}
	for range 200 {
		seq, column := random.IntN(20)+1, columns[random.IntN(len(columns))]
		flip(t, s, random, seq, column)
	}
	if _, err := s.VerifyAudit(ctx, ""); err != nil {
		t.Errorf("put back: %v", err)
	}
}

// flip changes one byte of a cell, wants that to be found, and puts it back.
func flip(t *testing.T, s *Store, random *rand.Rand, seq int, column string) {
	t.Helper()
	set := func(v any) {
		if _, err := s.writer.ExecContext(ctx, `UPDATE audit SET `+column+` = ? WHERE seq = ?`, v, seq); err != nil {
			t.Fatal(err)
		}
	}
	if column == "at" {
		var at int64
		must(t, s.db.QueryRowContext(ctx, `SELECT at FROM audit WHERE seq = ?`, seq).Scan(&at))
		set(at ^ 1<<random.IntN(62))
		defer set(at)
	} else {
		var cell sql.RawBytes
		var kept []byte
		rows, err := s.db.QueryContext(ctx, `SELECT `+column+` FROM audit WHERE seq = ?`, seq)
		must(t, err)
		rows.Next()
		must(t, rows.Scan(&cell))
		kept = append(kept, cell...)
		must(t, rows.Close())
		changed := append([]byte(nil), kept...)
		changed[random.IntN(len(changed))] ^= 1
		if column == "hash" {
			set(changed)
			defer set(kept)
		} else {
			set(string(changed))
			defer set(string(kept))
		}
	}
	if _, err := s.VerifyAudit(ctx, ""); !errors.Is(err, ErrTampered) {
		t.Fatalf("entry %d, %s: %v; want ErrTampered", seq, column, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// No two entries have the same bytes under their hash.
func FuzzAuditChain(f *testing.F) {
	f.Add("a", "b", "c", "d", "ab", "", "c", "d", int64(1))
	f.Fuzz(func(t *testing.T, who, what, detail, result, who2, what2, detail2, result2 string, at int64) {
		a := Entry{Seq: 1, Time: time.Unix(0, at), Origin: ByHost, Who: who, What: what, Detail: detail, Result: result}
		b := Entry{Seq: 1, Time: time.Unix(0, at), Origin: ByHost, Who: who2, What: what2, Detail: detail2, Result: result2}
		if same := a == b; same != (a.chain(Hash{}) == b.chain(Hash{})) {
			t.Fatalf("%+v and %+v: same %v, same hash %v", a, b, same, !same)
		}
	})
}

func TestACommandIsBegunOnce(t *testing.T) {
	path := filepath.Join(folder(t), "kensa.db")
	s := openAt(t, path)
	c := Command{ID: "a-1", Name: "STOP", Host: "mes", Received: start}
	if _, known, err := s.BeginCommand(ctx, c); known || err != nil {
		t.Fatalf("new: known %v, %v", known, err)
	}
	must(t, s.Close())
	s = openAt(t, path) // as after a crash
	open, err := s.OpenCommands(ctx)
	if err != nil || len(open) != 1 || open[0] != c {
		t.Fatalf("open: %+v, %v", open, err)
	}
	c.Answered, c.Code, c.Reason = start.Add(time.Second), 2, "interrupted"
	must(t, s.EndCommand(ctx, c))
	if err := s.EndCommand(ctx, c); !errors.Is(err, ErrNotFound) {
		t.Errorf("answered twice: %v", err)
	}
	known, isKnown, err := s.BeginCommand(ctx, Command{ID: "a-1", Name: "START", Received: start})
	if !isKnown || err != nil || known != c {
		t.Errorf("again: %+v, known %v, %v", known, isKnown, err)
	}
	if last, found, err := s.LastCommand(ctx); !found || err != nil || last != c {
		t.Errorf("last: %+v, %v, %v", last, found, err)
	}
	log, err := s.AuditLog(ctx, 0)
	if err != nil || len(log) != 1 || log[0].What != "STOP" || log[0].Result != "HCACK 2: interrupted" || log[0].Detail != "id=a-1" {
		t.Errorf("audit: %+v, %v", log, err)
	}
	pruned, err := s.Prune(ctx, Retention{Wafers: time.Hour}, start.Add(2*time.Hour))
	if err != nil || pruned.Commands != 1 {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
	if _, err := s.VerifyAudit(ctx, ""); err != nil {
		t.Error(err)
	}
}
