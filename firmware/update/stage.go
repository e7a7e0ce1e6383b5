package update

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Allow is what a person may allow for one bundle.
type Allow struct {
	// Rollback takes a version that is not newer than the newest one confirmed.
	Rollback bool
	// Migration takes a version that changes the database so that the program
	// before cannot open it: there is no way back by itself then.
	Migration bool
}

// Stage verifies a bundle, puts its program into the free slot, and sets it on
// trial from the next Select on. An error that is ErrRefused is the bundle's;
// after any error what counted before counts on.
func (s *Store) Stage(ctx context.Context, bundle io.Reader, allow Allow) (m Manifest, err error) {
	err = s.locked(func() error {
		choice, err := s.load()
		if err != nil {
			return err
		}
		if choice.Trial != nil && choice.Trial.Started {
			return fmt.Errorf("%w: %s; wait until it is confirmed or has gone back", ErrOnTrial, choice.Trial.Version)
		}
		slot := choice.free()
		next := s.folder(slot) + ".new"
		if err := s.sweep(); err != nil {
			return err
		}
		if m, err = s.unpackVerified(ctx, bundle, next, choice, allow); err != nil {
			return errors.Join(err, s.disk.RemoveAll(next))
		}
		return s.put(choice, slot, next, m)
	})
	return m, err
}

// sweep removes what a power cut has left half unpacked.
func (s *Store) sweep() error {
	for _, slot := range []Slot{A, B} {
		left := s.folder(slot) + ".new"
		if _, err := os.Lstat(left); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := s.disk.RemoveAll(left); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) unpackVerified(ctx context.Context, bundle io.Reader, folder string, choice Choice, allow Allow) (Manifest, error) {
	if err := s.unpack(bundle, folder); err != nil {
		return Manifest{}, err
	}
	m, err := s.verify(folder)
	if err != nil {
		return m, err
	}
	return m, s.admit(ctx, m, choice, allow)
}

// put moves an unpacked program into its slot and sets it on trial. A slot that
// was to be tried already is taken out of the choice first, and so is one that
// could have been gone back to: it is about to be overwritten.
func (s *Store) put(choice Choice, slot Slot, unpacked string, m Manifest) error {
	if choice.Trial != nil || choice.Previous == slot {
		choice.Trial = nil
		if choice.Previous == slot {
			choice.Previous = ""
		}
		if err := s.save(choice); err != nil {
			return err
		}
	}
	if err := s.disk.RemoveAll(s.folder(slot)); err != nil {
		return err
	}
	if err := s.disk.Rename(unpacked, s.folder(slot)); err != nil {
		return err
	}
	choice.Trial = &Trial{Slot: slot, Version: m.Version}
	return s.save(choice)
}

// admit judges a verified manifest against what is here.
func (s *Store) admit(ctx context.Context, m Manifest, choice Choice, allow Allow) error {
	current := s.version(choice)
	newest := current
	if CompareVersions(choice.Floor, newest) > 0 {
		newest = choice.Floor
	}
	if CompareVersions(m.Version, newest) <= 0 && !allow.Rollback {
		return fmt.Errorf("%w: %s is not newer than %s", ErrRollback, m.Version, newest)
	}
	schema, err := s.Schema(ctx)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if err := m.opens(schema); err != nil {
		return fmt.Errorf("%w: %w", ErrSchema, err)
	}
	if schema != 0 && m.Schema > schema && !allow.Migration {
		return fmt.Errorf("%w: from schema %d to %d; version %s could not open it any more", ErrMigrates, schema, m.Schema, current)
	}
	return nil
}

// version is that of the current program, as its folder says; empty where it
// says nothing.
func (s *Store) version(choice Choice) string {
	m, err := s.manifest(choice.Current)
	if err != nil {
		return ""
	}
	return m.Version
}

// LinkPath is the link to the folder of the program that counts.
func (s *Store) LinkPath() string { return filepath.Join(s.Slots, LinkName) }
