package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"kensa/firmware/alarm"
)

const alarmColumns = `alid, category, severity, text, remedy, detail, count, set_at, latest, cleared, ack_by, acked`

func scanAlarms(rows *sql.Rows) ([]alarm.Alarm, error) {
	defer rows.Close()
	var list []alarm.Alarm
	for rows.Next() {
		var a alarm.Alarm
		var set, latest, cleared, acked sql.NullInt64
		err := rows.Scan(&a.ID, &a.Category, &a.Severity, &a.Text, &a.Remedy, &a.Detail, &a.Count, &set, &latest, &cleared, &a.AckBy, &acked)
		if err != nil {
			return nil, err
		}
		a.Set, a.Latest, a.Cleared, a.Acked = instant(set), instant(latest), instant(cleared), instant(acked)
		list = append(list, a)
	}
	return list, rows.Err()
}

func readWaferAlarms(ctx context.Context, tx *sql.Tx, w *Wafer) error {
	rows, err := tx.QueryContext(ctx, `SELECT alid, category, severity, text, remedy, wafer_alarm.detail, wafer_alarm.count,
			set_at, latest, cleared, ack_by, acked
		FROM alarm JOIN wafer_alarm ON alarm.id = wafer_alarm.alarm WHERE wafer = ? ORDER BY set_at, alid`, w.ID)
	if err != nil {
		return err
	}
	w.Alarms, err = scanAlarms(rows)
	return err
}

// Alarms lists the alarms set at or after a time, the latest first, at most
// limit of them (0: all).
func (r *Reader) Alarms(ctx context.Context, since time.Time, limit int) ([]alarm.Alarm, error) {
	if limit <= 0 {
		limit = -1
	}
	rows, err := r.db.QueryContext(ctx, `SELECT `+alarmColumns+` FROM alarm WHERE set_at >= ifnull(?, 0) ORDER BY set_at DESC, alid LIMIT ?`,
		nanos(since), limit)
	if err != nil {
		return nil, r.explain(err)
	}
	list, err := scanAlarms(rows)
	return list, r.explain(err)
}

// SaveAlarm keeps an alarm in the history as it stands: when it is set, raised
// again, acknowledged, cleared. Neither a clearing nor an acknowledgement that
// is known is taken back by older news.
func (s *Store) SaveAlarm(ctx context.Context, a alarm.Alarm) error {
	return s.Update(ctx, func(t *Tx) error {
		_, err := t.saveAlarm(a)
		return err
	})
}

// What of an alarm was put into the outbox.
const (
	toldSet   = 1
	toldClear = 2
)

// TellAlarm is SaveAlarm, and has publish put the alarm's setting and its clearing
// into the outbox, each once. publish gets the alarm as it was at that moment: a
// setting is not cleared.
func (s *Store) TellAlarm(ctx context.Context, a alarm.Alarm, publish func(*Tx, alarm.Alarm) error) error {
	return s.Update(ctx, func(t *Tx) error {
		id, err := t.saveAlarm(a)
		if err != nil {
			return err
		}
		var told int
		if err := t.tx.QueryRowContext(t.ctx, `SELECT told FROM alarm WHERE id = ?`, id).Scan(&told); err != nil {
			return err
		}
		if told&toldSet == 0 {
			set := a
			set.Cleared = time.Time{}
			if err := publish(t, set); err != nil {
				return err
			}
		}
		if told&toldClear == 0 && !a.Cleared.IsZero() {
			if err := publish(t, a); err != nil {
				return err
			}
			told |= toldClear
		}
		_, err = t.tx.ExecContext(t.ctx, `UPDATE alarm SET told = ? WHERE id = ?`, told|toldSet, id)
		return err
	})
}

// Unfinished lists the alarms whose setting was put into the outbox and whose
// clearing was not although they are cleared: those that were set when the program
// ended.
func (r *Reader) Unfinished(ctx context.Context) ([]alarm.Alarm, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT `+alarmColumns+` FROM alarm WHERE told = ? AND cleared IS NOT NULL ORDER BY set_at`, toldSet)
	if err != nil {
		return nil, r.explain(err)
	}
	list, err := scanAlarms(rows)
	return list, r.explain(err)
}

// AckAlarm notes in the history who has seen an alarm: the one of that number
// that was set at that time. The first acknowledgement stands. ErrNotFound means
// that there is no such alarm.
func (s *Store) AckAlarm(ctx context.Context, id alarm.ID, set time.Time, operator string, at time.Time) error {
	operator = strings.TrimSpace(operator)
	if operator == "" {
		return alarm.ErrNoOperator
	}
	err := s.Update(ctx, func(t *Tx) error {
		var key int64
		err := t.tx.QueryRowContext(ctx, `SELECT id FROM alarm WHERE alid = ? AND set_at = ?`, int(id), nanos(set)).Scan(&key)
		if err != nil {
			return err
		}
		_, err = t.tx.ExecContext(ctx, `UPDATE alarm SET ack_by = ?, acked = ? WHERE id = ? AND ack_by = ''`, operator, nanos(at), key)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("record: alarm %d set at %v: %w", id, set, ErrNotFound)
	}
	return err
}
