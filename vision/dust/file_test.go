package dust_test

import (
	"bytes"
	"errors"
	"image"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"kensa/vision/dust"
)

func aMap() dust.Map {
	return dust.Map{Width: 960, Height: 800, Spots: []dust.Spot{{Box: image.Rect(10, 20, 30, 41), CX: 19.5, CY: 30.25, MinArea: 100, MaxArea: 180, Contrast: 12.5}}}
}

func TestFileRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dust.map")
	if err := aMap().Write(path); err != nil {
		t.Fatal(err)
	}
	if got, err := dust.ReadMap(path); err != nil || !reflect.DeepEqual(got, aMap()) {
		t.Errorf("%+v, %v; want %+v", got, err, aMap())
	}
	absurd := aMap()
	absurd.Spots[0].Box.Max.X = 1000
	if err := absurd.Write(path); err == nil {
		t.Error("a spot beyond the frame was written")
	}
	if got, err := dust.ReadMap(path); err != nil || !reflect.DeepEqual(got, aMap()) {
		t.Errorf("after a refused write %+v, %v", got, err)
	}
}

func TestDamagedFiles(t *testing.T) {
	good := written(t)
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"empty": {nil, dust.ErrNotDust}, "other": {[]byte("{}\n"), dust.ErrNotDust},
		"newer": {bytes.Replace(good, []byte("dust 1"), []byte("dust 2"), 1), dust.ErrVersion},
		"digit": {bytes.Replace(good, []byte("19.5"), []byte("29.5"), 1), dust.ErrDamaged},
		"short": {good[:len(good)-2], dust.ErrDamaged},
	} {
		path := filepath.Join(t.TempDir(), "dust.map")
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := dust.ReadMap(path); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v; want %v", name, err, c.want)
		}
	}
}

func written(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dust.map")
	if err := aMap().Write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// FuzzReadMap wants that what is read can be written and read again.
func FuzzReadMap(f *testing.F) {
	f.Add(written(f))
	f.Add([]byte("kensa-dust 1 00\n{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "dust.map")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if m, err := dust.ReadMap(path); err == nil {
			if err := m.Write(path); err != nil {
				t.Errorf("read but not written: %v", err)
			}
		}
	})
}
