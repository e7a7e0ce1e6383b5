package export

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kensa/vision/defect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// TestPlaceOnWaferIsWhatAPlainReaderGets reads the file as simple readers in
// the field do, line by line, and compares each defect's place with the wafer's.
func TestPlaceOnWaferIsWhatAPlainReaderGets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t)
		var pitchX, pitchY, centerX, centerY float64
		var got []wafer.Point
		inList := false
		for _, line := range strings.Split(string(klarfOf(t, w)), "\n") {
			fmt.Sscanf(line, "DiePitch %g %g;", &pitchX, &pitchY)
			fmt.Sscanf(line, "SampleCenterLocation %g %g;", &centerX, &centerY)
			if inList {
				var id, column, row int
				var x, y float64
				if _, err := fmt.Sscan(line, &id, &x, &y, &column, &row); err != nil || line[0] != ' ' {
					t.Fatalf("row %q: %v", line, err)
				}
				got = append(got, wafer.Point{X: length.Length(float64(column)*pitchX + x - centerX), Y: length.Length(float64(row)*pitchY + y - centerY)})
			}
			inList = (inList || line == "DefectList") && !strings.HasSuffix(line, ";")
		}
		if len(got) != len(w.Defects) {
			t.Fatalf("%d rows for %d defects", len(got), len(w.Defects))
		}
		for n, d := range w.Defects {
			// Rows have three decimals, half a nanometre.
			if want := w.OnWafer(d); math.Hypot(float64(got[n].X-want.X), float64(got[n].Y-want.Y)) > 0.001 {
				t.Fatalf("defect %d lies at %v; the file says %v", d.Number, want, got[n])
			}
		}
	})
}

func klarfOf(t *rapid.T, w Wafer) []byte {
	var b bytes.Buffer
	if err := WriteKLARF(&b, w, written); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// draw draws wafers with any layout, defects and names.
func draw(t *rapid.T) Wafer {
	w := sample()
	l := &w.Layout
	um := func(name string, least, most float64) length.Length {
		return length.Length(rapid.Float64Range(least, most).Draw(t, name))
	}
	l.Diameter, l.PitchX, l.PitchY = um("diameter", 25e3, 450e3), um("pitchX", 100, 2e5), um("pitchY", 100, 2e5)
	l.DieWidth, l.DieHeight = l.PitchX*um("width", 0.5, 1), l.PitchY*um("height", 0.5, 1)
	l.OffsetX, l.OffsetY, l.PixelSize = um("offsetX", -2e5, 2e5), um("offsetY", -2e5, 2e5), um("pixel", 0.1, 50)
	for _, name := range []*string{&w.Lot, &w.Substrate, &w.Recipe, &w.Version, &w.Step, &w.Device} {
		*name = rapid.String().Draw(t, "name")
	}
	w.Slot = rapid.IntRange(0, 25).Draw(t, "slot")
	w.Dies, w.Defects = nil, nil
	for n := range rapid.IntRange(0, 12).Draw(t, "dies") {
		w.Dies = append(w.Dies, Die{Index: wafer.DieIndex{Column: n - 5, Row: 3 - n}, Bin: wafer.Bin(rapid.IntRange(0, 3).Draw(t, "bin"))})
	}
	for n := range rapid.IntRange(0, 8).Draw(t, "defects") {
		w.Defects = append(w.Defects, Defect{Number: n + 1,
			Die: wafer.DieIndex{Column: rapid.IntRange(-100, 100).Draw(t, "column"), Row: rapid.IntRange(-100, 100).Draw(t, "row")},
			X:   l.DieWidth * um("x", -0.01, 1.01), Y: l.DieHeight * um("y", -0.01, 1.01), SizeX: um("sizeX", 0.1, 500), SizeY: um("sizeY", 0.1, 500),
			Defect: defect.Defect{Area: rapid.IntRange(1, 1e6).Draw(t, "area"), Box: image.Rect(0, 0, 1, 1),
				Class: rapid.SampledFrom(append([]defect.Class{"residue", "hairline"}, defect.Classes...)).Draw(t, "class")}})
	}
	return w
}

func TestFileIsReadBackWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t)
		k, err := ReadKLARF(bytes.NewReader(klarfOf(t, w)))
		if err != nil {
			t.Fatal(err)
		}
		if !k.FileTime.Equal(written) || !k.ResultTime.Equal(w.Finished) || k.Slot != w.Slot || `"`+k.Lot+`"` != quote(w.Lot) {
			t.Fatalf("read %+v", k)
		}
		if !near(k.Pitch[0], w.Layout.PitchX, 1e-5) || !near(k.Pitch[1], w.Layout.PitchY, 1e-5) || !near(k.Diameter, w.Layout.Diameter/1000, 1) {
			t.Fatalf("pitch %v, diameter %v mm; written of %v, %v, %v", k.Pitch, k.Diameter, w.Layout.PitchX, w.Layout.PitchY, w.Layout.Diameter)
		}
		inspected := 0
		for _, d := range w.Dies {
			if d.Bin != wafer.NotInspected {
				if k.TestPlan[inspected] != d.Index {
					t.Fatalf("test plan %v", k.TestPlan)
				}
				inspected++
			}
		}
		if len(k.TestPlan) != inspected || len(k.Defects) != len(w.Defects) || k.Summary["NDEFECT"] != float64(len(w.Defects)) {
			t.Fatalf("%d dies, %d defects; want %d, %d", len(k.TestPlan), len(k.Defects), inspected, len(w.Defects))
		}
		for n, d := range w.Defects {
			checkDefect(t, w, k, d, k.Defects[n])
		}
	})
}

