package record

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors that a caller can act on.
var (
	// ErrFull means that the disk has no room: nothing of the transaction was
	// written, and it can be tried again.
	ErrFull = errors.New("disk full")
	// ErrLocked means that another process has the store open for writing.
	ErrLocked = errors.New("in use by another kensa")
	// ErrNewer means that a later version of the program made the database.
	ErrNewer = errors.New("database of a newer version")
	// ErrForeign means that the file is not a database of this program.
	ErrForeign = errors.New("not a kensa database")
	// ErrDamaged means that the database contradicts itself.
	ErrDamaged = errors.New("database damaged")
	// ErrNotFound means that there is no such wafer, image or alarm.
	ErrNotFound = errors.New("not found")
	// ErrEpoch means that an acknowledgement speaks of another database.
	ErrEpoch = errors.New("epoch of another database")
	// ErrAhead means that an acknowledgement speaks of messages never written.
	ErrAhead = errors.New("acknowledged beyond the highest seq")
)

// explain names the database's file and turns SQLite's codes into the errors
// above.
func (r *Reader) explain(err error) error { return explain(r.path, err) }

func explain(path string, err error) error {
	if err == nil {
		return nil
	}
	var failure *sqlite.Error
	if !errors.As(err, &failure) {
		return fmt.Errorf("record: %s: %w", path, err)
	}
	primary := failure.Code() & 0xff // the upper bits are the extended code
	switch {
	case primary == sqlite3.SQLITE_FULL, primary == sqlite3.SQLITE_IOERR && noSpace(path):
		return fmt.Errorf("record: %s: %w; free space on its file system: %w", path, ErrFull, err)
	case primary == sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("record: %s: %w: %w", path, ErrForeign, err)
	case primary == sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("record: %s: %w: %w", path, ErrDamaged, err)
	}
	return fmt.Errorf("record: %s: %w", path, err)
}

// noSpace tells a full disk from a failing one. SQLite reports a shared-memory
// file that could not grow as an input/output error.
func noSpace(path string) bool {
	const least = 64 << 10 // bytes; SQLite's shared-memory file grows by 32 KiB
	var fs syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &fs); err != nil {
		return false
	}
	return fs.Bavail*uint64(fs.Bsize) < least
}
