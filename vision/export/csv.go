package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"kensa/vision/length"
	"kensa/vision/wafer"
)

// Both tables name the wafer in each row, so that the files of many wafers can
// be put together.
var waferColumns = []string{"lot", "substrate", "slot", "run", "recipe", "recipe_version", "finished", "calibration"}

func (w Wafer) csvCells() []string {
	return []string{text(w.Lot), text(w.Substrate), strconv.Itoa(w.Slot), strconv.Itoa(w.Run),
		text(w.Recipe), text(w.Version), w.Finished.Format(time.RFC3339), text(w.Calibration)}
}

// WriteDefectsCSV writes a table of the defects, one row each, with the bin of
// the die it is on. x_um and y_um count from the die's lower left corner,
// wafer_x_um and wafer_y_um from the wafer's centre; these are empty in a
// sequence, which has no wafer geometry.
func WriteDefectsCSV(to io.Writer, w Wafer) error {
	bins := make(map[wafer.DieIndex]wafer.Bin, len(w.Dies))
	for _, d := range w.Dies {
		bins[d.Index] = d.Bin
	}
	header := []string{"defect", "die_column", "die_row", "die_bin", "die_bin_name", "field", "class", "polarity", "confidence",
		"contrast_sigma", "x_um", "y_um", "wafer_x_um", "wafer_y_um", "size_x_um", "size_y_um", "area_um2",
		"size_um", "size_uncertainty_um"}
	return table(to, header, len(w.Defects), w, func(n int) []string {
		d := w.Defects[n]
		bin := bins[d.Die]
		x, y := w.place(w.OnWafer(d))
		return []string{strconv.Itoa(d.Number), strconv.Itoa(d.Die.Column), strconv.Itoa(d.Die.Row), strconv.Itoa(int(bin)), text(w.binName(bin)),
			strconv.Itoa(d.Field), text(string(d.Class)), text(string(d.Polarity)), decimal(d.Confidence), decimal(d.Contrast),
			decimal(float64(d.X)), decimal(float64(d.Y)), x, y, decimal(float64(d.SizeX)), decimal(float64(d.SizeY)), decimal(w.area(d)),
			measured(d, d.Size), measured(d, d.SizeUncertainty)}
	})
}

// measured is empty where a defect's outline was not measured.
func measured(d Defect, v length.Length) string {
	if d.Size == 0 {
		return ""
	}
	return decimal(float64(v))
}

// WriteDiesCSV writes a table of the dies, one row each, in the layout's order:
// the centre's place from the wafer's centre, the bin, how many defects, and why
// it was not inspected.
func WriteDiesCSV(to io.Writer, w Wafer) error {
	on := w.defectsOn()
	header := []string{"die_column", "die_row", "wafer_x_um", "wafer_y_um", "bin", "bin_name", "defects", "not_inspected_because"}
	return table(to, header, len(w.Dies), w, func(n int) []string {
		d := w.Dies[n]
		x, y := w.place(w.Layout.DieCenter(d.Index))
		return []string{strconv.Itoa(d.Index.Column), strconv.Itoa(d.Index.Row), x, y, strconv.Itoa(int(d.Bin)), text(w.binName(d.Bin)),
			strconv.Itoa(on[d.Index]), text(d.Reason)}
	})
}

func table(to io.Writer, header []string, rows int, w Wafer, row func(int) []string) error {
	out := csv.NewWriter(to)
	out.Write(append(waferColumns[:len(waferColumns):len(waferColumns)], header...)) // Error returns the first failure
	for n := range rows {
		out.Write(append(w.csvCells(), row(n)...))
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	return nil
}

func (w Wafer) place(p wafer.Point) (x, y string) {
	if w.Layout.Kind == wafer.Sequence {
		return "", ""
	}
	return decimal(float64(p.X)), decimal(float64(p.Y))
}

func (w Wafer) binName(b wafer.Bin) string {
	if name, ok := w.BinNames[b]; ok {
		return name
	}
	return wafer.Rules(nil).Name(b)
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }

// text keeps a name from being run as a formula when a spreadsheet opens the
// file: one that begins like a formula gets an apostrophe, as OWASP advises.
func text(name string) string {
	if name != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(name)[0]) {
		return "'" + name
	}
	return name
}