func near(a float64, b length.Length, within float64) bool { return math.Abs(a-float64(b)) <= within }

func checkDefect(t *rapid.T, w Wafer, k *KLARF, want Defect, got KLARFDefect) {
	x, y := k.OnWafer(got)
	place := w.OnWafer(want)
	switch v := got.Values; {
	case got.Die != want.Die || int(v["DEFECTID"]) != want.Number:
		t.Fatalf("defect %d on %v is read as %v on %v", want.Number, want.Die, v["DEFECTID"], got.Die)
	case math.Hypot(x-float64(place.X), y-float64(place.Y)) > 0.001:
		t.Fatalf("defect %d at %v is read at (%v, %v)", want.Number, place, x, y)
	case k.Classes[int(v["CLASSNUMBER"])] != string(want.Class):
		t.Fatalf("class %s is read as %v of %v", want.Class, v["CLASSNUMBER"], k.Classes)
	case math.Abs(v["XSIZE"]-float64(want.SizeX)) > 0.001, math.Abs(v["DEFECTAREA"]-w.area(want)) > 0.001:
		t.Fatalf("defect %+v is read as %v", want, v)
	}
}

func TestNamesThatWouldBreakTheFile(t *testing.T) {
	for name, want := range map[string]string{
		"":                      `""`,
		"LOT-42.07":             `"LOT-42.07"`,
		"two words":             `"two words"`,
		`15" wafer`:             `"15%22 wafer"`,
		"a;b":                   `"a%3Bb"`,
		"a\nEndOfFile;":         `"a%0AEndOfFile%3B"`,
		"tab\tand\x00\x7f":      `"tab%09and%00%7F"`,
		"ロット":                   `"%E3%83%AD%E3%83%83%E3%83%88"`,
		"50%":                   `"50%"`,
		"µ\xff is no UTF-8 end": `"%C2%B5%FF is no UTF-8 end"`,
	} {
		if got := quote(name); got != want {
			t.Errorf("%q is written %s; want %s", name, got, want)
		}
	}
}

func TestWaferWithoutANameIsCalledByItsSlot(t *testing.T) {
	w := sample()
	w.Substrate, w.Device = "", ""
	text := string(klarf(t, w))
	for _, want := range []string{"WaferID \"07\";", "DeviceID \"sram\";"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func TestSequenceLiesInARow(t *testing.T) {
	w := sample()
	w.Layout = wafer.Layout{Kind: wafer.Sequence, PixelSize: 2}.ForFrame(1000, 500)
	w.Dies, w.Defects = nil, w.Defects[:1]
	for n := range 3 {
		w.Dies = append(w.Dies, Die{Index: wafer.DieIndex{Column: n}, Bin: wafer.Good})
	}
	w.Defects[0].Die, w.Defects[0].X, w.Defects[0].Y = w.Dies[2].Index, 500, 250
	k, err := ReadKLARF(bytes.NewReader(klarf(t, w)))
	if err != nil {
		t.Fatal(err)
	}
	// Three frames of 2 mm: the middle is at 3 mm, the defect at 2·2 + 0.5 mm.
	if x, y := k.OnWafer(k.Defects[0]); x != 1500 || y != -250 || k.Diameter != 7 || k.MarkLocation != "DOWN" {
		t.Errorf("(%v, %v) on %v mm, mark %s", x, y, k.Diameter, k.MarkLocation)
	}
	w.Layout.PitchX = 0
	if err := WriteKLARF(io.Discard, w, written); !errors.Is(err, ErrNoGeometry) {
		t.Errorf("without a frame's size: %v", err)
	}
}

func TestWriteRefusesWhatIsNoNumber(t *testing.T) {
	w := sample()
	w.Defects[1].Y = length.Length(math.NaN())
	var b bytes.Buffer
	if err := WriteKLARF(&b, w, written); err == nil || !strings.Contains(err.Error(), "defect 2") || b.Len() != 0 {
		t.Errorf("error %v after %d bytes", err, b.Len())
	}
}

// full fails after some bytes, as a full disk does.
type full struct{ room int }

var errFull = errors.New("no room")

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestFailedWritesAreReported(t *testing.T) {
	w := sample()
	for len(w.Defects) < 2000 { // more than any buffer
		w.Defects = append(w.Defects, w.Defects...)
	}
	for name, write := range map[string]func(io.Writer) error{
		"klarf":   func(to io.Writer) error { return WriteKLARF(to, w, written) },
		"defects": func(to io.Writer) error { return WriteDefectsCSV(to, w) },
		"dies":    func(to io.Writer) error { return WriteDiesCSV(to, w) },
	} {
		if err := write(&full{room: 10}); !errors.Is(err, errFull) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkKLARF(b *testing.B) {
	w := sample()
	for len(w.Defects) < 1000 {
		w.Defects = append(w.Defects, w.Defects...)
	}
	text := klarf(b, w)
	b.Run("write", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if err := WriteKLARF(io.Discard, w, written); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if _, err := ReadKLARF(bytes.NewReader(text)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
