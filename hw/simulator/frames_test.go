package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"kensa/hw/camera"
)

func TestGoodFieldsHaveNoDefectsAndAllVariation(t *testing.T) {
	o := Defaults(small().program())
	o.Defects.PerDie = 2
	s := scene(t, o)
	count, stops := 0, map[float64]bool{}
	var first []byte
	err := s.Good(2*len(o.Program.Stops), func(stop Stop, f *camera.Frame) error {
		if count == 0 {
			first = bytes.Clone(f.Pix)
		} else if count == len(o.Program.Stops) && bytes.Equal(first, f.Pix) {
			t.Error("the second wafer equals the first")
		}
		count++
		stops[stop.X*1e6+stop.Y] = true
		return nil
	})
	if err != nil || count != 2*len(o.Program.Stops) || len(stops) != len(o.Program.Stops) {
		t.Errorf("%v after %d fields of %d stops", err, count, len(stops))
	}
	if err := s.Good(1, func(Stop, *camera.Frame) error { return os.ErrClosed }); err != os.ErrClosed {
		t.Errorf("the error of use: %v", err)
	}
}

func TestWriteFrames(t *testing.T) {
	alone(t)
	for _, depth := range []int{8, 12} {
		dir := t.TempDir()
		o := Defaults(small().program())
		o.WafersPerLot, o.Depth, o.Defects.PerDie = 2, depth, 0.5
		s := scene(t, o)
		var told []Truth
		if err := s.WriteFrames(context.Background(), dir, func(tr Truth) { told = append(told, tr) }); err != nil {
			t.Fatal(err)
		}
		if len(told) != 2 || told[1].Substrate != "SIM0001-02" || !told[1].Complete {
			t.Fatalf("told of %+v", told)
		}
		checkWritten(t, filepath.Join(dir, "SIM0001", "SIM0001-02"), s, told[1])
	}
}

func checkWritten(t *testing.T, folder string, s *Scene, want Truth) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got Truth
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != TruthSchema || len(got.Defects) != len(want.Defects) || len(got.Fields) != len(s.options.Program.Stops) || got.Good != want.Good {
		t.Errorf("written %+v", got)
	}
	w := spoiled(t, s, 2)
	pix := make([]byte, s.FrameBytes())
	s.render(exposure{wafer: w, field: 3}, pix)
	file, err := os.Open(filepath.Join(folder, "field-003.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	p := picture(s.format(), pix)
	for _, at := range [][2]int{{0, 0}, {100, 50}, {319, 279}} {
		if m.At(at[0], at[1]) != p.At(at[0], at[1]) {
			t.Errorf("pixel %v: %v, want %v", at, m.At(at[0], at[1]), p.At(at[0], at[1]))
		}
	}
}

func TestWriteFramesOfLotsWithoutEnd(t *testing.T) {
	o := Defaults(small().program())
	o.Lots = 0
	if err := scene(t, o).WriteFrames(context.Background(), t.TempDir(), nil); err == nil {
		t.Error("no error")
	}
}
