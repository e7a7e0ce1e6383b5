// Package update replaces the appliance's program by a signed one, and goes back
// by itself when the new one does not work.
//
// A bundle is one file: a line that names the format, the four lines of a
// minisign signature, and the signed payload, which is a manifest (JSON on one
// line) and the program. Nothing of the payload is looked at before its
// signature was found good.
//
// There are three places for a program: the one that the Debian package brought,
// which an update never touches, and the slots a and b. One small file, the
// choice, says which of them counts; it is replaced by a rename. Select reads it
// before each start, verifies the program's signature anew, and points the link
// `current` at it. Select is always run by the package's program, so a bundle
// cannot bring along who judges it.
//
// A new program is on trial: that its one attempt has begun is written down
// before it starts. If the next Select comes before Confirm, for whatever
// reason (a crash, a watchdog, a power cut), the trial has failed and the
// program before counts again.
//
// Only one process changes anything at a time (a lock in the slots' folder).
package update

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Why a bundle is refused. Every refusal is also ErrRefused; nothing has changed
// then.
var (
	ErrRefused   = errors.New("bundle refused")
	ErrFormat    = fmt.Errorf("%w: not a bundle", ErrRefused)
	ErrSignature = fmt.Errorf("%w: signature", ErrRefused)
	ErrArch      = fmt.Errorf("%w: architecture", ErrRefused)
	ErrRollback  = fmt.Errorf("%w: version", ErrRefused)
	ErrSchema    = fmt.Errorf("%w: database schema", ErrRefused)
	ErrMigrates  = fmt.Errorf("%w: database would be migrated", ErrRefused)
	ErrOnTrial   = fmt.Errorf("%w: another version is on trial", ErrRefused)
)

// ErrNothing means that there is no other version to go back to.
var ErrNothing = errors.New("no version to go back to")

// ErrLocked means that another process changes the slots.
var ErrLocked = errors.New("another update is under way")

// Places are where an installation lies.
type Places struct {
	Slots   string // folder of the slots, the choice and the link; root's
	Package string // folder of the Debian package's program and manifest.json
	Keys    string // file of the minisign public keys that bundles may be signed with
}

// DefaultPlaces are those of the Debian package.
func DefaultPlaces() Places {
	return Places{Slots: "/var/lib/kensa-update", Package: "/usr/lib/kensa", Keys: "/etc/kensa/update.pub"}
}

// Names within the folders of Places.
const (
	ProgramName  = "kensa"         // of a slot, and of the package
	ManifestName = "manifest.json" // likewise
	LinkName     = "current"       // link to the folder of the program that counts

	signatureName = "signature"
	choiceName    = "choice.json"
	lockName      = "lock"
)

// Store is an installation with its slots.
type Store struct {
	Places
	Arch string // that this machine runs, by Go's name
	// Schema tells the schema of the appliance's database; 0 where there is none.
	Schema func(context.Context) (int, error)
	Now    func() time.Time

	disk     disk
	patience time.Duration // for the lock
}

// NewStore makes a store on the real disk.
func NewStore(p Places, arch string, schema func(context.Context) (int, error)) *Store {
	return &Store{Places: p, Arch: arch, Schema: schema, Now: time.Now, disk: realDisk{}, patience: lockPatience}
}

// A start waits for a bundle that is being unpacked.
const (
	lockPatience = 30 * time.Second
	lockPause    = 50 * time.Millisecond
)

// lock keeps other processes out until unlocked.
func (s *Store) lock() (unlock func() error, err error) {
	if err := os.MkdirAll(s.Slots, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.Slots, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(s.patience); ; time.Sleep(lockPause) {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			break
		}
		if time.Now().After(end) {
			err = fmt.Errorf("%s: %w", s.Slots, ErrLocked)
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}

// locked runs f with the lock held.
func (s *Store) locked(f func() error) error {
	unlock, err := s.lock()
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	if err := errors.Join(f(), unlock()); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return nil
}
