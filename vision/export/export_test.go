package export

import (
	"bytes"
	"flag"
	"image"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kensa/vision/defect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

var update = flag.Bool("update", false, "write the golden files anew")

var written = time.Date(2026, 3, 1, 9, 30, 15, 0, time.UTC)

// sample is a wafer of nine dies, one of them not inspected, two of them bad.
func sample() Wafer {
	const mm = length.Millimetre
	w := Wafer{
		Station: Station{"Kensa", "K1", "line-3"}, Carrier: "FOUP-7", Lot: "LOT-42", Slot: 7, Substrate: "LOT-42.07", Run: 2,
		Device: "SRAM-16", Step: "M1-ADI", Recipe: "sram", Version: "3", Calibration: "5x/0007 281cefdd7e832cf3",
		Started: written.Add(-10 * time.Minute), Finished: written.Add(-9 * time.Minute),
		Layout: wafer.Layout{Kind: wafer.DieGrid, Diameter: 100 * mm, EdgeExclusion: 2 * mm, PitchX: 20 * mm, PitchY: 19.5 * mm,
			DieWidth: 19.9 * mm, DieHeight: 19.4 * mm, OffsetX: 0.25 * mm, OffsetY: -1.5 * mm, Notch: wafer.Left,
			FieldColumns: 1, FieldRows: 1, Path: wafer.Raster, PixelSize: 5},
		BinNames: map[wafer.Bin]string{7: "short", 9: "dirty"},
	}
	plan, err := wafer.NewPlan(w.Layout, 4096, 4096)
	if err != nil {
		panic(err)
	}
	var bins []wafer.Bin
	for n, d := range plan.Dies {
		bins = append(bins, map[int]wafer.Bin{1: 7, 4: wafer.NotInspected, 8: 9}[n])
		if n != 4 && bins[n] == 0 {
			bins[n] = wafer.Good
		}
		w.Dies = append(w.Dies, Die{Index: d.Index, Bin: bins[n]})
	}
	w.Dies[4].Reason = "frame missing"
	add := func(die int, c defect.Class, x, y length.Length, width, height int) {
		w.Defects = append(w.Defects, Defect{Number: len(w.Defects) + 1, Die: w.Dies[die].Index, Field: die,
			X: x, Y: y, SizeX: length.Length(width) * 5, SizeY: length.Length(height) * 5,
			Size: length.Length(width) * 4, SizeUncertainty: 2.5,
			Defect: defect.Defect{Class: c, Box: image.Rect(0, 0, width, height), Area: width*height - 1,
				Polarity: defect.Bright, Confidence: 0.875, Contrast: 11.5}})
	}
	add(1, defect.Short, 1234.5675, 17.25, 12, 3)
	add(8, defect.Particle, 19900, 19400, 2, 2)
	add(8, defect.Unclassified, 0.0004, 9700, 1, 40)
	w.Summary = wafer.Summarize(bins, len(w.Defects), w.Layout.DieArea(), 0.9)
	return w
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (-update writes it anew); got:\n%s", path, got)
	}
}

func klarf(t testing.TB, w Wafer) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteKLARF(&b, w, written); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGoldenFiles(t *testing.T) {
	w := sample()
	golden(t, "wafer.klarf", klarf(t, w))
	var defects, dies bytes.Buffer
	if err := WriteDefectsCSV(&defects, w); err != nil {
		t.Fatal(err)
	}
	if err := WriteDiesCSV(&dies, w); err != nil {
		t.Fatal(err)
	}
	golden(t, "defects.csv", defects.Bytes())
	golden(t, "dies.csv", dies.Bytes())

	clean := sample()
	clean.Defects, clean.Summary.Defects = nil, 0
	golden(t, "clean.klarf", klarf(t, clean))
}
