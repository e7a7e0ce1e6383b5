package record

import (
	"context"
	"fmt"
)

// checkOutbox is the check at every start: quick, for it reads only what is
// still to be sent. Rows must follow the acknowledged seq without a gap.
func (r *Reader) checkOutbox(ctx context.Context) error {
	for _, table := range []string{"value", "plane", "outbox"} {
		var verdict string
		if err := r.db.QueryRowContext(ctx, `SELECT * FROM pragma_quick_check(?)`, table).Scan(&verdict); err != nil {
			return err
		}
		if verdict != "ok" {
			return fmt.Errorf("%w: table %s: %s", ErrDamaged, table, verdict)
		}
	}
	rows, err := r.db.QueryContext(ctx, `SELECT name, last, acknowledged, count(seq), ifnull(min(seq), acknowledged + 1), ifnull(max(seq), last)
		FROM plane LEFT JOIN outbox ON plane = name GROUP BY name`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var last, acknowledged, count, first, highest int64
		if err := rows.Scan(&name, &last, &acknowledged, &count, &first, &highest); err != nil {
			return err
		}
		if count != last-acknowledged || first != acknowledged+1 || highest != last {
			return fmt.Errorf("%w: outbox %s: %d rows from %d to %d; want %d to %d",
				ErrDamaged, name, count, first, highest, acknowledged+1, last)
		}
	}
	return rows.Err()
}

// Check reads the whole database and reports the first thing that is wrong with
// it as ErrDamaged. It takes as long as reading the file does.
func (r *Reader) Check(ctx context.Context) error {
	var verdict string
	if err := r.db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&verdict); err != nil {
		return r.explain(err)
	}
	if verdict != "ok" {
		return fmt.Errorf("record: %s: %w: %s", r.path, ErrDamaged, verdict)
	}
	var broken int
	if err := r.db.QueryRowContext(ctx, `SELECT count(*) FROM pragma_foreign_key_check`).Scan(&broken); err != nil {
		return r.explain(err)
	}
	if broken > 0 {
		return fmt.Errorf("record: %s: %w: %d rows refer to none", r.path, ErrDamaged, broken)
	}
	return r.explain(r.checkOutbox(ctx))
}
