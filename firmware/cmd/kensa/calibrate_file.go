package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"kensa/calibration/cli"
	"kensa/calibration/store"
	"kensa/firmware/appliance"
	"kensa/firmware/config"
)

// calibrated is the part of the commands that work on what was measured.
type calibrated struct {
	configured
	Objective string `help:"Objective, instead of calibration.objective."`
}

// kept opens the calibrations of the objective that is meant.
func (k *calibrated) kept() (s store.Store, objective string, err error) {
	loaded, err := k.load()
	if err != nil {
		return s, "", err
	}
	objective = loaded.Calibration.Objective
	if k.Objective != "" {
		objective = k.Objective
	}
	return store.Open(appliance.CalibrationFolder(loaded)), objective, nil
}

// inUse is the configured objective's calibration; store.ErrNone where there is
// none.
func inUse(c config.Config) (*store.Calibration, error) {
	return store.Open(appliance.CalibrationFolder(c)).Current(c.Calibration.Objective)
}

// which is the calibration that a person names by its number, or where 0 the one
// in use.
func (k *calibrated) which(given int) (s store.Store, objective string, n int, err error) {
	if s, objective, err = k.kept(); err != nil {
		return s, objective, 0, err
	}
	n, err = number(s, objective, given)
	return s, objective, n, err
}

// number is the one that a person names, or where 0 the one in use.
func number(s store.Store, objective string, n int) (int, error) {
	if n != 0 {
		return n, nil
	}
	c, err := s.Current(objective)
	if err != nil {
		return 0, explainStore(err)
	}
	return c.Number, nil
}

// calibrationHint says what to do about a calibration that the appliance refuses.
func calibrationHint(err error) string {
	switch {
	case errors.Is(err, store.ErrNone):
		return "`kensa calibrate all` measures the station; or set calibration.required = false"
	case errors.Is(err, store.ErrExpired):
		return "`kensa calibrate all` measures the station again; calibration.expired = \"alarm\" goes on with the old one meanwhile"
	case errors.Is(err, store.ErrTampered):
		return "`kensa calibrate history` lists those that are whole, `kensa calibrate use N` goes back to one"
	case errors.Is(err, store.ErrUnsigned):
		return "`kensa calibrate sign --key FILE` signs it"
	case errors.Is(err, store.ErrOtherStation):
		return "`kensa calibrate show` tells what it is for; calibrate what stands here, or correct station.name and the serial numbers under [calibration]"
	}
	return ""
}

// explainStore gives an error of the calibration file its exit code and hint.
func explainStore(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNone):
		return fail(exitInput, err, "`kensa calibrate history` lists what there is; name the state folder with --state, the objective with --objective")
	case errors.Is(err, store.ErrTampered):
		return fail(exitInput, err, "`kensa calibrate use N` goes back to a calibration that is whole")
	case errors.Is(err, store.ErrUnsigned):
		return fail(exitInput, err, "`kensa calibrate sign` signs it")
	case errors.Is(err, store.ErrOtherStation):
		return fail(exitInput, err, "station.name and the serial numbers under [calibration] say what stands here")
	default:
		return fail(exitInput, err, "")
	}
}

type calibrateShowCommand struct {
	calibrated
	Number int    `arg:"" optional:"" help:"Number in the history; the one in use unless given."`
	Plot   string `help:"Plot a curve or map instead: its name, or PROCEDURE/NAME."`
	JSON   bool   `help:"Print JSON."`
}

// Run shows one calibration.
func (k *calibrateShowCommand) Run(c console) error {
	s, objective, n, err := k.which(k.Number)
	if err != nil {
		return err
	}
	was, err := s.Read(objective, n)
	switch {
	case err != nil:
		return explainStore(err)
	case k.Plot != "":
		return k.plot(c, was)
	case k.JSON:
		return printJSON(c.out, was)
	}
	if err := cli.WriteCalibration(c.out, was, time.Now(), cells(c.out)); err != nil {
		return err
	}
	signature, err := s.Signature(objective, n)
	if errors.Is(err, store.ErrUnsigned) {
		_, err = fmt.Fprintln(c.out, "\nnot signed")
		return err
	}
	if err != nil {
		return explainStore(err)
	}
	_, err = fmt.Fprintf(c.out, "\nsigned: %s (`kensa calibrate verify` says whether that is true)\n", signature.TrustedComment)
	return err
}

