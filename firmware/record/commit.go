package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Tx is a transaction being made ready, as its callback sees it: the outbox's
// numbering and the stored values. It is of no use after the callback. The
// callback must not call the store's own methods: they wait for it.
type Tx struct {
	ctx    context.Context
	tx     *sql.Tx
	often  *often
	root   string
	epoch  string
	wafer  *Wafer
	planes planes
}

// Epoch is the database's present epoch.
func (t *Tx) Epoch() string { return t.epoch }

// Wafer is the wafer being committed, its ID and Run given; nil in Update.
func (t *Tx) Wafer() *Wafer { return t.wafer }

// Publish puts a message into the outbox and returns its seq, the plane's next, which
// make is told.
func (t *Tx) Publish(p Plane, make func(seq uint64) ([]byte, error)) (seq uint64, err error) {
	r, known := t.planes[p]
	if !known {
		return 0, errPlane(p)
	}
	m := Message{Plane: p, Seq: r.last + 1}
	if m.Payload, err = make(m.Seq); err != nil {
		return 0, err
	}
	m.Payload = notNil(m.Payload)
	var about any
	if t.wafer != nil {
		about = t.wafer.ID
	}
	if _, err = t.do(t.often.publish).ExecContext(t.ctx, string(p), m.Seq, about, nanos(time.Now()), m.Payload); err != nil {
		return 0, err
	}
	return m.Seq, t.reach(p, r.published(m))
}

// do is a statement of the store's as one of this transaction.
func (t *Tx) do(statement *sql.Stmt) *sql.Stmt { return t.tx.StmtContext(t.ctx, statement) }

// notNil keeps an empty blob from becoming SQL's NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Value reads what was last set under the name; nil where nothing was.
func (t *Tx) Value(name string) ([]byte, error) {
	var value []byte
	err := t.do(t.often.value).QueryRowContext(t.ctx, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return notNil(value), err
}

// SetValue keeps a value under the name, with the rest of the transaction.
func (t *Tx) SetValue(name string, value []byte) error {
	if name == epochValue || name == laterEpoch || name == "" {
		return fmt.Errorf("value: name %q is not for use", name)
	}
	_, err := t.do(t.often.set).ExecContext(t.ctx, name, notNil(value))
	return err
}

// Commit stores the wafer with its dies, defects, images and alarms, and what
// publish puts into the outbox, in one transaction: when it returns nil all of
// it is on the disk, when it returns an error nothing is. ErrFull is worth
// trying again. publish may be nil; its error is returned.
//
// Commit sets the wafer's ID and Run. An inspection that is stored already
// (same material, same times) is not stored again: its ID and Run are set and
// publish is not called, so that a commit whose answer was lost can be repeated.
func (s *Store) Commit(ctx context.Context, w *Wafer, publish func(*Tx) error) error {
	if err := w.check(); err != nil {
		return fmt.Errorf("record: wafer %s: %w", w.name(), err)
	}
	stored := *w // w is the caller's, and stays as it was when this fails
	err := s.transact(ctx, onDisk, &stored, func(t *Tx) error {
		known, err := t.identify()
		if known || err != nil {
			return err
		}
		if err := t.insertWafer(); err != nil {
			return err
		}
		if publish == nil {
			return nil
		}
		return publish(t)
	})
	if err != nil {
		return fmt.Errorf("commit wafer %s: %w", w.name(), err)
	}
	w.ID, w.Run = stored.ID, stored.Run
	return nil
}

// Update runs a transaction that concerns no wafer: messages and values.
func (s *Store) Update(ctx context.Context, change func(*Tx) error) error {
	return s.transact(ctx, onDisk, nil, change)
}

// safety is what a committed transaction has behind it, as SQLite names it.
type safety string

const (
	onDisk safety = "FULL" // it is on the disk
	// afterOthers reaches the disk with the next that is onDisk. A power cut before then
	// undoes it, and whatever of its kind came later, but nothing else.
	afterOthers safety = "NORMAL"
)

// transact leaves nothing behind where ctx ends before the commit. No statement is
// interrupted by that: all are brief.
func (s *Store) transact(ctx context.Context, safe safety, w *Wafer, change func(*Tx) error) error {
	s.transaction.Lock()
	defer s.transaction.Unlock()
	if err := ctx.Err(); err != nil {
		return s.explain(err)
	}
	if err := s.secure(ctx, safe); err != nil {
		return s.explain(err)
	}
	tx, err := s.writer.BeginTx(brief(ctx), nil)
	if err != nil {
		return s.explain(err)
	}
	defer tx.Rollback() // does nothing after Commit
	t := &Tx{ctx: brief(ctx), tx: tx, often: &s.often, root: s.root, epoch: s.Epoch(), wafer: w}
	if t.planes, err = s.reached(t); err == nil {
		err = change(t)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = s.finish(t)
	}
	return s.explain(err)
}

// finish commits. Of a commit that failed nobody knows here how far it came.
func (s *Store) finish(t *Tx) error {
	s.planes.Store(nil)
	if err := t.tx.Commit(); err != nil {
		return err
	}
	s.epoch.Store(&t.epoch)
	s.planes.Store(&t.planes)
	return nil
}

// secure sets what the writer's next transactions have behind them. A connection begins
// as onDisk is.
func (s *Store) secure(ctx context.Context, safe safety) error {
	if s.safe == safe {
		return nil
	}
	s.safe = "" // not known, should this fail
	if _, err := s.writer.ExecContext(brief(ctx), `PRAGMA synchronous = `+string(safe)); err != nil {
		return err
	}
	s.safe = safe
	return nil
}

// identify gives the wafer its run number, and its ID where it is stored already.
func (t *Tx) identify() (known bool, err error) {
	w, m := t.wafer, t.wafer.Material
	err = t.tx.QueryRowContext(t.ctx, `SELECT id, run FROM wafer
		WHERE substrate = ? AND lot = ? AND slot = ? AND carrier = ? AND started = ? AND finished = ?`,
		m.Substrate, m.Lot, m.Slot, m.Carrier, nanos(w.Started), nanos(w.Finished)).Scan(&w.ID, &w.Run)
	if !errors.Is(err, sql.ErrNoRows) {
		return err == nil, err
	}
	// A substrate has a name of its own; one without is known by its place.
	return false, t.tx.QueryRowContext(t.ctx, `SELECT ifnull(max(run), 0) + 1 FROM wafer
		WHERE substrate = ? AND (substrate <> '' OR (lot = ? AND slot = ? AND carrier = ?))`,
		m.Substrate, m.Lot, m.Slot, m.Carrier).Scan(&w.Run)
}
