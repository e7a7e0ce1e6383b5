package update

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
)

func TestAConfirmedVersionCounts(t *testing.T) {
	r := newRig(t)
	r.starts("1.0", false)
	r.update("1.1")
	r.starts("1.1", false)
	r.last(Confirmed, "1.1")
	r.update("1.2")
	r.starts("1.2", false)
	r.update("1.3")
	r.starts("1.3", false)
}

func TestATrialThatEndsUnconfirmedGoesBack(t *testing.T) {
	r := newRig(t)
	r.update("1.1")
	r.stage(release("1.2"), Allow{})
	r.starts("1.2", true)
	r.starts("1.1", false)
	r.last(WentBack, "1.2")
	r.starts("1.1", false)
	if err := r.Confirm(); err != nil { // too late
		t.Fatal(err)
	}
	r.starts("1.1", false)
	r.update("1.3") // the way is free again
	r.starts("1.3", false)
}

func TestWhatWasNotStartedIsNotConfirmed(t *testing.T) {
	r := newRig(t)
	r.stage(release("1.1"), Allow{})
	if err := r.Confirm(); err != nil {
		t.Fatal(err)
	}
	r.starts("1.1", true)
	r.starts("1.0", false)
}

func TestBack(t *testing.T) {
	r := newRig(t)
	if _, err := r.Back(t.Context(), TakenBack, "asked"); !errors.Is(err, ErrNothing) {
		t.Errorf("error %v; want %v", err, ErrNothing)
	}
	r.update("1.1")
	r.update("1.2")
	for _, want := range []string{"1.1", "1.2", "1.1"} {
		selected, err := r.Back(t.Context(), TakenBack, "asked")
		if err != nil || selected.Version != want {
			t.Fatalf("back to %q, %v; want %s", selected.Version, err, want)
		}
		r.points(selected)
		r.starts(want, false)
	}
	r.stage(release("1.3"), Allow{})
	r.starts("1.3", true)
	if selected, err := r.Back(t.Context(), TakenBack, "asked"); err != nil || selected.Version != "1.1" {
		t.Fatalf("back to %+v, %v; want 1.1", selected, err)
	}
	r.last(TakenBack, "1.3")
}

func TestOlderAndEqualVersionsNeedLeave(t *testing.T) {
	for _, version := range []string{"1.1", "1.0", "0.9", "1.1~rc1"} {
		r := newRig(t)
		r.update("1.1")
		_, err := r.Stage(t.Context(), bytes.NewReader(r.bundle(release(version))), Allow{})
		if !errors.Is(err, ErrRollback) || !errors.Is(err, ErrRefused) {
			t.Errorf("%s: error %v; want %v", version, err, ErrRollback)
		}
		r.starts("1.1", false)
		r.stage(release(version), Allow{Rollback: true})
		r.starts(version, true)
	}
}

// A version that went back is no reason to take an old one.
func TestTheFloorStaysAfterGoingBack(t *testing.T) {
	r := newRig(t)
	r.update("1.1")
	r.update("1.2")
	if _, err := r.Back(t.Context(), TakenBack, "asked"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Stage(t.Context(), bytes.NewReader(r.bundle(release("1.2"))), Allow{}); !errors.Is(err, ErrRollback) {
		t.Errorf("error %v; want %v", err, ErrRollback)
	}
}

func TestRefusals(t *testing.T) {
	other, foreign, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = other
	for _, c := range []struct {
		name   string
		schema int
		change func(r *rig, m *Manifest)
		want   error
	}{
		{"another architecture", 1, func(_ *rig, m *Manifest) { m.Arch = "amd64" }, ErrArch},
		{"a stranger's key", 1, func(r *rig, _ *Manifest) { r.key = foreign }, ErrSignature},
		{"no keys at all", 1, func(r *rig, _ *Manifest) { r.put("update.pub", []byte("# none\n")) }, ErrSignature},
		{"a database too new for it", 3, func(_ *rig, m *Manifest) { m.Schema = 2 }, ErrSchema},
		{"a database too old for it", 1, func(_ *rig, m *Manifest) { m.SchemaMin, m.Schema = 2, 3 }, ErrSchema},
		{"a migration", 1, func(_ *rig, m *Manifest) { m.Schema = 2 }, ErrMigrates},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			m := release("1.1")
			r.schema = c.schema
			c.change(r, &m)
			_, err := r.Stage(t.Context(), bytes.NewReader(r.bundle(m)), Allow{})
			if !errors.Is(err, c.want) || !errors.Is(err, ErrRefused) {
				t.Errorf("error %v; want %v", err, c.want)
			}
			r.schema = 1
			r.starts("1.0", false)
			r.clean()
		})
	}
}

// clean wants nothing of a refused bundle to be left.
func (r *rig) clean() {
	r.t.Helper()
	entries, err := os.ReadDir(r.Slots)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".new") {
			r.t.Errorf("left: %s", e.Name())
		}
	}
}

