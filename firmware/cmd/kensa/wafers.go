package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"kensa/firmware/record"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

type wafersCommand struct {
	configured
	Lot   string `help:"Only this lot's."`
	Limit int    `default:"50" help:"At most so many, the latest first; 0 lists all."`
	JSON  bool   `help:"Print JSON."`
}

// waferJSON is a wafer in the JSON of `kensa wafers` and `kensa show`.
type waferJSON struct {
	ID              int64    `json:"id"`
	Lot             string   `json:"lot"`
	Slot            int      `json:"slot"`
	Substrate       string   `json:"substrate"`
	Run             int      `json:"run"`
	Recipe          string   `json:"recipe"`
	RecipeVersion   string   `json:"recipe_version"`
	RecipeHash      string   `json:"recipe_hash"`
	Calibration     string   `json:"calibration"` // empty where the result rests on none
	Started         string   `json:"started"`
	Finished        string   `json:"finished"`
	Fields          int      `json:"fields"`
	FieldsInspected int      `json:"fields_inspected"`
	Dies            int      `json:"dies"`
	Inspected       int      `json:"inspected"`
	Good            int      `json:"good"`
	Yield           *float64 `json:"yield"` // null where no die was inspected
	Defects         int      `json:"defects"`
	Density         *float64 `json:"density_per_cm2"`
	Verdict         string   `json:"verdict"`
	// At the optics; null where nothing measured it.
	Temperature *float64 `json:"temperature_c"`
	Humidity    *float64 `json:"humidity_percent"`
}

func jsonOf(w *record.Wafer) waferJSON {
	s := w.Summary
	j := waferJSON{
		ID: w.ID, Lot: w.Material.Lot, Slot: w.Material.Slot, Substrate: w.Material.Substrate, Run: w.Run,
		Recipe: w.Recipe, RecipeVersion: w.RecipeVersion, RecipeHash: w.RecipeHash, Calibration: w.Calibration,
		Started: w.Started.Format(time.RFC3339Nano), Finished: w.Finished.Format(time.RFC3339Nano),
		Fields: w.Fields, FieldsInspected: w.FieldsInspected,
		Dies: s.Dies, Inspected: s.Inspected, Good: s.Good, Defects: s.Defects, Verdict: string(s.Verdict),
	}
	if c := w.Climate; c != nil {
		temperature, humidity := c.Temperature.Celsius(), c.Percent()
		j.Temperature, j.Humidity = &temperature, &humidity
	}
	if s.Inspected > 0 {
		yield, density := float64(s.Yield()), float64(s.Density())
		j.Yield = &yield
		if s.Area > 0 {
			j.Density = &density
		}
	}
	return j
}

// Run lists wafers.
func (l *wafersCommand) Run(c console) error {
	reader, err := l.open(c)
	if err != nil {
		return err
	}
	defer reader.Close()
	wafers, err := reader.Wafers(c, record.Filter{Lot: l.Lot, Limit: l.Limit})
	if err != nil {
		return fail(exitInput, err, "")
	}
	if l.JSON {
		list := make([]waferJSON, len(wafers))
		for n := range wafers {
			list[n] = jsonOf(&wafers[n])
		}
		return printJSON(c.out, list)
	}
	return printWafers(c.out, wafers)
}

func printWafers(to io.Writer, wafers []record.Wafer) error {
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NO\tLOT\tSLOT\tSUBSTRATE\tRUN\tFINISHED\tYIELD\tDIES\tDEFECTS\tDENSITY\tVERDICT")
	for n := range wafers {
		w := &wafers[n]
		s := w.Summary
		fmt.Fprintf(t, "%d\t%s\t%d\t%s\t%d\t%s\t%v\t%d/%d\t%d\t%v\t%s\n", w.ID, w.Material.Lot, w.Material.Slot, w.Material.Substrate,
			w.Run, w.Finished.Local().Format("2006-01-02 15:04:05"), s.Yield(), s.Inspected, s.Dies, s.Defects, s.Density(), s.Verdict)
	}
	return t.Flush()
}

type showCommand struct {
	configured
	Wafer string `arg:"" help:"The wafer: substrate, LOT/SLOT, number, or latest."`
	JSON  bool   `help:"Print JSON."`
}

type dieJSON struct {
	Column int    `json:"column"`
	Row    int    `json:"row"`
	Bin    int    `json:"bin"`
	Reason string `json:"reason,omitempty"`
}

type foundJSON struct {
	Number     int     `json:"number"`
	Column     int     `json:"column"`
	Row        int     `json:"row"`
	X          float64 `json:"x_um"` // from the die's lower left corner, y up
	Y          float64 `json:"y_um"`
	Width      float64 `json:"width_um"`
	Height     float64 `json:"height_um"`
	Size       float64 `json:"size_um"` // of its outline, with its uncertainty (95 %); 0 where it was not measured
	SizeError  float64 `json:"size_uncertainty_um"`
	Area       int     `json:"area_px"`
	Class      string  `json:"class"`
	Confidence float64 `json:"confidence"`
	Polarity   string  `json:"polarity"`
	Contrast   float64 `json:"contrast_sigma"`
}

type alarmJSON struct {
	ALID   int    `json:"alid"`
	Text   string `json:"text"`
	Detail string `json:"detail"`
	Set    string `json:"set"`
	Count  int    `json:"count"`
}

// Run shows a wafer.
func (s *showCommand) Run(c console) error {
	reader, err := s.open(c)
	if err != nil {
		return err
	}
	defer reader.Close()
	w, err := find(c, reader, s.Wafer)
	if err != nil {
		return err
	}
	if s.JSON {
		return printJSON(c.out, detailOf(w))
	}
	return printWafer(c.out, w)
}

