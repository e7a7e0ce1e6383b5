package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"kensa/calibration"
	"kensa/calibration/cli"
	"kensa/calibration/gauge"
	"kensa/calibration/store"
	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/hw/bench"
	"kensa/hw/camera"
)

type gaugeCommand struct {
	calibrating
	CSV    string `type:"existingfile" xor:"from" help:"Table of readings: part, operator, trial, then a column for each quantity."`
	Trials int    `xor:"from" help:"From the appliance's records instead: so many inspections of each wafer without unloading, then reloaded and so many again. At least 2."`
	Lot    string `help:"With --trials: only wafers of this lot."`
}

// Run judges how well the station measures: gauge repeatability and
// reproducibility.
func (g *gaugeCommand) Run(c console) error {
	names, studies, err := g.read(c)
	if err != nil {
		return fail(exitInput, err, "")
	}
	r, err := gauge.Result(names, studies)
	if err == nil {
		err = r.Check()
	}
	if err != nil {
		return fail(exitInput, err, "")
	}
	return g.judge(c, "gauge", r)
}

func (g *gaugeCommand) read(c console) ([]string, []gauge.Study, error) {
	switch {
	case g.CSV != "":
		f, err := os.Open(g.CSV)
		if err != nil {
			return nil, nil, err
		}
		defer f.Close()
		names, studies, err := gauge.ReadCSV(f)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", g.CSV, err)
		}
		return names, studies, nil
	case g.Trials < 2:
		return nil, nil, errors.New("readings: neither --csv FILE nor --trials of at least 2 is given")
	}
	reader, err := g.open(c)
	if err != nil {
		return nil, nil, err
	}
	defer reader.Close()
	studies, err := recorded(c, reader, g.Lot, g.Trials)
	return []string{"yield", "defect count", "defect size"}, studies, err
}

// recorded makes studies of yield (%), defect count and mean defect size (µm) from
// wafers that were inspected again and again: a part is a wafer, trials runs of
// it that follow each other are one loading, which takes the operator's place.
func recorded(ctx context.Context, reader *record.Reader, lot string, trials int) ([]gauge.Study, error) {
	list, err := reader.Wafers(ctx, record.Filter{Lot: lot})
	if err != nil {
		return nil, err
	}
	slices.Reverse(list) // oldest first
	runs, parts := map[string][]int64{}, []string{}
	for i := range list {
		name := list[i].Material.Substrate
		if list[i].Summary.Inspected < list[i].Summary.Dies {
			return nil, fmt.Errorf("wafer %s, run %d: not fully inspected; a study needs every die", name, list[i].Run)
		}
		if runs[name] == nil {
			parts = append(parts, name)
		}
		runs[name] = append(runs[name], list[i].ID)
	}
	studies := make([]gauge.Study, 3)
	for _, part := range parts {
		if err := addPart(ctx, reader, studies, part, runs[part], trials); err != nil {
			return nil, err
		}
	}
	if len(parts) < 2 {
		return nil, fmt.Errorf("%d wafers in the records; want at least 2", len(parts))
	}
	return studies, nil
}

func addPart(ctx context.Context, reader *record.Reader, studies []gauge.Study, part string, runs []int64, trials int) error {
	if len(runs)%trials != 0 || len(runs) < 2*trials {
		return fmt.Errorf("wafer %s: %d inspections; want at least 2 loadings of %d", part, len(runs), trials)
	}
	cells := make([][][]float64, len(studies))
	for n, id := range runs {
		w, err := reader.Wafer(ctx, id)
		if err != nil {
			return err
		}
		for q, v := range []float64{100 * float64(w.Summary.Yield()), float64(w.Summary.Defects), meanSize(w)} {
			if n%trials == 0 {
				cells[q] = append(cells[q], nil)
			}
			last := len(cells[q]) - 1
			cells[q][last] = append(cells[q][last], v)
		}
	}
	for q := range studies {
		studies[q] = append(studies[q], cells[q])
	}
	return nil
}

// meanSize is the mean over the wafer's defects of each one's length, µm, where that
// was not measured of its box's longer side; 0 where there is none.
func meanSize(w *record.Wafer) float64 {
	sum := 0.0
	for _, d := range w.Defects {
		if d.Size > 0 {
			sum += d.Size.Micrometres()
		} else {
			sum += max(d.SizeX, d.SizeY).Micrometres()
		}
	}
	return sum / float64(max(len(w.Defects), 1))
}

// judge shows a result that no session measured, and keeps it if it is accepted. The
// camera is left to the appliance, which may be running.
func (k *calibrating) judge(c console, name string, r *calibration.Result) error {
	loaded, err := k.load()
	if err != nil {
		return err
	}
	here, err := known(loaded)
	if _, real := loaded.Source.Device(); errors.Is(err, store.ErrNone) && !real {
		return k.guided(c, func(ctx context.Context, g *cli.Guide) error { return g.Keep(ctx, name, r, nil) })
	}
	if err != nil {
		return err
	}
	guide, err := k.guide(c, loaded, seat{station: here})
	if err != nil {
		return err
	}
	return explainCalibration(guide.Keep(c, name, r, nil))
}

// seat is the bench of a result that was not measured at one.
type seat struct {
	bench.Bench
	station bench.Station
}

func (s seat) Station() bench.Station { return s.station }

// known is the configured station with the camera's format as it was calibrated.
func known(c config.Config) (bench.Station, error) {
	k := c.Calibration
	s := bench.Station{Name: c.Station.Name, Objective: k.Objective, Camera: k.Camera, Lens: k.Lens, Light: k.Light}
	used, err := inUse(c)
	if errors.Is(err, store.ErrNone) {
		return s, fail(exitInput, err, "calibrate the camera first: kensa calibrate dark")
	}
	if err != nil {
		return s, explainStore(err)
	}
	s.Format = camera.Format{Width: used.Station.Width, Height: used.Station.Height, Depth: used.Station.Depth}
	return s, nil
}