func TestEveryFlippedByteAndEveryLengthIsRefused(t *testing.T) {
	r := newRig(t)
	r.disk = hasty{}
	whole := r.bundle(release("1.1"))
	refused := func(what string, at int, changed []byte) {
		if _, err := r.Stage(t.Context(), bytes.NewReader(changed), Allow{true, true}); !errors.Is(err, ErrRefused) {
			t.Fatalf("%s %d: error %v; want %v", what, at, err, ErrRefused)
		}
	}
	bits, stride := []byte{0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff}, 1
	if testing.Short() {
		bits, stride = []byte{0x01, 0xff}, 3
	}
	for at := 0; at < len(whole); at += stride {
		for _, bit := range bits {
			changed := bytes.Clone(whole)
			changed[at] ^= bit
			refused("flipped byte", at, changed)
		}
		refused("length", at, whole[:at])
		refused("doubled byte", at, append(bytes.Clone(whole[:at+1]), whole[at:]...))
	}
	r.starts("1.0", false)
	r.clean()
	r.stage(release("1.1"), Allow{})
	r.starts("1.1", true)
}

func TestKeysAreRotated(t *testing.T) {
	r := newRig(t)
	r.update("1.1")
	public, next, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(r.Keys)
	if err != nil {
		t.Fatal(err)
	}
	added, err := public.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	r.put("update.pub", append(append(old, "\n# of 2027\n"...), added...))
	r.starts("1.1", false)
	r.key = next
	r.update("1.2")
	r.put("update.pub", added) // the old key is revoked, and what it signed with it
	r.starts("1.2", false)
	if _, err := r.Back(t.Context(), TakenBack, "asked"); !errors.Is(err, ErrSignature) {
		t.Errorf("error %v; want %v: its key is revoked", err, ErrSignature)
	}
	r.put("update.pub", nil)
	r.starts("1.0", false)
}

func TestADamagedProgramIsNotStarted(t *testing.T) {
	for _, name := range []string{ProgramName, ManifestName, signatureName} {
		r := newRig(t)
		r.update("1.1")
		r.update("1.2")
		path := filepath.Join(r.Slots, "b", name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text[len(text)/2] ^= 1
		if err := os.WriteFile(path, text, 0o755); err != nil {
			t.Fatal(err)
		}
		st, err := r.Status(t.Context())
		if err != nil || st.Problem == "" {
			t.Errorf("status %+v, %v; want a problem", st, err)
		}
		r.starts("1.1", false)
		r.starts("1.1", false)
	}
}

func TestADamagedChoiceLeadsToThePackage(t *testing.T) {
	for _, text := range []string{"", "{", `{"current":"c"}`, `{"current":"a","trial":{"slot":"package"}}`, `{"current":"a","more":1}`} {
		r := newRig(t)
		r.update("1.1")
		if err := os.WriteFile(r.choicePath(), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		r.starts("1.0", false)
		r.last(ChoiceDamaged, "")
		r.update("1.1")
	}
}

func TestAPackageInstalledSinceCounts(t *testing.T) {
	r := newRig(t)
	r.update("1.1")
	r.stage(release("1.2"), Allow{})
	r.packaged(release("1.3"))
	r.starts("1.3", false)
	r.last(PackageChanged, "1.3")
	r.starts("1.3", false)
	if selected, err := r.Back(t.Context(), TakenBack, "asked"); err != nil || selected.Version != "1.1" {
		t.Errorf("back to %+v, %v; want 1.1", selected, err)
	}
	r.starts("1.1", false)
}

// The program before cannot open what a migration made: going back to it would
// end with nothing that runs.
func TestNoWayBackAcrossAMigration(t *testing.T) {
	r := newRig(t)
	r.schema = 1
	m := release("1.1")
	m.Schema = 2
	r.stage(m, Allow{Migration: true})
	r.starts("1.1", true)
	r.schema = 2
	r.starts("1.1", true) // not confirmed, and yet the only one
	if err := r.Confirm(); err != nil {
		t.Fatal(err)
	}
	r.starts("1.1", false)
	if _, err := r.Back(t.Context(), TakenBack, "asked"); !errors.Is(err, ErrNothing) {
		t.Errorf("error %v; want %v", err, ErrNothing)
	}
}

func TestATrialThatHasBegunIsNotOverwritten(t *testing.T) {
	r := newRig(t)
	r.stage(release("1.1"), Allow{})
	r.stage(release("1.2"), Allow{}) // not begun: the newer replaces it
	r.starts("1.2", true)
	if _, err := r.Stage(t.Context(), bytes.NewReader(r.bundle(release("1.3"))), Allow{}); !errors.Is(err, ErrOnTrial) {
		t.Errorf("error %v; want %v", err, ErrOnTrial)
	}
}

func TestOneAtATime(t *testing.T) {
	r := newRig(t)
	r.patience = 0
	unlock, err := r.lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Select(t.Context()); !errors.Is(err, ErrLocked) {
		t.Errorf("error %v; want %v", err, ErrLocked)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	r.starts("1.0", false)
}

func TestAnUnreadableDatabaseChoosesNoOtherProgram(t *testing.T) {
	r := newRig(t)
	r.update("1.1")
	broken := errors.New("disk error")
	r.Schema = func(context.Context) (int, error) { return 0, broken }
	r.starts("1.1", false)
	if _, err := r.Stage(t.Context(), bytes.NewReader(r.bundle(release("1.2"))), Allow{}); !errors.Is(err, broken) {
		t.Errorf("error %v; want %v", err, broken)
	}
}
