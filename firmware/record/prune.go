package record

import (
	"context"
	"fmt"
	"time"
)

// Retention is how long results stay. A zero keeps without limit.
type Retention struct {
	Images time.Duration // images of defects, after their wafer was finished
	Wafers time.Duration // wafers, alarms and commands, after they were finished, cleared or answered
	Count  int           // wafers; the latest stay
}

// Pruned is what a pruning removed.
type Pruned struct{ Wafers, Images, Alarms, Commands int }

// pruneBatch is how many rows one transaction removes, so that a wafer never
// waits long for its commit.
const pruneBatch = 32

// spare are the wafers that may be touched: none of whose messages wait.
const spare = `NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.wafer = w.id)`

// Prune removes what the retention no longer keeps at the time now, and gives
// freed space back to the file system. A wafer with a message in the outbox
// stays whole.
func (s *Store) Prune(ctx context.Context, keep Retention, now time.Time) (p Pruned, err error) {
	const doomedImages = `DELETE FROM image WHERE rowid IN (SELECT i.rowid FROM wafer w JOIN image i ON i.wafer = w.id
		WHERE w.finished < ? AND ` + spare + ` LIMIT ?)`
	const doomedByAge = `DELETE FROM wafer WHERE id IN (SELECT id FROM wafer w WHERE finished < ? AND ` + spare + ` LIMIT ?)`
	const doomedByCount = `DELETE FROM wafer WHERE id IN (SELECT id FROM wafer w WHERE id NOT IN (SELECT id FROM wafer ORDER BY id DESC LIMIT ?)
		AND ` + spare + ` LIMIT ?)`
	const doomedAlarms = `DELETE FROM alarm WHERE id IN (SELECT id FROM alarm a WHERE cleared < ?
		AND NOT EXISTS (SELECT 1 FROM wafer_alarm WHERE alarm = a.id) LIMIT ?)`
	const doomedCommands = `DELETE FROM command WHERE id IN (SELECT id FROM command WHERE answered < ? LIMIT ?)`
	for _, rule := range []struct {
		on     bool
		delete string
		limit  any
		count  *int
	}{
		{keep.Images > 0, doomedImages, nanos(now.Add(-keep.Images)), &p.Images},
		{keep.Wafers > 0, doomedByAge, nanos(now.Add(-keep.Wafers)), &p.Wafers},
		{keep.Count > 0, doomedByCount, keep.Count, &p.Wafers},
		{keep.Wafers > 0, doomedAlarms, nanos(now.Add(-keep.Wafers)), &p.Alarms},
		{keep.Wafers > 0, doomedCommands, nanos(now.Add(-keep.Wafers)), &p.Commands},
	} {
		if !rule.on {
			continue
		}
		n, err := s.deleteAll(ctx, rule.delete, rule.limit)
		*rule.count += n
		if err != nil {
			return p, fmt.Errorf("prune: %w", err)
		}
	}
	return p, s.giveBack(ctx)
}

func (s *Store) deleteAll(ctx context.Context, statement string, limit any) (total int, err error) {
	for {
		result, err := s.writer.ExecContext(ctx, statement, limit, pruneBatch)
		if err != nil {
			return total, s.explain(err)
		}
		n, err := result.RowsAffected()
		if err != nil {
			return total, s.explain(err)
		}
		total += int(n)
		if n < pruneBatch {
			return total, nil
		}
	}
}

// giveBack returns free pages to the file system when they are more than a
// quarter of the file; fewer are soon used by the wafers to come.
func (s *Store) giveBack(ctx context.Context) error {
	const part = 256 // pages at a time, between which commits go on
	for before := -1; ; {
		var free, pages int
		err := s.writer.QueryRowContext(ctx, `SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count`).Scan(&free, &pages)
		if err != nil || 4*free <= pages || free == before {
			return s.explain(err)
		}
		before = free
		if _, err := s.writer.ExecContext(ctx, fmt.Sprintf(`PRAGMA incremental_vacuum(%d)`, part)); err != nil {
			return s.explain(err)
		}
	}
}
