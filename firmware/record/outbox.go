package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	// Without a LIMIT: SQLite parses a statement anew when it is bound to another one.
	selectPending   = `SELECT seq, payload FROM outbox WHERE plane = ? AND seq > ? ORDER BY seq`
	selectNumbering = `SELECT last, acknowledged, (SELECT committed FROM outbox WHERE plane = name AND seq = acknowledged + 1)
		FROM plane WHERE name = ?`
	selectValue = `SELECT value FROM value WHERE name = ?`
)

// Pending lists the plane's messages after a seq that are not acknowledged, in
// order, at most limit of them.
func (r *Reader) Pending(ctx context.Context, p Plane, after uint64, limit int) ([]Message, error) {
	rows, err := r.pending.QueryContext(brief(ctx), string(p), clamp(after))
	if err != nil {
		return nil, r.explain(err)
	}
	defer rows.Close()
	var list []Message
	for len(list) < limit && rows.Next() {
		m := Message{Plane: p}
		if err := rows.Scan(&m.Seq, &m.Payload); err != nil {
			return nil, r.explain(err)
		}
		list = append(list, m)
	}
	return list, r.explain(rows.Err())
}

// clamp keeps a seq from outside within SQLite's signed integers.
func clamp(seq uint64) int64 { return int64(min(seq, 1<<63-1)) }

// Numbering is how far a plane has come.
type Numbering struct {
	Last         uint64    // the highest seq given; 0 before the first
	Acknowledged uint64    // every message up to this one is acknowledged
	Oldest       time.Time // when the first waiting message was committed; zero where none waits
}

// Waiting is how many messages wait for their acknowledgement.
func (n Numbering) Waiting() uint64 { return n.Last - n.Acknowledged }

// Numbering tells how far the plane has come.
func (r *Reader) Numbering(ctx context.Context, p Plane) (Numbering, error) {
	var n Numbering
	var oldest sql.NullInt64
	err := r.numbering.QueryRowContext(brief(ctx), string(p)).Scan(&n.Last, &n.Acknowledged, &oldest)
	n.Oldest = instant(oldest)
	return n, r.explain(err)
}

