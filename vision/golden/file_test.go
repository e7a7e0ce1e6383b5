package golden

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"kensa/vision/register"
)

// sample is a golden of file version 1.
func sample(t testing.TB) (*Golden, []byte) { return sealed(t, nil) }

// sampleSummed is one of version 2.
func sampleSummed(t testing.TB) (*Golden, []byte) {
	return sealed(t, &sums{count: []uint16{9, 9, 8, 1, 9, 9}, scatter: []float32{0, 1, 2.5, 0, 1e9, 4}})
}

func sealed(t testing.TB, s *sums) (*Golden, []byte) {
	t.Helper()
	g := &Golden{
		sums:   s,
		Header: Header{Product: "p", Width: 3, Height: 2, Dies: 9, Trained: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Software: "v1", Model: Model{Noise: 400, Wander: 0.01, Kept: 0.5}},
		mean:   []uint16{0, 25600, 65535, 1, 2, 3},
		sigma:  []uint16{1, 256, 512, 65535, 700, 800},
	}
	if err := g.seal(); err != nil {
		t.Fatal(err)
	}
	data, err := g.encode()
	if err != nil {
		t.Fatal(err)
	}
	return g, data
}

func TestWriteReadRoundTrip(t *testing.T) {
	t.Run("version 1", func(t *testing.T) { roundTrip(t, sample) })
	t.Run("version 2", func(t *testing.T) { roundTrip(t, sampleSummed) })
}

func roundTrip(t *testing.T, draw func(testing.TB) (*Golden, []byte)) {
	g, data := draw(t)
	path := filepath.Join(t.TempDir(), "p.golden")
	if err := g.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if err != nil || !reflect.DeepEqual(got, g) {
		t.Fatalf("read %+v, %v; want %+v", got, err, g)
	}
	onDisk, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(onDisk, data) {
		t.Errorf("the file differs from encode's bytes (%v)", err)
	}
	sum := sha256.Sum256(data[:len(data)-sha256.Size])
	if g.Hash() != hex.EncodeToString(sum[:]) {
		t.Errorf("hash %s; want the file's checksum %x", g.Hash(), sum)
	}
}

// resum makes the checksum right again, so that the checks behind it are tried.
func resum(data []byte) []byte {
	body := data[:len(data)-sha256.Size]
	sum := sha256.Sum256(body)
	return append(bytes.Clone(body), sum[:]...)
}

func TestReadRefuses(t *testing.T) {
	_, good := sample(t)
	change := func(f func([]byte) []byte) []byte { return f(bytes.Clone(good)) }
	for _, c := range []struct {
		name string
		data []byte
		want error
		text string
	}{
		{"empty", nil, ErrNotGolden, ""},
		{"a picture", []byte("\x89PNG and so on and on"), ErrNotGolden, ""},
		{"magic only", good[:10], ErrNotGolden, ""},
		{"version", change(func(d []byte) []byte { d[8] = 9; return d }), ErrVersion, "9; this program reads 1 and 2"},
		{"one bit", change(func(d []byte) []byte { d[len(d)-40] ^= 4; return d }), ErrDamaged, "checksum"},
		{"a byte short", good[:len(good)-1], ErrDamaged, "checksum"},
		{"cut off", good[:60], ErrDamaged, "truncated"},
		{"header's length", change(func(d []byte) []byte { binary.LittleEndian.PutUint32(d[12:], 1<<31); return d }), ErrDamaged, "truncated"},
		{"size", change(func(d []byte) []byte {
			return resum(bytes.Replace(d, []byte(`"width":3`), []byte(`"width":4`), 1))
		}), ErrDamaged, "4×2 pixels need 32"},
		{"absurd size", change(func(d []byte) []byte {
			return resum(bytes.Replace(d, []byte(`"width":3`), []byte(`"width":0`), 1))
		}), ErrDamaged, "size 0×2"},
		{"dies", change(func(d []byte) []byte { return resum(bytes.Replace(d, []byte(`"dies":9`), []byte(`"dies":1`), 1)) }), ErrDamaged, "dies: 1"},
		{"not JSON", change(func(d []byte) []byte { d[16] = '['; return resum(d) }), ErrDamaged, "header"},
		{"sigma 0", change(func(d []byte) []byte {
			d[len(d)-sha256.Size-1], d[len(d)-sha256.Size-2] = 0, 0
			return resum(d)
		}), ErrDamaged, "deviation of 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.golden")
			if err := os.WriteFile(path, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Read(path)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || !strings.HasPrefix(err.Error(), path) {
				t.Errorf("error %v; want %v with %q", err, c.want, c.text)
			}
		})
	}
	refuseSums(t)
	if _, err := Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v; want not exist", err)
	}
}

// refuseSums damages what only version 2 has.
func refuseSums(t *testing.T) {
	_, good := sampleSummed(t)
	const pixels = 6
	counts := len(good) - sha256.Size - 6*pixels
	for _, c := range []struct {
		name   string
		damage func(d []byte) []byte
		text   string
	}{
		{"no dies", func(d []byte) []byte { return append(d[:counts:counts], append([]byte{0, 0}, d[counts+2:]...)...) }, "a pixel of 0 dies; want 1 to 9"},
		{"too many dies", func(d []byte) []byte { d[counts] = 10; return d }, "a pixel of 10 dies"},
		{"scatter", func(d []byte) []byte { d[counts+2*pixels+3] = 0xff; return d }, "a pixel's sum of squares is -"},
		{"not a number", func(d []byte) []byte {
			binary.LittleEndian.PutUint32(d[counts+2*pixels:], 0x7fc00000)
			return d
		}, "sum of squares is NaN"},
		{"model", func(d []byte) []byte { return bytes.Replace(d, []byte(`"kept":0.5`), []byte(`"kept":1.5`), 1) }, "kept 1.5"},
		{"planes", func(d []byte) []byte { d[8] = plain; return d }, "60 bytes of planes; 3×2 pixels need 24"},
	} {
		_, err := decode(resum(c.damage(bytes.Clone(good))))
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error %v; want %q", c.name, err, c.text)
		}
	}
}

// TestUpdateNeedsSums: a file of version 1 is still read, for inspection.
func TestUpdateNeedsSums(t *testing.T) {
	g, _ := sample(t)
	if _, _, err := g.Update(time.Time{}, "", nil, register.DefaultParams()); !errors.Is(err, ErrTooOld) {
		t.Errorf("error %v; want ErrTooOld", err)
	}
}

// FuzzDecode wants no panic, and limits from whatever is accepted. Inputs get
// a right checksum, which no fuzzer would find.
func FuzzDecode(f *testing.F) {
	_, good := sample(f)
	f.Add(good)
	f.Add(good[:50])
	_, summed := sampleSummed(f)
	f.Add(summed)
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= sha256.Size {
			data = resum(data)
		}
		g, err := decode(data)
		if err != nil {
			return
		}
		p := g.Planes(DefaultLimits())
		for n := range p.Lo {
			if p.Lo[n] > p.Hi[n] {
				t.Fatalf("pixel %d: limits %d to %d", n, p.Lo[n], p.Hi[n])
			}
		}
	})
}
