// Package store keeps the early-warning service's records in one SQLite
// database: write-ahead log, synchronous FULL, so that what was acknowledged to
// a node outlives a power cut.
//
// A record is kept once for each (node, epoch, seq), as the bytes that its node
// signed.
package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	_ "modernc.org/sqlite"

	"kensa/bus/ledger"
)

// ErrLocked means that another program has the state folder.
var ErrLocked = errors.New("in use by another kensa-warning")

// version is the schema's, kept in the database's user_version; application
// marks the file as ours ("KEWA").
const (
	version     = 1
	application = 0x4b455741
)

//go:embed schema.sql
var schema string

// Store is an open database. Its methods may be called from several goroutines;
// they wait for each other.
type Store struct {
	db   *sql.DB
	lock *os.File
}

// Open opens the database in a folder, and makes both where there are none.
func Open(ctx context.Context, folder string) (*Store, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	held, err := lock(filepath.Join(folder, "lock"))
	if err != nil {
		return nil, fmt.Errorf("state: %s: %w", folder, err)
	}
	path := filepath.Join(folder, "warning.db")
	s := &Store{lock: held}
	if s.db, err = connect(path); err == nil {
		err = s.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("state: %s: %w", path, err), s.Close())
	}
	return s, nil
}

func connect(path string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	options := url.Values{
		"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "busy_timeout(5000)"},
		"_txlock": {"immediate"},
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// lock keeps a second program out until this one ends, however it ends.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (s *Store) migrate(ctx context.Context) error {
	var have, id int
	if err := s.db.QueryRowContext(ctx, `SELECT user_version, application_id FROM pragma_user_version, pragma_application_id`).Scan(&have, &id); err != nil {
		return err
	}
	switch {
	case have == version && id == application:
		return nil
	case have != 0 || id != 0:
		return fmt.Errorf("schema %d of application %#x; this program has %d of %#x", have, id, version, application)
	}
	return s.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, schema+fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d;", version, application))
		return err
	})
}

// Close lets the database go.
func (s *Store) Close() error {
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	return errors.Join(err, s.lock.Close())
}

// Ping proves that the database can be written: it waits for its turn to write,
// and writes nothing.
func (s *Store) Ping(ctx context.Context) error {
	return wrap(s.transact(ctx, func(*sql.Tx) error { return nil }))
}

func (s *Store) transact(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Position implements ledger.Store.
func (s *Store) Position(ctx context.Context, key ledger.Stream) (uint64, error) {
	var seq uint64
	err := s.db.QueryRowContext(ctx, `SELECT position FROM stream WHERE node = ? AND epoch = ?`, key.Node, key.Epoch).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return seq, wrap(err)
}

// Latest implements ledger.Store.
func (s *Store) Latest(ctx context.Context) ([]ledger.Position, error) {
	return s.positions(ctx, `SELECT node, epoch, position FROM stream WHERE id IN (SELECT max(id) FROM stream GROUP BY node) ORDER BY node`)
}

// Positions are those of all streams, by node, the older epochs first.
func (s *Store) Positions(ctx context.Context) ([]ledger.Position, error) {
	return s.positions(ctx, `SELECT node, epoch, position FROM stream ORDER BY node, id`)
}

func (s *Store) positions(ctx context.Context, query string) ([]ledger.Position, error) {
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return nil, wrap(err)
	}
	defer rows.Close()
	positions := []ledger.Position{}
	for rows.Next() {
		var p ledger.Position
		if err := rows.Scan(&p.Node, &p.Epoch, &p.Seq); err != nil {
			return nil, wrap(err)
		}
		positions = append(positions, p)
	}
	return positions, wrap(rows.Err())
}

// Digest implements ledger.Store.
func (s *Store) Digest(ctx context.Context, key ledger.Stream, seq uint64) (digest [sha256.Size]byte, held bool, err error) {
	var body []byte
	err = s.db.QueryRowContext(ctx, `SELECT body FROM record JOIN stream ON stream = id WHERE node = ? AND epoch = ? AND seq = ?`,
		key.Node, key.Epoch, seq).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return digest, false, nil
	}
	return sha256.Sum256(body), err == nil, wrap(err)
}

// Commit implements ledger.Store.
func (s *Store) Commit(ctx context.Context, records []ledger.Received) error {
	return wrap(s.transact(ctx, func(tx *sql.Tx) error {
		c := commit{tx: tx, now: time.Now().UnixNano(), ends: make(map[ledger.Stream]*end)}
		return c.all(ctx, records)
	}))
}