// Value reads what was last set under the name; nil where nothing was.
func (r *Reader) Value(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := r.db.QueryRowContext(ctx, selectValue, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return notNil(value), r.explain(err)
}

const bdSeqValue = "bdSeq"

// LoadBdSeq is the number last saved of those that tie Sparkplug's deaths to
// their births; found is false where none was.
func (s *Store) LoadBdSeq(ctx context.Context) (n uint8, found bool, err error) {
	text, err := s.Value(ctx, bdSeqValue)
	if err != nil || text == nil {
		return 0, false, err
	}
	v, err := strconv.ParseUint(string(text), 10, 8)
	if err != nil {
		return 0, false, s.explain(fmt.Errorf("%w: bdSeq: %w", ErrDamaged, err))
	}
	return uint8(v), true, nil
}

// SaveBdSeq returns nil when the number is on the disk.
func (s *Store) SaveBdSeq(ctx context.Context, n uint8) error {
	return s.Update(ctx, func(t *Tx) error { return t.SetValue(bdSeqValue, strconv.AppendUint(nil, uint64(n), 10)) })
}

// Begin gives the messages after a seq to a new epoch, numbered from 1 and made
// anew by remake, and takes those before out of the outbox. It returns the new
// epoch's name.
func (o Outbox) Begin(ctx context.Context, after uint64, remake func(m Message, epoch string, seq uint64) ([]byte, error)) (epoch string, err error) {
	err = o.store.transact(ctx, onDisk, nil, func(t *Tx) error {
		if epoch, err = t.newEpoch(); err != nil {
			return err
		}
		return t.renumber(o.plane, after, func(m Message, seq uint64) ([]byte, error) { return remake(m, epoch, seq) })
	})
	if err != nil {
		return "", err
	}
	return epoch, nil
}

func (t *Tx) newEpoch() (string, error) {
	epoch := newEpoch()
	_, err := t.tx.ExecContext(t.ctx, `INSERT INTO value VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`, laterEpoch, []byte(epoch))
	t.epoch = epoch
	return epoch, err
}

// renumber goes upwards, so that a new number is always that of a row that was
// moved or is gone.
func (t *Tx) renumber(p Plane, after uint64, remake func(Message, uint64) ([]byte, error)) error {
	if _, err := t.tx.ExecContext(t.ctx, `DELETE FROM outbox WHERE plane = ? AND seq <= ?`, string(p), clamp(after)); err != nil {
		return err
	}
	seq, old := uint64(0), Message{Plane: p}
	for ; ; seq++ {
		err := t.tx.QueryRowContext(t.ctx, `SELECT seq, payload FROM outbox WHERE plane = ? AND seq > ? ORDER BY seq LIMIT 1`,
			string(p), max(old.Seq, seq)).Scan(&old.Seq, &old.Payload)
		if errors.Is(err, sql.ErrNoRows) {
			break
		}
		if err != nil {
			return err
		}
		anew, err := remake(old, seq+1)
		if err != nil {
			return err
		}
		if _, err := t.tx.ExecContext(t.ctx, `UPDATE outbox SET seq = ?, payload = ? WHERE plane = ? AND seq = ?`, seq+1, notNil(anew), string(p), old.Seq); err != nil {
			return err
		}
	}
	return t.reach(p, reach{last: seq})
}

// Discarded is a range of messages that went without an acknowledgement.
type Discarded struct{ From, To uint64 }

// Count is how many there are.
func (d Discarded) Count() uint64 { return d.To - d.From + 1 }

// Discard takes messages out of the outbox that are too many or too old: all but
// the newest keep, where keep is not 0, and those committed before a time, where
// it is not zero. found is false where nothing had to go.
func (o Outbox) Discard(ctx context.Context, keep uint64, before time.Time) (d Discarded, found bool, err error) {
	n, err := o.store.Numbering(ctx, o.plane)
	due := keep > 0 && n.Waiting() > keep || !before.IsZero() && !n.Oldest.IsZero() && n.Oldest.Before(before)
	if err != nil || !due {
		return d, false, err
	}
	err = o.store.transact(ctx, onDisk, nil, func(t *Tx) error {
		r := t.planes[o.plane]
		upTo := r.acknowledged
		if keep > 0 && r.last > keep {
			upTo = max(upTo, r.last-keep)
		}
		if !before.IsZero() {
			// Up to the first that is young enough: a clock that was set back must not
			// make a hole.
			var young sql.NullInt64
			if err := t.tx.QueryRowContext(t.ctx, `SELECT min(seq) FROM outbox WHERE plane = ? AND committed >= ?`, string(o.plane), nanos(before)).Scan(&young); err != nil {
				return err
			}
			if !young.Valid {
				upTo = r.last
			} else {
				upTo = max(upTo, uint64(young.Int64)-1)
			}
		}
		d = Discarded{r.acknowledged + 1, upTo}
		removed, err := t.remove(o.plane, upTo)
		found = removed > 0
		return err
	})
	return d, found && err == nil, err
}

// asideValue is under what name, with plane and seq after it, a message is kept
// that was taken out of the outbox, or replaced there, because nobody can read it.
const asideValue = "aside/"

// SetAside takes the first waiting message out of the outbox and keeps it among
// the values, for a person to look at.
func (o Outbox) SetAside(ctx context.Context, seq uint64) error {
	return o.store.transact(ctx, onDisk, nil, func(t *Tx) error {
		var payload []byte
		if err := t.tx.QueryRowContext(t.ctx, `SELECT payload FROM outbox JOIN plane ON plane = name WHERE plane = ? AND seq = ? AND seq = acknowledged + 1`,
			string(o.plane), clamp(seq)).Scan(&payload); err != nil {
			return fmt.Errorf("set aside %s %d: %w", o.plane, seq, err)
		}
		if err := t.setAside(o.plane, seq, payload); err != nil {
			return err
		}
		_, err := t.remove(o.plane, seq)
		return err
	})
}

// Replace puts another payload in the place of a message that waits, or of one
// that should and does not, and keeps what was there among the values, for a
// person to look at.
func (o Outbox) Replace(ctx context.Context, seq uint64, payload []byte) error {
	return o.store.transact(ctx, onDisk, nil, func(t *Tx) error {
		r := t.planes[o.plane]
		if seq <= r.acknowledged || seq > r.last {
			return fmt.Errorf("replace %s %d: %d to %d wait", o.plane, seq, r.acknowledged+1, r.last)
		}
		t.planes[o.plane] = r.forgotten()
		var old []byte
		err := t.tx.QueryRowContext(t.ctx, `SELECT payload FROM outbox WHERE plane = ? AND seq = ?`, string(o.plane), seq).Scan(&old)
		if errors.Is(err, sql.ErrNoRows) {
			_, err = t.tx.ExecContext(t.ctx, `INSERT INTO outbox (plane, seq, committed, payload) VALUES (?, ?, ?, ?)`,
				string(o.plane), seq, nanos(time.Now()), notNil(payload))
			return err
		}
		if err == nil {
			err = t.setAside(o.plane, seq, old)
		}
		if err == nil {
			_, err = t.tx.ExecContext(t.ctx, `UPDATE outbox SET payload = ? WHERE plane = ? AND seq = ?`, notNil(payload), string(o.plane), seq)
		}
		return err
	})
}

func (t *Tx) setAside(p Plane, seq uint64, payload []byte) error {
	return t.SetValue(fmt.Sprintf("%s%s/%d", asideValue, p, seq), payload)
}
