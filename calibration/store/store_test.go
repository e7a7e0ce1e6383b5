package store_test

import (
	"crypto/rand"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"kensa/calibration"
	"kensa/calibration/store"
)

var here = store.Station{Name: "kensa-1", Objective: "5x", Camera: "C1", Lens: "L1", Light: "B1", Width: 3, Height: 2, Depth: 12}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func section(value float64) *store.Section {
	celsius := 21.5
	return &store.Section{At: noon, By: "A. Engineer", Software: "v1", Temperature: &celsius, Result: calibration.Result{
		Figures: []calibration.Figure{{Name: "prnu", Title: "photo-response non-uniformity", Value: value, Uncertainty: 0.01, Unit: "%",
			Limits: calibration.AtMost(2)}},
		Parameters: map[string]float64{"pixel_x_um": 0.6512},
		Notes:      []string{"one"},
		Maps: []calibration.Map{{Name: "gain", Title: "gain", Unit: "1", Width: 3, Height: 2,
			Values: []float32{1, 2, 3, 4, 5, float32(math.Inf(1))}}},
		Curves: []calibration.Curve{{Name: "photon-transfer", Title: "photon transfer", XTitle: "mean / DN", YTitle: "variance / DN²",
			X: []float64{1, 2}, Y: []float64{3, 4}, Fit: []float64{3, 4}}},
	}}
}

// put stores a section as the next calibration.
func put(t *testing.T, s store.Store, procedure string, value float64) *store.Calibration {
	t.Helper()
	was, err := s.Current("5x")
	if err != nil && !errors.Is(err, store.ErrNone) {
		t.Fatal(err)
	}
	next := was.With(here, procedure, section(value), noon.AddDate(0, 6, 0))
	if err := s.Put(next); err != nil {
		t.Fatal(err)
	}
	return next
}

// TestReadsWhatWasWritten, sections of earlier calibrations included.
func TestReadsWhatWasWritten(t *testing.T) {
	s := store.Open(t.TempDir())
	if _, err := s.Current("5x"); !errors.Is(err, store.ErrNone) {
		t.Fatalf("before the first: %v", err)
	}
	put(t, s, "flat", 1)
	want := put(t, s, "scale", 2)
	got, err := s.Current("5x")
	if err != nil {
		t.Fatal(err)
	}
	if got.Number != 2 || len(got.Sections) != 2 {
		t.Fatalf("number %d with %d sections; want 2 with 2", got.Number, len(got.Sections))
	}
	for name := range want.Sections {
		if !reflect.DeepEqual(got.Sections[name], want.Sections[name]) {
			t.Errorf("section %s:\n got %+v\nwant %+v", name, got.Sections[name], want.Sections[name])
		}
	}
	if v, ok := got.Parameter("scale", "pixel_x_um"); !ok || v != 0.6512 {
		t.Errorf("parameter %v, %v", v, ok)
	}
	if m := got.Map("flat", "gain"); m == nil || m.Values[4] != 5 {
		t.Errorf("map %v", m)
	}
}

// TestHistory: rolling back puts an older one in use, and the next has a new
// number.
func TestHistory(t *testing.T) {
	s := store.Open(t.TempDir())
	for v := range 3 {
		put(t, s, "flat", float64(v))
	}
	if err := s.Use("5x", 1); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Current("5x"); err != nil || c.Number != 1 {
		t.Fatalf("current %+v, %v; want number 1", c, err)
	}
	if c := put(t, s, "scale", 7); c.Number != 4 {
		t.Errorf("next is number %d; want 4", c.Number)
	}
	numbers, err := s.History("5x")
	if err != nil || !reflect.DeepEqual(numbers, []int{1, 2, 3, 4}) {
		t.Errorf("history %v, %v", numbers, err)
	}
	if err := s.Use("5x", 9); !errors.Is(err, store.ErrNone) {
		t.Errorf("rolled back to number 9: %v", err)
	}
}

// TestEveryByteCounts: no byte of a calibration's files can change unnoticed.
func TestEveryByteCounts(t *testing.T) {
	folder := t.TempDir()
	s := store.Open(folder)
	put(t, s, "flat", 1)
	for _, name := range []string{"calibration.toml", "flat-gain.map"} {
		path := filepath.Join(folder, "5x", "0001", name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range good {
			bad := append([]byte(nil), good...)
			bad[i] ^= 0x20
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Current("5x"); err == nil {
				t.Fatalf("%s: byte %d of %d changed unnoticed", name, i, len(good))
			}
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Current("5x"); err != nil {
		t.Fatal(err)
	}
}

// TestFits: another station's and an expired calibration are told apart.
func TestFits(t *testing.T) {
	s := store.Open(t.TempDir())
	c := put(t, s, "flat", 1)
	if err := c.Fits(here, noon); err != nil {
		t.Error(err)
	}
	if err := c.Fits(here, noon.AddDate(1, 0, 0)); !errors.Is(err, store.ErrExpired) {
		t.Errorf("a year later: %v", err)
	}
	for _, change := range []func(*store.Station){
		func(s *store.Station) { s.Name = "kensa-2" }, func(s *store.Station) { s.Objective = "10x" },
		func(s *store.Station) { s.Camera = "C2" }, func(s *store.Station) { s.Lens = "L2" },
		func(s *store.Station) { s.Light = "B2" }, func(s *store.Station) { s.Depth = 8 },
	} {
		other := here
		change(&other)
		if err := c.Fits(other, noon); !errors.Is(err, store.ErrOtherStation) {
			t.Errorf("%+v: %v", other, err)
		}
	}
}

// TestSignature: a signature by a known key counts, and covers every byte.
func TestSignature(t *testing.T) {
	folder := t.TempDir()
	s := store.Open(folder)
	put(t, s, "flat", 1)
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger, _, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify("5x", 1, []minisign.PublicKey{public}); !errors.Is(err, store.ErrUnsigned) {
		t.Errorf("unsigned: %v", err)
	}
	if err := s.Sign("5x", 1, private, "A. Engineer", noon); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify("5x", 1, []minisign.PublicKey{stranger, public}); err != nil {
		t.Error(err)
	}
	if err := s.Verify("5x", 1, []minisign.PublicKey{stranger}); !errors.Is(err, store.ErrTampered) {
		t.Errorf("a stranger's key: %v", err)
	}
}

// TestFailedPut leaves the old one in use and nothing half-written.
func TestFailedPut(t *testing.T) {
	folder := t.TempDir()
	s := store.Open(folder)
	c := put(t, s, "flat", 1)
	bad := section(math.NaN())
	if err := s.Put(c.With(here, "scale", bad, noon.AddDate(1, 0, 0))); err == nil || !strings.Contains(err.Error(), "prnu") {
		t.Errorf("a figure that is no number: %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(folder, "5x"))
	if err != nil || len(entries) != 2 {
		t.Errorf("folder holds %v, %v; want 0001 and current", entries, err)
	}
	if now, err := s.Current("5x"); err != nil || now.Number != 1 {
		t.Errorf("current %+v, %v", now, err)
	}
}

// FuzzRead: whatever the TOML file holds, reading returns, and what it accepts it
// can write again.
func FuzzRead(f *testing.F) {
	f.Add([]byte("version = 1\n"))
	f.Add([]byte("version = 1\nnumber = 1\n[section.x.parameters]\na = nan\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := store.Decode(store.Seal(body))
		if err != nil {
			return
		}
		if _, err := c.Encode(); err != nil {
			t.Errorf("read, but cannot be written: %v", err)
		}
	})
}