func detailOf(w *record.Wafer) any {
	detail := struct {
		waferJSON
		Bins       map[string]string `json:"bin_names"`
		DieResults []dieJSON         `json:"die_results"`
		Found      []foundJSON       `json:"defect_list"`
		Alarms     []alarmJSON       `json:"alarms"`
	}{waferJSON: jsonOf(w), Bins: map[string]string{}, DieResults: []dieJSON{}, Found: []foundJSON{}, Alarms: []alarmJSON{}}
	for bin, name := range w.BinNames {
		detail.Bins[strconv.Itoa(int(bin))] = name
	}
	for _, d := range w.Dies {
		detail.DieResults = append(detail.DieResults, dieJSON{d.Index.Column, d.Index.Row, int(d.Bin), d.Reason})
	}
	for _, d := range w.Defects {
		detail.Found = append(detail.Found, foundJSON{d.Number, d.Die.Column, d.Die.Row, d.X.Micrometres(), d.Y.Micrometres(),
			d.SizeX.Micrometres(), d.SizeY.Micrometres(), d.Size.Micrometres(), d.SizeUncertainty.Micrometres(), d.Area, string(d.Class), d.Confidence, string(d.Polarity), d.Contrast})
	}
	for _, a := range w.Alarms {
		detail.Alarms = append(detail.Alarms, alarmJSON{int(a.ID), a.Text, a.Detail, a.Set.Format(time.RFC3339Nano), a.Count})
	}
	return detail
}

func printWafer(to io.Writer, w *record.Wafer) error {
	s := w.Summary
	fmt.Fprintf(to, "%s  lot %s  slot %d  run %d  recipe %s version %s\n", w.Material.Substrate, w.Material.Lot, w.Material.Slot, w.Run, w.Recipe, w.RecipeVersion)
	fmt.Fprintf(to, "%s to %s, %d of %d fields\n", w.Started.Local().Format("2006-01-02 15:04:05"), w.Finished.Local().Format("15:04:05"), w.FieldsInspected, w.Fields)
	fmt.Fprintf(to, "calibration %s\n", cmp.Or(w.Calibration, "none"))
	if w.Climate != nil {
		fmt.Fprintf(to, "at the optics: %v\n", *w.Climate)
	}
	fmt.Fprintf(to, "%s: yield %v (%d good of %d inspected of %d dies), %d defects, %v\n\n", s.Verdict, s.Yield(), s.Good, s.Inspected, s.Dies, s.Defects, s.Density())
	printMap(to, w)
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	if len(w.Defects) > 0 {
		fmt.Fprintln(t, "\nDEFECT\tDIE\tX\tY\tBOX\tLENGTH\tCLASS\tCONFIDENCE\tPOLARITY\tCONTRAST")
	}
	for _, d := range w.Defects {
		fmt.Fprintf(t, "%d\t%v\t%v\t%v\t%v × %v\t%s\t%s\t%.2f\t%s\t%.1f σ\n", d.Number, d.Die, microns(d.X), microns(d.Y), microns(d.SizeX), microns(d.SizeY), measured(d), d.Class, d.Confidence, d.Polarity, d.Contrast)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, a := range w.Alarms {
		fmt.Fprintf(to, "\nalarm %d ×%d: %s (%s)", a.ID, a.Count, a.Text, a.Detail)
	}
	_, err := fmt.Fprintln(to)
	return err
}

// printMap draws the dies: a dot for a good one, the bin's last digit or letter
// for another, a question mark for one not inspected.
func printMap(to io.Writer, w *record.Wafer) {
	if len(w.Dies) == 0 || w.Layout.Kind != wafer.DieGrid {
		return
	}
	at := map[wafer.DieIndex]byte{}
	left, right := w.Dies[0].Index.Column, w.Dies[0].Index.Column
	top, bottom := w.Dies[0].Index.Row, w.Dies[0].Index.Row
	for _, d := range w.Dies {
		at[d.Index] = symbol(d.Bin)
		left, right = min(left, d.Index.Column), max(right, d.Index.Column)
		top, bottom = max(top, d.Index.Row), min(bottom, d.Index.Row)
	}
	for row := top; row >= bottom; row-- {
		for column := left; column <= right; column++ {
			mark, ok := at[wafer.DieIndex{Column: column, Row: row}]
			if !ok {
				mark = ' '
			}
			fmt.Fprintf(to, " %c", mark)
		}
		fmt.Fprintln(to)
	}
	fmt.Fprintf(to, "  . %s", w.BinNames[wafer.Good])
	for bin := wafer.Good + 1; bin <= 255; bin++ {
		if name, ok := w.BinNames[bin]; ok {
			fmt.Fprintf(to, "   %c %s", symbol(bin), name)
		}
	}
	fmt.Fprintf(to, "   ? not inspected; notch %s\n", w.Layout.Notch)
}

func symbol(b wafer.Bin) byte {
	const digits = "?.23456789abcdefghijklmnopqrstuvwxyz"
	if int(b) < len(digits) {
		return digits[b]
	}
	return '#'
}

// measured is a defect's length with its uncertainty.
func measured(d record.Defect) string {
	if d.Size == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f ± %.0f µm", d.Size.Micrometres(), d.SizeUncertainty.Micrometres())
}

func microns(l length.Length) string { return fmt.Sprintf("%.0f µm", l.Micrometres()) }
