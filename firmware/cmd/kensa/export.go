package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"kensa/vision/durable"
	"kensa/vision/export"
)

type exportCommand struct {
	configured
	Wafer  string `arg:"" help:"The wafer: substrate, LOT/SLOT, number, or latest."`
	Format string `enum:"klarf,csv" default:"klarf" help:"klarf (1.2) or csv."`
	Dies   bool   `help:"With csv: the table of dies, not that of defects."`
	Out    string `short:"o" help:"File to write; default: standard output."`
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
