package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/BurntSushi/toml"

	"kensa/calibration"
	"kensa/calibration/cli"
	"kensa/calibration/session"
	"kensa/calibration/store"
	"kensa/firmware/config"
	"kensa/firmware/version"
	"kensa/hw/bench"
	"kensa/hw/simulator/stand"
)

// calibrateCommand is the field engineer's: the procedures first, then what is
// done with their results.
type calibrateCommand struct {
	Dark    darkCommand    `cmd:"" help:"The sensor without light: level, noise, dark current, hot pixels."`
	Flat    flatCommand    `cmd:"" help:"The sensor under even light: photon transfer, linearity, gain map."`
	Trigger triggerCommand `cmd:"" help:"Latency and jitter from pulse to exposure; the pairing window."`
	Focus   focusCommand   `cmd:"" help:"Best focus by a sweep, its tilt and curvature over the view, MTF at an edge."`
}

// calibrating is the part of all procedures' commands.
type calibrating struct {
	configured
	By           string `help:"Who calibrates; the user's own name unless given."`
	Yes          bool   `short:"y" help:"Accept a result within its limits without asking."`
	AcceptFailed bool   `help:"Let a result out of its limits be accepted."`
	Restart      bool   `help:"Forget an interrupted session and begin anew."`
	JSON         bool   `help:"Print the result as JSON; progress goes to stderr."`
	Truth        string `type:"existingfile" help:"For the simulated bench: a TOML file of what is true, over the defaults."`
}

// measure leads through one procedure. options are its settings: an interrupted
// session goes on with equal ones only.
func (k *calibrating) measure(c console, name string, options any, p calibration.Procedure) error {
	loaded, err := k.load()
	if err != nil {
		return err
	}
	b, err := k.bench(loaded)
	if err != nil {
		return err
	}
	defer b.Close()
	guide, err := k.guide(c, loaded, b)
	if err != nil {
		return err
	}
	return explainCalibration(guide.Run(c, name, fmt.Sprintf("%+v", options), p))
}

// calibrationFolder is where a station's calibrations lie.
func calibrationFolder(c config.Config) string { return filepath.Join(c.Storage.State, "calibration") }

func (k *calibrating) guide(c console, loaded config.Config, b bench.Bench) (*cli.Guide, error) {
	by, err := k.by()
	if err != nil {
		return nil, err
	}
	g := &cli.Guide{
		Bench: b, Store: store.Open(calibrationFolder(loaded)), Sessions: filepath.Join(calibrationFolder(loaded), "sessions"),
		By: by, Software: "kensa " + version.Version, Valid: time.Duration(loaded.Calibration.ValidDays) * 24 * time.Hour, Now: time.Now,
		Restart: k.Restart, Yes: k.Yes, AcceptFailed: k.AcceptFailed,
	}
	out := c.out
	if k.JSON {
		g.JSON, out = c.out, c.err
	}
	g.Terminal = cli.New(c.in, out, isTerminal(out))
	return g, nil
}

func (k *calibrating) by() (string, error) {
	if k.By != "" {
		return k.By, nil
	}
	me, err := user.Current()
	if err != nil {
		return "", fail(exitUsage, fmt.Errorf("who calibrates: %w", err), "name yourself with --by")
	}
	if me.Name != "" {
		return me.Name, nil
	}
	return me.Username, nil
}

// bench opens the station's bench.
func (k *calibrating) bench(loaded config.Config) (bench.Bench, error) {
	if loaded.Source.Camera != "simulated" {
		return nil, fail(exitUsage, fmt.Errorf("source.camera %q: calibration needs a live camera or the simulated one", loaded.Source.Camera), "")
	}
	truth := stand.Defaults(1280, 960)
	s := &truth.Station
	s.Name, s.Objective = loaded.Station.Name, loaded.Calibration.Objective
	s.Camera, s.Lens, s.Light = loaded.Calibration.Camera, loaded.Calibration.Lens, loaded.Calibration.Light
	if k.Truth != "" {
		if err := readTruth(k.Truth, &truth); err != nil {
			return nil, fail(exitInput, err, "")
		}
	}
	b, err := stand.New(truth)
	return b, fail(exitInput, err, "")
}

func readTruth(path string, truth *stand.Truth) error {
	meta, err := toml.DecodeFile(path, truth)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return fmt.Errorf("%s: unknown key %s", path, unknown[0])
	}
	return nil
}

// explainCalibration gives an error its exit code and hint.
func explainCalibration(err error) error {
	switch {
	case errors.Is(err, session.ErrOther), errors.Is(err, session.ErrDamaged):
		return fail(exitInput, err, "--restart forgets the interrupted session")
	case errors.Is(err, cli.ErrFailed):
		return fail(exitFailed, err, "")
	default:
		return err
	}
}

// isTerminal reports whether a line can be drawn again.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
