package update

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

var errPower = errors.New("the power is gone")

// when is at which point of a step the power goes.
type when string

const (
	before when = "before"
	half   when = "half way through"
	after  when = "after"
)

// failing is a disk whose power goes at one of its steps; nothing works from then on.
type failing struct {
	hasty
	left int // steps until then
	when when
	gone bool
	did  int
}

// step does one step, unless the power goes.
func (f *failing) step(do, halfDo func() error) error {
	if f.gone {
		return errPower
	}
	f.did++
	if f.left--; f.left >= 0 {
		return do()
	}
	f.gone = true
	var err error
	switch {
	case f.when == half && halfDo != nil:
		err = halfDo()
	case f.when == after:
		err = do()
	}
	return errors.Join(errPower, err)
}

func (f *failing) Replace(path string, data []byte) error {
	torn := func() error { // the temporary file is left
		return os.WriteFile(filepath.Join(filepath.Dir(path), ".choice.torn"), data[:len(data)/2], 0o600)
	}
	return f.step(func() error { return f.hasty.Replace(path, data) }, torn)
}

func (f *failing) Write(path string, mode os.FileMode, from io.Reader) (n int64, err error) {
	data, err := io.ReadAll(from)
	if err != nil {
		return 0, err
	}
	write := func(data []byte) func() error {
		return func() error { n, err = f.hasty.Write(path, mode, bytes.NewReader(data)); return err }
	}
	err = f.step(write(data), write(data[:len(data)/2]))
	return n, err
}

func (f *failing) Mkdir(path string) error {
	return f.step(func() error { return f.hasty.Mkdir(path) }, nil)
}

func (f *failing) RemoveAll(path string) error {
	some := func() error {
		entries, err := os.ReadDir(path)
		if err != nil || len(entries) == 0 {
			return nil
		}
		return os.Remove(filepath.Join(path, entries[len(entries)/2].Name()))
	}
	return f.step(func() error { return f.hasty.RemoveAll(path) }, some)
}

func (f *failing) Rename(from, to string) error {
	return f.step(func() error { return f.hasty.Rename(from, to) }, nil)
}

func (f *failing) Link(target, path string) error {
	torn := func() error { return os.Symlink(target, path+".new") }
	return f.step(func() error { return f.hasty.Link(target, path) }, torn)
}

// story is a whole life: an update that is confirmed, one that goes back, one
// that a person takes back, and one onto a slot that was used. It stops at its
// first error.
func story(r *rig) error {
	ctx := r.t.Context()
	boot := func() error { _, err := r.Select(ctx); return err }
	stage := func(version string) func() error {
		return func() error {
			_, err := r.Stage(ctx, bytes.NewReader(r.bundle(release(version))), Allow{})
			return err
		}
	}
	back := func() error { _, err := r.Back(ctx, TakenBack, "asked"); return err }
	for _, act := range []func() error{
		boot, stage("1.1"), boot, r.Confirm, boot,
		stage("1.2"), boot, boot,
		stage("1.3"), boot, r.Confirm, back, boot,
		stage("1.4"), stage("1.5"), boot, r.Confirm, boot,
	} {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}

// TestAPowerCutAtAnyStepLeavesAWholeProgram cuts the power at each step of a
// story, before, half way through and after it, and boots until it settles.
func TestAPowerCutAtAnyStepLeavesAWholeProgram(t *testing.T) {
	whole := newRig(t)
	count := &failing{left: 1 << 30}
	whole.disk = count
	if err := story(whole); err != nil {
		t.Fatal(err)
	}
	whole.starts("1.5", false)
	if count.did < 40 {
		t.Fatalf("the story has %d steps; too few to prove anything", count.did)
	}
	stride := 1
	if testing.Short() {
		stride = 7
	}
	for step := 0; step < count.did; step += stride {
		for _, when := range []when{before, half, after} {
			t.Run(fmt.Sprintf("%s step %d", when, step), func(t *testing.T) { cutAt(t, step, when) })
		}
	}
}

func cutAt(t *testing.T, step int, when when) {
	r := newRig(t)
	r.disk = &failing{left: step, when: when}
	if err := story(r); !errors.Is(err, errPower) {
		t.Fatalf("error %v; want %v", err, errPower)
	}
	r.disk = hasty{}
	first, err := r.Select(t.Context())
	if err != nil {
		t.Fatalf("nothing to boot: %v", err)
	}
	r.points(first)
	// Nobody confirms: it must settle on what is no trial, and stay there.
	settled, err := r.Select(t.Context())
	if err != nil || settled.Trial {
		t.Fatalf("second boot: %+v, %v; want one that is not on trial", settled, err)
	}
	r.points(settled)
	r.starts(settled.Version, false)
	// And the way is free for the next update.
	r.update("2.0")
	r.starts("2.0", false)
	r.clean()
}
