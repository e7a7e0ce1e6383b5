package update

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
)

// Selection is what is to be started.
type Selection struct {
	Slot    Slot
	Version string
	Folder  string
	Trial   bool // it has to be confirmed
}

// Select says what is to be started now and points the link at it. It is run
// once before each start, by the package's program.
func (s *Store) Select(ctx context.Context) (selected Selection, err error) {
	err = s.locked(func() error {
		choice, err := s.load()
		if err != nil {
			return err
		}
		selected, err = s.choose(ctx, s.heed(choice))
		return err
	})
	return selected, err
}

// heed lets a package that dpkg has brought since count: whoever installs one
// means it.
func (s *Store) heed(choice Choice) Choice {
	version := s.packageVersion()
	if version == "" || version == choice.Package {
		return choice
	}
	last := s.event(PackageChanged, version, "dpkg brought another version")
	return Choice{Current: Package, Previous: choice.Current, Package: version, Floor: choice.Floor, Last: last}
}

// choose starts a trial, ends one that was not confirmed, or goes on with what
// counts.
func (s *Store) choose(ctx context.Context, choice Choice) (Selection, error) {
	if choice.Trial == nil {
		return s.settle(ctx, choice)
	}
	trial := *choice.Trial
	m, err := s.runnable(ctx, trial.Slot)
	switch {
	case err != nil:
		choice.Trial, choice.Last = nil, s.event(WentBack, trial.Version, err.Error())
	case trial.Started && s.wayBack(ctx, choice):
		choice.Trial, choice.Last = nil, s.event(WentBack, trial.Version, "it did not become healthy before it ended: a crash, a time-out or a power cut")
	default:
		// On the disk before it starts: nothing that it does can be taken for a
		// second attempt's first.
		choice.Trial = &Trial{trial.Slot, trial.Version, true}
		if err := s.save(choice); err != nil {
			return Selection{}, err
		}
		return s.start(Selection{trial.Slot, m.Version, s.folder(trial.Slot), true})
	}
	return s.settle(ctx, choice)
}

// wayBack tells whether something else could be started; a version that has
// migrated the database may be the only one that opens it.
func (s *Store) wayBack(ctx context.Context, choice Choice) bool {
	for _, slot := range choice.others() {
		if _, err := s.runnable(ctx, slot); err == nil {
			return true
		}
	}
	return false
}

// others are the slots to start when no trial is on, the first that is runnable
// counting.
func (c Choice) others() []Slot {
	list := []Slot{c.Current}
	for _, slot := range []Slot{c.Previous, Package, A, B} {
		tried := c.Trial != nil && slot == c.Trial.Slot
		if slot != "" && slot != c.Current && !tried {
			list = append(list, slot)
		}
	}
	return list
}

// settle starts the first slot that is runnable, and writes down what changed.
func (s *Store) settle(ctx context.Context, choice Choice) (Selection, error) {
	var errs []error
	for _, slot := range choice.others() {
		m, err := s.runnable(ctx, slot)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", slot, err))
			continue
		}
		if slot != choice.Current {
			// What already was told is the first cause.
			if choice.Last == nil || choice.Last.What == Confirmed {
				choice.Last = s.event(Unusable, "", errors.Join(errs...).Error())
			}
			choice.Current, choice.Previous = slot, ""
		}
		if err := s.saveChanged(choice); err != nil {
			return Selection{}, err
		}
		return s.start(Selection{slot, m.Version, s.folder(slot), false})
	}
	return Selection{}, fmt.Errorf("no program can be started: %w", errors.Join(errs...))
}

// saveChanged writes the choice unless it is on the disk already: most starts
// change nothing.
func (s *Store) saveChanged(choice Choice) error {
	text, err := choice.text()
	if err != nil {
		return err
	}
	if before, err := readLimited(s.choicePath(), maxChoice); err == nil && bytes.Equal(before, text) {
		return nil
	}
	return s.save(choice)
}

// start points the link at the selection.
func (s *Store) start(selected Selection) (Selection, error) {
	if target, err := os.Readlink(s.LinkPath()); err == nil && target == selected.Folder {
		return selected, nil
	}
	return selected, s.disk.Link(selected.Folder, s.LinkPath())
}

// Confirm ends a trial that has begun: its version counts from now on.
func (s *Store) Confirm() error {
	return s.locked(func() error {
		choice, err := s.load()
		if err != nil || choice.Trial == nil || !choice.Trial.Started {
			return err
		}
		trial := choice.Trial
		choice.Current, choice.Previous, choice.Trial = trial.Slot, choice.Current, nil
		if CompareVersions(trial.Version, choice.Floor) > 0 {
			choice.Floor = trial.Version
		}
		choice.Last = s.event(Confirmed, trial.Version, "")
		return s.save(choice)
	})
}

// Back ends a trial, or returns to the version before the current one; what is
// WentBack or TakenBack. What runs must be started anew.
func (s *Store) Back(ctx context.Context, what, reason string) (selected Selection, err error) {
	err = s.locked(func() error {
		choice, err := s.load()
		if err != nil {
			return err
		}
		if choice.Trial != nil {
			choice.Last = s.event(what, choice.Trial.Version, reason)
			choice.Trial = nil
			selected, err = s.settle(ctx, choice)
			return err
		}
		if selected, err = s.before(ctx, choice); err != nil {
			return err
		}
		choice.Last = s.event(what, s.version(choice), reason)
		choice.Current, choice.Previous = selected.Slot, choice.Current
		if err := s.save(choice); err != nil {
			return err
		}
		_, err = s.start(selected)
		return err
	})
	return selected, err
}

// before is the version before the current one.
func (s *Store) before(ctx context.Context, choice Choice) (Selection, error) {
	for _, slot := range []Slot{choice.Previous, Package} {
		if slot == "" || slot == choice.Current {
			continue
		}
		m, err := s.runnable(ctx, slot)
		if err != nil {
			return Selection{}, fmt.Errorf("%w: %s: %w", ErrNothing, slot, err)
		}
		return Selection{slot, m.Version, s.folder(slot), false}, nil
	}
	return Selection{}, ErrNothing
}

// Status is what an installation knows of itself.
type Status struct {
	Choice
	Version  string `json:"version"`            // of the current program
	Problem  string `json:"problem,omitempty"`  // why the current program could not be started again
	Keys     int    `json:"keys"`               // that may sign bundles
	Fallback string `json:"fallback,omitempty"` // the version that could be gone back to
}

// Status reads and verifies, and changes nothing.
func (s *Store) Status(ctx context.Context) (Status, error) {
	choice, err := s.load()
	if err != nil {
		return Status{}, fmt.Errorf("update: %w", err)
	}
	st := Status{Choice: choice, Version: s.version(choice)}
	if _, err := s.runnable(ctx, choice.Current); err != nil {
		st.Problem = err.Error()
	}
	if back, err := s.before(ctx, choice); err == nil {
		st.Fallback = back.Version
	}
	keys, err := s.keys()
	if err != nil {
		return st, fmt.Errorf("update: %w", err)
	}
	st.Keys = len(keys)
	return st, nil
}
