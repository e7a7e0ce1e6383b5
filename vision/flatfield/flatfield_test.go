package flatfield_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kensa/vision/flatfield"
)

func sample() *flatfield.Field {
	f := &flatfield.Field{Header: flatfield.Header{Width: 9, Height: 7, Camera: "test 1", Made: time.Unix(1700000000, 0).UTC(), Software: "test"}}
	for n := range 63 {
		f.Dark, f.Gain = append(f.Dark, float32(n)/10), append(f.Gain, 0.8+float32(n)/100)
	}
	return f
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "camera.flat")
	want := sample()
	if err := want.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := flatfield.Read(path)
	if err != nil || got.Header != want.Header || !slices.Equal(got.Dark, want.Dark) || !slices.Equal(got.Gain, want.Gain) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

// TestRefusesValues names the pixel and the limit, and leaves no file.
func TestRefusesValues(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*flatfield.Field)
		want  string
	}{
		"NaN":         {func(f *flatfield.Field) { f.Gain[20] = float32(math.NaN()) }, "gain NaN at pixel (2, 2); want 0.25 to 1.99"},
		"absurd gain": {func(f *flatfield.Field) { f.Gain[0] = 40 }, "gain 40 at pixel (0, 0)"},
		"no gain":     {func(f *flatfield.Field) { f.Gain[1] = 0 }, "gain 0 at pixel (1, 0)"},
		"dark":        {func(f *flatfield.Field) { f.Dark[62] = -1 }, "dark -1 at pixel (8, 6); want 0 to 64"},
		"size":        {func(f *flatfield.Field) { f.Dark = f.Dark[:60] }, "60 values of dark"},
	} {
		path := filepath.Join(t.TempDir(), "camera.flat")
		f := sample()
		c.spoil(f)
		if err := f.Write(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; want %q", name, err, c.want)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a file was left (%v)", name, err)
		}
	}
}

// TestReadsValuesCritically has a file whose checksum is right and whose gain is not.
func TestReadsValuesCritically(t *testing.T) {
	data := written(t)
	nan := []byte{0, 0, 0xc0, 0x7f}
	body := data[:len(data)-sha256.Size]
	copy(body[len(body)-4:], nan)
	sum := sha256.Sum256(body)
	if err := read(t, append(body, sum[:]...)); err == nil || !strings.Contains(err.Error(), "gain NaN at pixel (8, 6)") {
		t.Errorf("error %v; want the pixel", err)
	}
}

func TestDamagedFiles(t *testing.T) {
	data := written(t)
	flipped := bytes.Clone(data)
	flipped[100] ^= 1
	newer := bytes.Clone(data)
	newer[8] = 9
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"empty": {nil, flatfield.ErrNotFlat}, "other": {[]byte("KENSAGLD and more of it"), flatfield.ErrNotFlat},
		"version": {newer, flatfield.ErrVersion}, "bit": {flipped, flatfield.ErrDamaged},
		"short": {data[:len(data)-1], flatfield.ErrDamaged}, "long": {append(bytes.Clone(data), 0), flatfield.ErrDamaged},
		"half": {data[:len(data)/2], flatfield.ErrDamaged},
	} {
		if err := read(t, c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v; want %v", name, err, c.want)
		}
	}
}

func written(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "camera.flat")
	if err := sample().Write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func read(t testing.TB, data []byte) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "given.flat")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := flatfield.Read(path)
	return err
}

// FuzzRead wants no crash, and no more memory than the bytes are worth.
func FuzzRead(f *testing.F) {
	data := written(f)
	f.Add(data)
	f.Add(data[:60])
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := read(t, data); err == nil && len(data) < sha256.Size {
			t.Error("accepted")
		}
	})
}
