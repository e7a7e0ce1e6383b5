package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"kensa/firmware/record"
	"kensa/vision/durable"
	"kensa/vision/export"
)

type exportCommand struct {
	configured
	Wafer  string `arg:"" help:"The wafer: substrate, LOT/SLOT, number, or latest."`
	Format string `enum:"klarf,csv" default:"klarf" help:"klarf (1.2) or csv."`
	Dies   bool   `help:"With csv: the table of dies, not that of defects."`
	Out    string `short:"o" help:"File to write; default: standard output."`
	Crops  string `placeholder:"DIR" help:"Write the images kept of the wafer's defects to DIR/CLASS/ instead, to sort them and train a classifier."`
}

// Run writes the wafer. A file is there whole or not at all.
func (e *exportCommand) Run(c console) error {
	if e.Dies && e.Format != "csv" {
		return fail(exitUsage, fmt.Errorf("--dies: format %q; it is for csv", e.Format), "")
	}
	loaded, err := e.load()
	if err != nil {
		return err
	}
	reader, err := e.open(c)
	if err != nil {
		return err
	}
	defer reader.Close()
	w, err := find(c, reader, e.Wafer)
	if err != nil {
		return err
	}
	if e.Crops != "" {
		return fail(exitInput, exportCrops(c, reader, w, e.Crops), "")
	}
	station := export.Station{Vendor: "Kensa", Model: "kensa", ID: loaded.Station.Name}
	err = e.write(c.out, w.Export(station))
	if errors.Is(err, export.ErrNoGeometry) {
		return fail(exitInput, err, "")
	}
	return err
}

func (e *exportCommand) write(out io.Writer, w export.Wafer) error {
	if e.Out == "" {
		return e.encode(out, w)
	}
	return durable.WriteFile(e.Out, 0o644, func(to io.Writer) error { return e.encode(to, w) })
}

func (e *exportCommand) encode(to io.Writer, w export.Wafer) error {
	switch {
	case e.Format == "klarf":
		return export.WriteKLARF(to, w, time.Now())
	case e.Dies:
		return export.WriteDiesCSV(to, w)
	default:
		return export.WriteDefectsCSV(to, w)
	}
}

// exportCrops writes the images of a wafer's defects, by class. The names tell
// wafers apart, so that many may go to one folder.
func exportCrops(c console, reader *record.Reader, w *record.Wafer, dir string) error {
	count := 0
	for _, d := range w.Defects {
		if !d.HasImage {
			continue
		}
		png, err := reader.Image(c, w.ID, d.Number)
		if err == nil {
			err = writeCrop(filepath.Join(dir, string(d.Class)), fmt.Sprintf("%d-%d.png", w.ID, d.Number), png)
		}
		if err != nil {
			return err
		}
		count++
	}
	_, err := fmt.Fprintf(c.out, "%s: images of %d of %d defects\n", dir, count, len(w.Defects))
	return err
}
