package store_test

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"aead.dev/minisign"

	"kensa/calibration/store"
)

type entry struct {
	head tar.Header
	data []byte
}

// pack writes entries as a tar.
func pack(t testing.TB, entries []entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		e.head.Format = tar.FormatPAX
		if err := w.WriteHeader(&e.head); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func unpack(t testing.TB, bundle []byte) []entry {
	t.Helper()
	var all []entry
	r := tar.NewReader(bytes.NewReader(bundle))
	for {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entry{*head, data})
	}
}

// exported is a signed calibration as a bundle, and its key.
func exported(t *testing.T) ([]byte, minisign.PublicKey) {
	t.Helper()
	s := store.Open(t.TempDir())
	put(t, s, "flat", 1)
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Sign("5x", 1, private, "B. Signer", noon); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := s.Export("5x", 1, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), public
}

// TestImport: what was exported is the same elsewhere, signature included, is not
// put in use by itself, and may be imported twice.
func TestImport(t *testing.T) {
	bundle, public := exported(t)
	s := store.Open(t.TempDir())
	for range 2 {
		if _, err := s.Import(bytes.NewReader(bundle), here, []minisign.PublicKey{public}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Current("5x"); !errors.Is(err, store.ErrNone) {
		t.Errorf("in use by itself: %v", err)
	}
	if err := s.Verify("5x", 1, []minisign.PublicKey{public}); err != nil {
		t.Error(err)
	}
	got, err := s.Read("5x", 1)
	if err != nil {
		t.Fatal(err)
	}
	if got.Map("flat", "gain") == nil || got.Sections["flat"].Figures[0].Value != 1 {
		t.Errorf("imported %+v", got)
	}
	var again bytes.Buffer
	if err := s.Export("5x", 1, &again); err != nil || !bytes.Equal(again.Bytes(), bundle) {
		t.Errorf("exported again: %v, equal %v", err, bytes.Equal(again.Bytes(), bundle))
	}
}

// TestImportRefuses whatever is not this station's, is not whole, or is more; and
// writes nothing then.
func TestImportRefuses(t *testing.T) {
	bundle, _ := exported(t)
	stranger, _, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := here
	elsewhere.Name = "kensa-2"
	with := func(change func([]entry) []entry) []byte { return pack(t, change(unpack(t, bundle))) }
	extra := func(head tar.Header, data string) []byte {
		head.Size, head.Mode = int64(len(data)), 0o644
		return with(func(e []entry) []entry { return slices.Insert(e, 1, entry{head, []byte(data)}) })
	}
	for name, c := range map[string]struct {
		bundle []byte
		here   store.Station
		keys   []minisign.PublicKey
		want   error
	}{
		"another station":    {bundle, elsewhere, nil, store.ErrOtherStation},
		"a stranger's key":   {bundle, here, []minisign.PublicKey{stranger}, store.ErrTampered},
		"unsigned":           {with(func(e []entry) []entry { return slices.Delete(e, 1, 2) }), here, nil, store.ErrTampered},
		"a map is missing":   {with(func(e []entry) []entry { return slices.Delete(e, 2, 3) }), here, nil, store.ErrBundle},
		"no checksums":       {with(func(e []entry) []entry { return e[:3] }), here, nil, store.ErrBundle},
		"cut":                {bundle[:len(bundle)-3*512], here, nil, store.ErrBundle},
		"empty":              {nil, here, nil, store.ErrBundle},
		"path traversal":     {extra(tar.Header{Name: "../../kensa.toml"}, "x"), here, nil, store.ErrBundle},
		"absolute path":      {extra(tar.Header{Name: "/etc/passwd"}, "x"), here, nil, store.ErrBundle},
		"a link":             {extra(tar.Header{Name: "calibration.toml.minisig", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, ""), here, nil, store.ErrBundle},
		"an unknown file":    {extra(tar.Header{Name: "more.map"}, "x"), here, nil, store.ErrBundle},
		"the TOML twice":     {extra(tar.Header{Name: "calibration.toml"}, "x"), here, nil, store.ErrBundle},
		"a long signature":   {extra(tar.Header{Name: "calibration.toml.minisig"}, string(make([]byte, 5000))), here, nil, store.ErrBundle},
		"something after":    {with(func(e []entry) []entry { return append(e, entry{tar.Header{Name: "x", Size: 1}, []byte("x")}) }), here, nil, store.ErrBundle},
		"a changed map":      {with(func(e []entry) []entry { e[2].data[30] ^= 1; return e }), here, nil, store.ErrTampered},
		"a changed TOML":     {with(func(e []entry) []entry { e[0].data[100] ^= 1; return e }), here, nil, store.ErrTampered},
		"another first file": {with(func(e []entry) []entry { return e[1:] }), here, nil, store.ErrBundle},
	} {
		folder := filepath.Join(t.TempDir(), "store")
		if _, err := store.Open(folder).Import(bytes.NewReader(c.bundle), c.here, c.keys); !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
		if _, err := os.Stat(folder); err == nil {
			t.Errorf("%s: something was written", name)
		}
	}
}

// TestImportConflict: a number that another calibration has is not replaced.
func TestImportConflict(t *testing.T) {
	bundle, _ := exported(t)
	s := store.Open(t.TempDir())
	put(t, s, "flat", 7)
	if _, err := s.Import(bytes.NewReader(bundle), here, nil); !errors.Is(err, store.ErrConflict) {
		t.Errorf("%v", err)
	}
	if c, err := s.Current("5x"); err != nil || c.Sections["flat"].Figures[0].Value != 7 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestOversize: a TOML file that declares more than may be is refused before
// anything is read for it.
func TestOversize(t *testing.T) {
	body := `version = 1
number = 1
expires = 2027-01-01T00:00:00Z
[station]
name = "kensa-1"
objective = "5x"
camera = ""
lens = ""
light = ""
width = 1
height = 1
depth = 8
[section.flat]
at = 2026-01-01T00:00:00Z
by = "x"
software = "x"
[[section.flat.figure]]
name = "a"
title = "a"
value = 1.0
uncertainty = 0.0
unit = ""
[[section.flat.map]]
name = "a"
title = "a"
unit = ""
width = 16384
height = 16384
file = "a.map"
sha256 = ""
[[section.flat.map]]
name = "b"
title = "b"
unit = ""
width = 16384
height = 16384
file = "b.map"
sha256 = ""
`
	text := store.Seal([]byte(body))
	_, _, err := store.Unpack(bytes.NewReader(pack(t, []entry{{tar.Header{Name: "calibration.toml", Size: int64(len(text))}, text}})))
	if !errors.Is(err, store.ErrBundle) || !bytes.Contains([]byte(err.Error()), []byte("want at most")) {
		t.Errorf("%v", err)
	}
}

// TestMinisignIsAPeer: the minisign program verifies what Sign writes, and what it
// signs is verified.
func TestMinisignIsAPeer(t *testing.T) {
	program, err := exec.LookPath("minisign")
	if err != nil {
		t.Skip("no minisign program here")
	}
	folder := t.TempDir()
	s := store.Open(folder)
	put(t, s, "flat", 1)
	public, secret := filepath.Join(folder, "key.pub"), filepath.Join(folder, "key.sec")
	run(t, program, "-G", "-W", "-p", public, "-s", secret)
	text, err := os.ReadFile(secret)
	if err != nil {
		t.Fatal(err)
	}
	var private minisign.PrivateKey
	if err := private.UnmarshalText(text); err != nil {
		t.Fatal(err)
	}
	keys, err := store.Keys(folder)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "5x", "0001", "calibration.toml")
	if err := s.Sign("5x", 1, private, "A. Engineer", noon); err != nil {
		t.Fatal(err)
	}
	run(t, program, "-V", "-H", "-p", public, "-m", file)
	run(t, program, "-S", "-s", secret, "-m", file, "-t", "by hand")
	if err := s.Verify("5x", 1, keys); err != nil {
		t.Error(err)
	}
	if e, err := s.Entries("5x"); err != nil || e[0].Signed != "by hand" {
		t.Errorf("%+v, %v", e, err)
	}
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
}

// TestChanges: figures side by side, with the change in units of its uncertainty.
func TestChanges(t *testing.T) {
	s := store.Open(t.TempDir())
	before := put(t, s, "flat", 1)
	after := put(t, s, "flat", 1.03)
	after.Sections["flat"].Figures = append(after.Sections["flat"].Figures, section(2).Figures[0])
	after.Sections["flat"].Figures[1].Name = "new"
	got := store.Changes(before, after)
	var names []string
	for _, c := range got {
		names = append(names, c.Name)
	}
	if !reflect.DeepEqual(names, []string{"prnu", "new"}) {
		t.Fatalf("%v", names)
	}
	if score, ok := got[0].Score(); !ok || score < 2.12 || score > 2.13 {
		t.Errorf("0.03 with 0.01 on both sides: %v, %v; want 0.03/0.01√2", score, ok)
	}
	if _, ok := got[1].Score(); ok {
		t.Error("a figure that was not there before has a score")
	}
	if gone := store.Changes(after, before); len(gone) != 2 || gone[1].After != nil {
		t.Errorf("backwards %+v", gone)
	}
}

// FuzzUnpack: whatever a bundle holds, unpacking returns, and what it accepts is
// whole.
func FuzzUnpack(f *testing.F) {
	folder := f.TempDir()
	s := store.Open(folder)
	if err := s.Put((*store.Calibration)(nil).With(here, "flat", section(1), noon)); err != nil {
		f.Fatal(err)
	}
	var good bytes.Buffer
	if err := s.Export("5x", 1, &good); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add(good.Bytes()[:1500])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		c, files, err := store.Unpack(bytes.NewReader(data))
		if err != nil {
			return
		}
		for name := range files {
			if name != filepath.Base(name) {
				t.Errorf("accepted the name %q", name)
			}
		}
		for name, s := range c.Sections {
			if len(s.Maps) != len(s.Files) {
				t.Errorf("section %s has %d of %d maps", name, len(s.Maps), len(s.Files))
			}
		}
	})
}
