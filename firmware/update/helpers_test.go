package update

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"aead.dev/minisign"
)

// rig is an installation in a folder, with the package's version 1.0.
type rig struct {
	*Store
	t      *testing.T
	key    minisign.PrivateKey
	schema int
}

const arch = "arm64"

func newRig(t *testing.T) *rig {
	t.Helper()
	public, private, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	r := &rig{t: t, key: private}
	r.Store = NewStore(Places{Slots: folder + "/slots", Package: folder + "/package", Keys: folder + "/update.pub"}, arch,
		func(context.Context) (int, error) { return r.schema, nil })
	r.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	text, err := public.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	r.put("update.pub", text)
	r.packaged(release("1.0"))
	return r
}

func release(version string) Manifest {
	return Manifest{Product: product, Version: version, Arch: arch, SchemaMin: 1, Schema: 1}
}

// put writes a file beside the slots.
func (r *rig) put(name string, data []byte) {
	r.t.Helper()
	path := filepath.Join(filepath.Dir(r.Slots), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		r.t.Fatal(err)
	}
}

// packaged does what dpkg does with another version of the package.
func (r *rig) packaged(m Manifest) {
	r.t.Helper()
	manifest, err := json.Marshal(m)
	if err != nil {
		r.t.Fatal(err)
	}
	r.put("package/"+ManifestName, manifest)
	r.put("package/"+ProgramName, program(m.Version))
}

func program(version string) []byte { return []byte("program " + version) }

func (r *rig) bundle(m Manifest) []byte { return bundle(r.t, m, r.key) }

func bundle(t testing.TB, m Manifest, key minisign.PrivateKey) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteBundle(&b, m, program(m.Version), key); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (r *rig) stage(m Manifest, allow Allow) {
	r.t.Helper()
	if _, err := r.Stage(r.t.Context(), bytes.NewReader(r.bundle(m)), allow); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) update(version string) {
	r.t.Helper()
	r.stage(release(version), Allow{})
	r.starts(version, true)
	if err := r.Confirm(); err != nil {
		r.t.Fatal(err)
	}
}

// starts boots, and wants this version to be started.
func (r *rig) starts(version string, trial bool) Selection {
	r.t.Helper()
	selected, err := r.Select(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	r.points(selected)
	if selected.Version != version || selected.Trial != trial {
		r.t.Fatalf("starts %s, on trial %v; want %s, %v", selected.Version, selected.Trial, version, trial)
	}
	return selected
}

// points wants the link to lead to the selected version's own program.
func (r *rig) points(selected Selection) {
	r.t.Helper()
	got, err := os.ReadFile(filepath.Join(r.LinkPath(), ProgramName))
	if err != nil || !bytes.Equal(got, program(selected.Version)) {
		r.t.Fatalf("the link leads to %q, %v; want %q", got, err, program(selected.Version))
	}
}

func (r *rig) last(what, version string) {
	r.t.Helper()
	st, err := r.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	if st.Last == nil || st.Last.What != what || st.Last.Version != version {
		r.t.Fatalf("last: %+v; want %s of %s", st.Last, what, version)
	}
}

// hasty is a disk that does not wait for its writes: for tests that cut no power
// and write much.
type hasty struct{ realDisk }

func (hasty) Write(path string, mode os.FileMode, from io.Reader) (int64, error) {
	data, err := io.ReadAll(from)
	if err != nil {
		return 0, err
	}
	return int64(len(data)), os.WriteFile(path, data, mode)
}

func (hasty) Mkdir(path string) error     { return os.Mkdir(path, 0o755) }
func (hasty) RemoveAll(path string) error { return os.RemoveAll(path) }

func (hasty) Replace(path string, data []byte) error {
	if err := os.WriteFile(path+".tmp", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

func (hasty) Rename(from, to string) error { return os.Rename(from, to) }

func (hasty) Link(target, path string) error {
	next := path + ".new"
	if err := os.Remove(next); err != nil && !os.IsNotExist(err) {
		return err
	}
	return errors.Join(os.Symlink(target, next), os.Rename(next, path))
}