// plot draws the curve or map that is named.
func (k *calibrateShowCommand) plot(c console, was *store.Calibration) error {
	var names []string
	for procedure, section := range was.Sections {
		for i := range section.Curves {
			if wanted(k.Plot, procedure, section.Curves[i].Name) {
				return cli.WriteCurve(c.out, &section.Curves[i])
			}
		}
		for i := range section.Maps {
			if wanted(k.Plot, procedure, section.Maps[i].Name) {
				return cli.WriteMap(c.out, &section.Maps[i])
			}
		}
		for _, plot := range cli.Plots(&section.Result) {
			names = append(names, procedure+"/"+plot)
		}
	}
	return fail(exitUsage, fmt.Errorf("plot %q: not in number %d", k.Plot, was.Number), "there are "+strings.Join(sorted(names), ", "))
}

func wanted(plot, procedure, name string) bool { return plot == name || plot == procedure+"/"+name }

type calibrateHistoryCommand struct {
	calibrated
	JSON bool `help:"Print JSON."`
}

// Run lists the calibrations of an objective.
func (k *calibrateHistoryCommand) Run(c console) error {
	s, objective, err := k.kept()
	if err != nil {
		return err
	}
	entries, err := s.Entries(objective)
	if err != nil {
		return explainStore(err)
	}
	if k.JSON {
		return printJSON(c.out, entries)
	}
	if len(entries) == 0 {
		return explainStore(fmt.Errorf("%w of objective %s", store.ErrNone, objective))
	}
	return cli.WriteHistory(c.out, entries)
}

type calibrateDiffCommand struct {
	calibrated
	Before int  `arg:"" optional:"" help:"Earlier number; the one before the later unless given."`
	After  int  `arg:"" optional:"" help:"Later number; the one in use unless given."`
	JSON   bool `help:"Print JSON."`
}

// Run shows the figures of two calibrations side by side.
func (k *calibrateDiffCommand) Run(c console) error {
	s, objective, err := k.kept()
	if err != nil {
		return err
	}
	before, after, err := pairOf(s, objective, k.Before, k.After)
	if err != nil {
		return err
	}
	changes := store.Changes(before, after)
	if k.JSON {
		return printJSON(c.out, changes)
	}
	return cli.WriteChanges(c.out, before.Number, after.Number, changes)
}

// pairOf reads two calibrations: after is the one in use unless given, before
// the one before it in the history.
func pairOf(s store.Store, objective string, before, after int) (was, is *store.Calibration, err error) {
	if after, err = number(s, objective, after); err != nil {
		return nil, nil, err
	}
	if before == 0 {
		if before, err = s.Before(objective, after); err != nil {
			return nil, nil, explainStore(err)
		}
	}
	if before == 0 {
		return nil, nil, explainStore(fmt.Errorf("%w before number %d of objective %s", store.ErrNone, after, objective))
	}
	if was, err = s.Read(objective, before); err == nil {
		is, err = s.Read(objective, after)
	}
	return was, is, explainStore(err)
}

type calibrateUseCommand struct {
	calibrated
	Number int `arg:"" help:"Number in the history to put in use."`
}

// Run puts a calibration of the history in use.
func (k *calibrateUseCommand) Run(c console) error {
	s, objective, err := k.kept()
	if err != nil {
		return err
	}
	if err := s.Use(objective, k.Number); err != nil {
		return explainStore(err)
	}
	_, err = fmt.Fprintf(c.out, "calibration number %d of objective %s is in use; the appliance takes it at its next start\n", k.Number, objective)
	return err
}
