package record

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock takes the lock file beside the database. SQLite's own locks would let
// two appliances take turns, and both would number and publish.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("record: lock beside the database: %w; the folder must exist and be writable", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("record: %s: %w; stop that one first, or read with a command that only reads", path, ErrLocked)
	}
	return nil, fmt.Errorf("record: %s.lock: flock: %w", path, err)
}
