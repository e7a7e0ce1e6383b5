package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"kensa/calibration/store"
	"kensa/firmware/appliance"
	"kensa/vision/durable"
)

// guided are the procedures of a whole calibration in the order in which they
// build on each other, with what each needs on the stage. The scale is part of
// geometry; temperature takes a day of its own.
var guided = []struct{ name, needs, takes string }{
	{"dark", "a cap on the lens, or its shutter closed", "1 minute"},
	{"flat", "the mirror wafer, then the cap", "2 minutes"},
	{"light", "the mirror wafer, and time for the lamp to cool and warm up", "30 to 45 minutes; with --cold, of a lamp that has been off for 20 minutes, 10 to 25"},
	{"focus", "the chessboard plate, then the slanted edge", "2 minutes; by hand, 10"},
	{"geometry", "the chessboard plate, in several places", "2 minutes; by hand, 5"},
	{"stage", "the chessboard plate", "3 minutes; by hand, 15"},
	{"trigger", "the blinking light on the trigger's strobe output", "1 minute"},
	{"golden", "known-good wafers of the recipe's product", "5 minutes"},
	{"capability", "the standard-defect wafer", "10 minutes; by hand, an hour"},
}

type calibrateAllCommand struct {
	calibrating
	Cold   bool           `help:"The light has been off for 20 minutes: do not wait for it to cool."`
	Settle *time.Duration `help:"Of a camera that runs by itself: how long after its pulse the stage stands still."`
}

// Run leads through all procedures. It can be stopped anywhere; run again it
// skips what was accepted since it was begun.
func (k *calibrateAllCommand) Run(c console) error {
	loaded, err := k.load()
	if err != nil {
		return err
	}
	c.in = bufio.NewReader(c.in) // one for all procedures: each would else keep lines that the next needs
	folder := filepath.Join(appliance.CalibrationFolder(loaded), "sessions")
	mark := filepath.Join(folder, "all-"+loaded.Calibration.Objective)
	begun, err := begin(mark, k.Restart)
	if err != nil {
		return fail(exitInput, err, "--restart begins anew")
	}
	for n, p := range guided {
		used, err := inUse(loaded)
		if err != nil && !errors.Is(err, store.ErrNone) {
			return explainStore(err)
		}
		if used != nil && used.Sections[p.name] != nil && !used.Sections[p.name].At.Before(begun) {
			fmt.Fprintf(c.out, "%d of %d  %s: accepted on %s\n", n+1, len(guided), p.name, used.Sections[p.name].At.Format("2006-01-02 15:04 MST"))
			continue
		}
		fmt.Fprintf(c.out, "%d of %d  %s needs %s\n        about %s\n", n+1, len(guided), p.name, p.needs, p.takes)
		if err := k.one(c, p.name); err != nil {
			return err
		}
	}
	if err := os.Remove(mark); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, "all procedures are accepted; next: `kensa calibrate report --out FILE`, `kensa calibrate sign --key FILE`")
	return err
}

// begin reads when the calibration was begun, or notes that it is now.
func begin(mark string, restart bool) (time.Time, error) {
	text, err := os.ReadFile(mark)
	if err == nil && !restart {
		begun, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
		if err != nil {
			return begun, fmt.Errorf("%s: %w", mark, err)
		}
		return begun, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	if err := os.MkdirAll(filepath.Dir(mark), 0o755); err != nil {
		return now, err
	}
	return now, durable.WriteFile(mark, 0o644, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, now.Format(time.RFC3339))
		return err
	})
}

// one runs a procedure's own command with this one's settings.
func (k *calibrateAllCommand) one(c console, name string) error {
	args := []string{"calibrate", name}
	for flag, value := range map[string]string{"--config": k.Config, "--state": k.State, "--by": k.By, "--truth": k.Truth} {
		if value != "" {
			args = append(args, flag+"="+value)
		}
	}
	for flag, set := range map[string]bool{"--yes": k.Yes, "--accept-failed": k.AcceptFailed, "--restart": k.Restart, "--json": k.JSON, "--practise": k.Practise} {
		if set {
			args = append(args, flag)
		}
	}
	if k.Cold && name == "light" {
		args = append(args, "--cold")
	}
	if k.Settle != nil && name == "trigger" {
		args = append(args, "--settle="+k.Settle.String())
	}
	var again commands
	parser, err := kong.New(&again, kong.Name("kensa"))
	if err != nil {
		return err
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		return err
	}
	return chosen.Run(c)
}
