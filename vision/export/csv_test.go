package export

import (
	"bytes"
	"encoding/csv"
	"io"
	"testing"

	"pgregory.net/rapid"

	"kensa/vision/wafer"
)

func parse(t interface{ Fatal(...any) }, write func(io.Writer, Wafer) error, w Wafer) []map[string]string {
	var b bytes.Buffer
	if err := write(&b, w); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]string
	for _, row := range rows[1:] {
		cells := map[string]string{}
		for n, name := range rows[0] {
			cells[name] = row[n]
		}
		list = append(list, cells)
	}
	return list
}

func TestNamesThatASpreadsheetWouldRun(t *testing.T) {
	for name, want := range map[string]string{
		"LOT-1":                  "LOT-1",
		"=HYPERLINK(\"x\")":      "'=HYPERLINK(\"x\")",
		"+1":                     "'+1",
		"-1":                     "'-1",
		"@SUM(A1)":               "'@SUM(A1)",
		"\t=1":                   "'\t=1",
		"＝1 (full width)":        "'＝1 (full width)",
		"comma, quote\" and\nLF": "comma, quote\" and\nLF",
		"":                       "",
	} {
		w := sample()
		w.Lot, w.Dies[4].Reason = name, name
		for _, row := range parse(t, WriteDiesCSV, w) {
			if row["lot"] != want {
				t.Errorf("%q is written as %q; want %q", name, row["lot"], want)
			}
		}
		if got := parse(t, WriteDiesCSV, w)[4]["not_inspected_because"]; got != want {
			t.Errorf("reason %q is written as %q; want %q", name, got, want)
		}
	}
}

func TestNumbersStayNumbers(t *testing.T) {
	row := parse(t, WriteDefectsCSV, sample())[0]
	for name, want := range map[string]string{"wafer_x_um": "-8465.432", "x_um": "1234.568", "die_bin": "7", "die_bin_name": "short", "defect": "1"} {
		if row[name] != want {
			t.Errorf("%s = %q; want %q", name, row[name], want)
		}
	}
}

func TestSequenceHasNoPlaceOnAWafer(t *testing.T) {
	w := sample()
	w.Layout.Kind = wafer.Sequence
	if row := parse(t, WriteDefectsCSV, w)[0]; row["wafer_x_um"] != "" || row["x_um"] == "" {
		t.Errorf("row %v", row)
	}
}

// TestEveryRowHasEveryColumn: encoding/csv's reader refuses ragged tables.
func TestEveryRowHasEveryColumn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t)
		if n := len(parse(t, WriteDefectsCSV, w)); n != len(w.Defects) {
			t.Fatalf("%d rows for %d defects", n, len(w.Defects))
		}
		if n := len(parse(t, WriteDiesCSV, w)); n != len(w.Dies) {
			t.Fatalf("%d rows for %d dies", n, len(w.Dies))
		}
	})
}
