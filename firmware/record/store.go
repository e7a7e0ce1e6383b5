package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite"
)

// Reader reads a database. It may be used from several goroutines.
type Reader struct {
	db    *sql.DB
	path  string
	root  string // the epoch that the database was made with
	epoch atomic.Pointer[string]
	// Statements that run with every message: to parse them would cost more than to
	// run them.
	numbering, pending *sql.Stmt
}

// Store is the one writer of a database, and a Reader of it. It may be used
// from several goroutines; writers wait for each other.
type Store struct {
	*Reader
	writer *sql.DB // one connection
	// transaction is held from a transaction's begin until the epoch is known that it
	// has left.
	transaction sync.Mutex
	safe        safety // what the writer is set to; transaction guards it
	// planes is how far the planes have come; nil where that is not known.
	planes atomic.Pointer[planes]
	rounds sync.Mutex
	round  *round // of acknowledgements that wait for another; nil where none do
	lock   *os.File
	often  often
}

// often are the writer's statements that run with every message.
type often struct{ publish, remove, reach, value, set *sql.Stmt }

func (o *often) prepare(ctx context.Context, db *sql.DB) error {
	return prepare(ctx, db, map[**sql.Stmt]string{
		&o.publish: `INSERT INTO outbox (plane, seq, wafer, committed, payload) VALUES (?, ?, ?, ?, ?)`,
		&o.remove:  `DELETE FROM outbox WHERE plane = ? AND seq <= ?`,
		&o.reach:   `UPDATE plane SET acknowledged = ?, last = ? WHERE name = ?`,
		&o.value:   selectValue,
		&o.set:     `INSERT INTO value VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`,
	})
}

// prepare parses statements, which live as long as the database is open.
func prepare(ctx context.Context, db *sql.DB, statements map[**sql.Stmt]string) (err error) {
	for into, text := range statements {
		if *into, err = db.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// brief is a context for what takes no time, so that nobody needs to interrupt it: for
// each statement that can be interrupted, driver and library start goroutines.
func brief(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// readers is how many readings run side by side: display, senders, exports.
const readers = 4

// Open opens the database at path for writing, makes it where there is none,
// and brings an older one up to date. Alarms that the run before left set are
// cleared, for its set of alarms went with it. Errors are ErrLocked, ErrForeign,
// ErrNewer, ErrDamaged, ErrFull, and those of the file system.
func Open(ctx context.Context, path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	held, err := lock(path)
	if err != nil {
		return nil, err
	}
	s := &Store{lock: held, Reader: &Reader{path: path}}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(explain(path, err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	var err error
	if s.writer, err = connect(s.path, url.Values{"_txlock": {"immediate"}, "mode": {"rwc"}}, 1); err != nil {
		return err
	}
	if err := migrate(ctx, s.writer); err != nil {
		return err
	}
	if err := s.Reader.open(ctx); err != nil {
		return err
	}
	if err := s.checkOutbox(ctx); err != nil {
		return err
	}
	if err := s.often.prepare(ctx, s.writer); err != nil {
		return err
	}
	_, err = s.writer.ExecContext(ctx, `UPDATE alarm SET cleared = ? WHERE cleared IS NULL`, nanos(time.Now()))
	return err
}

// Close waits for what is being written and lets the database go.
func (s *Store) Close() error {
	var errs []error
	if s.Reader.db != nil {
		errs = append(errs, s.Reader.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.Close())
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// OpenReadOnly opens an existing database for reading, also while another
// process writes it. Errors are ErrForeign, ErrNewer, and those of the file
// system; an older schema must first be brought up to date by Open.
func OpenReadOnly(ctx context.Context, path string) (*Reader, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	r := &Reader{path: path}
	if err := r.open(ctx); err != nil {
		if r.db != nil {
			err = errors.Join(err, r.db.Close())
		}
		return nil, explain(path, err)
	}
	return r, nil
}

func (r *Reader) open(ctx context.Context) error {
	steps, err := scripts()
	if err != nil {
		return err
	}
	if r.db, err = connect(r.path, url.Values{"mode": {"ro"}}, readers); err != nil {
		return err
	}
	version, err := identify(ctx, r.db, len(steps))
	if err != nil {
		return err
	}
	if version < len(steps) {
		return fmt.Errorf("schema %d is older than this program's %d; start kensa run once to bring it up to date", version, len(steps))
	}
	var epoch string
	if err := r.db.QueryRowContext(ctx, selectValue, epochValue).Scan(&r.root); err != nil {
		return err
	}
	if err := r.db.QueryRowContext(ctx, selectEpoch).Scan(&epoch); err != nil {
		return err
	}
	r.epoch.Store(&epoch)
	return prepare(ctx, r.db, map[**sql.Stmt]string{&r.numbering: selectNumbering, &r.pending: selectPending})
}

// Close lets the database go.
func (r *Reader) Close() error { return r.db.Close() }

// Epoch names the ledger's numbering: 32 hexadecimal digits, random, made with
// the database, and anew where it turned out to be an older state of itself.
func (r *Reader) Epoch() string { return *r.epoch.Load() }

// Path is the database's file.
func (r *Reader) Path() string { return r.path }

func connect(path string, query url.Values, connections int) (*sql.DB, error) {
	query["_pragma"] = []string{
		"busy_timeout(5000)", // milliseconds; a reader's checkpoint may be in the way
		"foreign_keys(1)",
		"synchronous(FULL)",
		"journal_size_limit(67108864)", // bytes; the log shrinks back to this after a large commit
	}
	query.Set("_error_rc", "1")
	name := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}