// commit is a batch on its way into the database.
type commit struct {
	tx     *sql.Tx
	now    int64
	insert *sql.Stmt
	ends   map[ledger.Stream]*end
}

// end is how far a stream has come within the transaction.
type end struct {
	id       int64
	position uint64
}

func (c *commit) all(ctx context.Context, records []ledger.Received) (err error) {
	if c.insert, err = c.tx.PrepareContext(ctx, `INSERT INTO record VALUES (?, ?, ?, ?)`); err != nil {
		return err
	}
	defer c.insert.Close()
	for _, r := range records {
		if err := c.add(ctx, r); err != nil {
			return err
		}
	}
	for _, e := range c.ends {
		if _, err := c.tx.ExecContext(ctx, `UPDATE stream SET position = ? WHERE id = ?`, e.position, e.id); err != nil {
			return err
		}
	}
	return nil
}

func (c *commit) add(ctx context.Context, r ledger.Received) (err error) {
	key, seq := ledger.Stream{Node: r.Record.Node, Epoch: r.Record.Epoch}, r.Record.Seq
	e := c.ends[key]
	if e == nil {
		e = new(end)
		if e.id, e.position, err = stream(ctx, c.tx, key, c.now); err != nil {
			return err
		}
		c.ends[key] = e
	}
	switch {
	case seq <= e.position:
		return nil
	case seq > e.position+1:
		return fmt.Errorf("node %s, epoch %s: seq %d follows %d", key.Node, key.Epoch, seq, e.position)
	case r.Void != "":
		_, err = c.tx.ExecContext(ctx, `INSERT INTO lost VALUES (?, ?, ?, ?)`, e.id, seq, seq, c.now)
	default:
		_, err = c.insert.ExecContext(ctx, e.id, seq, c.now, r.Body)
	}
	e.position = seq
	return err
}

// stream finds a stream, and begins it where it is new.
func stream(ctx context.Context, tx *sql.Tx, key ledger.Stream, now int64) (id int64, position uint64, err error) {
	if _, err = tx.ExecContext(ctx, `INSERT INTO stream (node, epoch, begun, position) VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING`,
		key.Node, key.Epoch, now); err != nil {
		return 0, 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT id, position FROM stream WHERE node = ? AND epoch = ?`, key.Node, key.Epoch).Scan(&id, &position)
	return id, position, err
}

// Skip implements ledger.Store.
func (s *Store) Skip(ctx context.Context, key ledger.Stream, first uint64) error {
	now := time.Now().UnixNano()
	return wrap(s.transact(ctx, func(tx *sql.Tx) error {
		id, position, err := stream(ctx, tx, key, now)
		if err != nil || first <= position+1 {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO lost VALUES (?, ?, ?, ?)`, id, position+1, first-1, now); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE stream SET position = ? WHERE id = ?`, first-1, id)
		return err
	}))
}

// Lost is a range of records that a node could not send.
type Lost struct {
	ledger.Stream
	From, To uint64
}

// Replay gives every record to each, in the order in which its node made it,
// and then every loss.
func (s *Store) Replay(ctx context.Context, each func(ledger.Record, time.Time), lost func(Lost)) error {
	rows, err := s.db.QueryContext(ctx, `SELECT body, received FROM record ORDER BY stream, seq`)
	if err != nil {
		return wrap(err)
	}
	defer rows.Close()
	for rows.Next() {
		var body []byte
		var received int64
		if err := rows.Scan(&body, &received); err != nil {
			return wrap(err)
		}
		var r ledger.Record
		if err := json.Unmarshal(body, &r); err != nil {
			return wrap(err)
		}
		each(r, time.Unix(0, received))
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return wrap(err)
	}
	return s.replayLost(ctx, lost)
}

func (s *Store) replayLost(ctx context.Context, lost func(Lost)) error {
	rows, err := s.db.QueryContext(ctx, `SELECT node, epoch, first, last FROM lost JOIN stream ON stream = id ORDER BY stream, first`)
	if err != nil {
		return wrap(err)
	}
	defer rows.Close()
	for rows.Next() {
		var l Lost
		if err := rows.Scan(&l.Node, &l.Epoch, &l.From, &l.To); err != nil {
			return wrap(err)
		}
		lost(l)
	}
	return wrap(rows.Err())
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("store: %w", err)
}
