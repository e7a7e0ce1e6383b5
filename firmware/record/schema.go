package record

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"os"
	"slices"
)

// applicationID marks the file as this program's, after SQLite's
// application_id: "KNSA".
const applicationID = 0x4b4e5341

// migrations are run in the order of their names. One that was shipped is never
// changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

// epochValue is the name under which the database's first epoch is kept among
// the values, laterEpoch that of the present one where it is another.
const (
	epochValue = "epoch"
	laterEpoch = "epoch/later"
)

// selectEpoch finds the present epoch.
const selectEpoch = `SELECT value FROM value WHERE name IN ('` + epochValue + `', '` + laterEpoch + `') ORDER BY name DESC LIMIT 1`

func scripts() ([]string, error) {
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		return nil, err
	}
	var list []string
	for _, e := range entries {
		text, err := migrations.ReadFile("migrations/" + e.Name())
		if err != nil {
			return nil, err
		}
		list = append(list, string(text))
	}
	return list, nil
}

// identify tells how many migrations the file has seen; 0 means that it is new.
func identify(ctx context.Context, db *sql.DB, known int) (int, error) {
	var application, version, tables int
	err := db.QueryRowContext(ctx, `SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id, pragma_user_version`).Scan(&application, &version, &tables)
	switch {
	case err != nil:
		return 0, err
	case application == 0 && version == 0 && tables == 0:
		return 0, nil
	case application != applicationID:
		return 0, fmt.Errorf("%w: application_id %#x; want %#x", ErrForeign, application, applicationID)
	case version > known:
		return 0, fmt.Errorf("%w: schema %d; this one knows %d; run the newer version or another state folder", ErrNewer, version, known)
	}
	return version, nil
}

// migrate brings the schema up to date, each step in a transaction of its own.
// A database in being gets its random epoch with its first step.
func migrate(ctx context.Context, db *sql.DB) error {
	steps, err := scripts()
	if err != nil {
		return err
	}
	version, err := identify(ctx, db, len(steps))
	if err != nil {
		return err
	}
	if version == 0 {
		// Only an empty file takes this; it lets Prune give space back.
		if _, err := db.ExecContext(ctx, `PRAGMA auto_vacuum = INCREMENTAL`); err != nil {
			return err
		}
	}
	if _, err := db.ExecContext(ctx, `PRAGMA journal_mode = WAL`); err != nil {
		return err
	}
	for n, script := range slices.All(steps) {
		if n < version {
			continue
		}
		if err := step(ctx, db, n+1, script); err != nil {
			return fmt.Errorf("migration %d: %w", n+1, err)
		}
	}
	return nil
}

func step(ctx context.Context, db *sql.DB, version int, script string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, script); err != nil {
		return err
	}
	// PRAGMA takes no parameters.
	head := fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = %d`, applicationID, version)
	if _, err := tx.ExecContext(ctx, head); err != nil {
		return err
	}
	if version == 1 {
		if _, err := tx.ExecContext(ctx, `INSERT INTO value VALUES (?, ?)`, epochValue, []byte(newEpoch())); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// newEpoch is 128 random bits, in hex.
func newEpoch() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Schemas are the oldest and the newest schema that Open can open.
func Schemas() (oldest, newest int, err error) {
	steps, err := scripts()
	return 1, len(steps), err
}

// SchemaOf tells the schema of the database at path, however new; 0 where there
// is none.
func SchemaOf(ctx context.Context, path string) (version int, err error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("record: %w", err)
	case !info.Mode().IsRegular(): // root asks, in a folder that another user owns
		return 0, fmt.Errorf("record: %s: %w: it is no file", path, ErrForeign)
	}
	db, err := connect(path, url.Values{"mode": {"ro"}}, 1)
	if err != nil {
		return 0, fmt.Errorf("record: %w", err)
	}
	version, err = identify(ctx, db, math.MaxInt)
	return version, errors.Join(explain(path, err), db.Close())
}
