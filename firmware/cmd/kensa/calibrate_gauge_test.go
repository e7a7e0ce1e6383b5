package main

import (
	"bytes"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"kensa/firmware/appliance"
	"kensa/firmware/record"
	"kensa/hw/handler"
	"kensa/vision/defect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// houfBerman is a published study (Houf and Berman, 1988): ten parts, three operators,
// three readings each of two digits.
const houfBerman = `373837|414140|414241; 424143|424242|434243; 303131|313131|293028; 424342|434343|424242; 283029|293029|312929;
	424243|454545|444645; 252627|282830|292727; 404040|434242|434341; 252525|272928|262626; 353434|353534|353435`

// inspections writes the study into a state folder's records, as a station would that
// inspects ten wafers, each three times in each of three loadings: the reading is the
// number of a wafer's defects, which are all as many µm long, on as many of 100 dies.
func inspections(t *testing.T, state string, change func(*record.Wafer, int)) {
	t.Helper()
	store, err := record.Open(t.Context(), filepath.Join(state, appliance.DatabaseName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	parts := strings.Split(houfBerman, ";")
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	for run := range 9 {
		for part, cells := range parts {
			cell := strings.Split(strings.TrimSpace(cells), "|")[run/3]
			reading, err := strconv.Atoi(cell[run%3*2 : run%3*2+2])
			if err != nil {
				t.Fatal(err)
			}
			at = at.Add(time.Minute)
			w := studied("W"+strconv.Itoa(part), reading, at)
			change(w, run)
			if err := store.Commit(t.Context(), w, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func studied(name string, reading int, at time.Time) *record.Wafer {
	w := &record.Wafer{Material: handler.Material{Lot: "STUDY", Substrate: name}, Recipe: "r", RecipeHash: "h", Started: at, Finished: at.Add(30 * time.Second), Fields: 1, FieldsInspected: 1,
		Layout:  wafer.Layout{Kind: wafer.DieGrid, PixelSize: length.Micrometre},
		Summary: wafer.Summary{Dies: 100, Inspected: 100, Good: 100 - reading, Defects: reading, Area: 1, Verdict: wafer.Pass}, BinNames: map[wafer.Bin]string{}}
	for n := range 100 {
		bin := wafer.Good
		if n < reading {
			bin = 2
		}
		w.Dies = append(w.Dies, record.Die{Index: wafer.DieIndex{Column: n}, Bin: bin})
	}
	for n := range reading {
		size := length.Length(reading) * length.Micrometre
		w.Defects = append(w.Defects, record.Defect{Defect: defect.Defect{Class: "particle"}, Number: n + 1, Die: wafer.DieIndex{Column: n}, Size: size, SizeX: size, SizeY: size})
	}
	return w
}

func calibrateGauge(t *testing.T, state string, args ...string) (code int, out, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := console{Context: t.Context(), in: strings.NewReader(""), out: &stdout, err: &stderr}
	code = execute(c, append([]string{"calibrate", "gauge", "--state", state, "--by", "Ann", "--yes"}, args...))
	return code, stdout.String(), stderr.String()
}

// TestGaugeFromRecords: the published study, as inspections, comes out to the digit.
func TestGaugeFromRecords(t *testing.T) {
	state := t.TempDir()
	inspections(t, state, func(*record.Wafer, int) {})
	code, out, said := calibrateGauge(t, state, "--trials", "3", "--lot", "STUDY")
	if code != 0 {
		t.Fatalf("exit code %d: %s\n%s", code, said, out)
	}
	for _, want := range []string{
		"yield: conditional; %GRR 18.97 %", "yield: %GRR (ranges)        18.07", "yield: categories (ndc)     7",
		"defect count: conditional", "defect count: %GRR (ranges)  18.07", "measuring adds 3.60 %",
		"defect size: %GRR (ranges)   18.07", "calibration number 1",
	} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// TestGaugeFromRecordsThatAreNoStudy is refused, with what is missing.
func TestGaugeFromRecordsThatAreNoStudy(t *testing.T) {
	for want, test := range map[string]struct {
		change func(*record.Wafer, int)
		args   []string
	}{
		"9 inspections; want at least 2 loadings of 4": {func(*record.Wafer, int) {}, []string{"--trials", "4"}},
		"0 wafers in the records":                      {func(*record.Wafer, int) {}, []string{"--trials", "3", "--lot", "OTHER"}},
		"run 4: not fully inspected": {func(w *record.Wafer, run int) {
			if run == 3 {
				w.Dies[99].Bin = wafer.NotInspected
				w.Summary.Inspected, w.Summary.Good, w.Summary.Verdict = 99, w.Summary.Good-1, wafer.Incomplete
			}
		}, []string{"--trials", "3"}},
	} {
		state := t.TempDir()
		inspections(t, state, test.change)
		if code, _, said := calibrateGauge(t, state, test.args...); code != exitInput || !strings.Contains(said, want) {
			t.Errorf("exit code %d: %s; want %s", code, said, want)
		}
	}
}

// TestGaugeOfConstantReadings: what never differs is told, and the rest is judged.
func TestGaugeOfConstantReadings(t *testing.T) {
	state := t.TempDir()
	inspections(t, state, func(w *record.Wafer, _ int) { w.Summary.Good = 90 })
	code, out, said := calibrateGauge(t, state, "--trials", "3")
	if code != 0 || !strings.Contains(out, "yield: every reading is 90; nothing to tell apart") || !strings.Contains(out, "defect count: conditional") {
		t.Errorf("exit code %d: %s\n%s", code, said, out)
	}
}
