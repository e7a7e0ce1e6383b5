package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Command is what a host ordered, and what became of it.
type Command struct {
	ID       string // the host's own, given once
	Name     string
	Host     string
	Detail   string // what it is about
	Received time.Time
	Answered time.Time // zero while it is being carried out
	Code     int       // SEMI E5's HCACK
	Reason   string
}

// entry is the command in the audit log.
func (c Command) entry() Entry {
	result := fmt.Sprintf("HCACK %d", c.Code)
	if c.Reason != "" {
		result += ": " + c.Reason
	}
	return Entry{Time: c.Answered, Origin: ByHost, Who: c.Host, What: c.Name, Detail: strings.TrimSpace(c.Detail + " id=" + c.ID), Result: result}
}

// BeginCommand notes a command before it is carried out. Where the id is known it
// returns that command as it was noted, and notes nothing: it must not be carried
// out again.
func (s *Store) BeginCommand(ctx context.Context, c Command) (known Command, isKnown bool, err error) {
	err = s.Update(ctx, func(t *Tx) error {
		known, err = scanCommand(t.tx.QueryRowContext(t.ctx, `SELECT `+commandColumns+` FROM command WHERE id = ?`, c.ID))
		if isKnown = err == nil; isKnown || !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		_, err = t.tx.ExecContext(t.ctx, `INSERT INTO command (`+commandColumns+`) VALUES (?, ?, ?, ?, ?, NULL, 0, '')`,
			c.ID, c.Name, c.Host, c.Detail, nanos(c.Received))
		return err
	})
	return known, isKnown && err == nil, err
}

// EndCommand notes what became of a command, in the audit log too.
func (s *Store) EndCommand(ctx context.Context, c Command) error {
	return s.Update(ctx, func(t *Tx) error {
		result, err := t.tx.ExecContext(t.ctx, `UPDATE command SET answered = ?, code = ?, reason = ? WHERE id = ? AND answered IS NULL`,
			nanos(c.Answered), c.Code, c.Reason, c.ID)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, fmt.Errorf("command %q: %w, or answered before", c.ID, ErrNotFound))
		}
		return t.Audit(c.entry())
	})
}

// OpenCommands lists the commands without an answer: those that a crash
// interrupted, when it is called before new ones are taken.
func (r *Reader) OpenCommands(ctx context.Context) ([]Command, error) {
	return r.commands(ctx, `SELECT `+commandColumns+` FROM command WHERE answered IS NULL ORDER BY received`)
}

// LastCommand is the one that was answered last; false where there is none.
func (r *Reader) LastCommand(ctx context.Context) (Command, bool, error) {
	list, err := r.commands(ctx, `SELECT `+commandColumns+` FROM command WHERE answered IS NOT NULL ORDER BY answered DESC LIMIT 1`)
	if err != nil || len(list) == 0 {
		return Command{}, false, err
	}
	return list[0], true, nil
}

func (r *Reader) commands(ctx context.Context, query string) ([]Command, error) {
	rows, err := r.db.QueryContext(ctx, query)
	if err != nil {
		return nil, r.explain(err)
	}
	defer rows.Close()
	var list []Command
	for rows.Next() {
		c, err := scanCommand(rows)
		if err != nil {
			return nil, r.explain(err)
		}
		list = append(list, c)
	}
	return list, r.explain(rows.Err())
}

const commandColumns = `id, name, host, detail, received, answered, code, reason`

func scanCommand(row interface{ Scan(...any) error }) (c Command, err error) {
	var received, answered sql.NullInt64
	err = row.Scan(&c.ID, &c.Name, &c.Host, &c.Detail, &received, &answered, &c.Code, &c.Reason)
	c.Received, c.Answered = instant(received), instant(answered)
	return c, err
}
