package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"syscall"
	"time"

	"github.com/BurntSushi/toml"
	"golang.org/x/sys/unix"

	"kensa/calibration"
	"kensa/calibration/cli"
	"kensa/calibration/session"
	"kensa/calibration/store"
	"kensa/firmware/appliance"
	"kensa/firmware/config"
	"kensa/firmware/version"
	"kensa/hw/bench"
	"kensa/hw/simulator/stand"
)

// calibrateCommand is the field engineer's: the procedures first, then what is
// done with their results.
type calibrateCommand struct {
	All          calibrateAllCommand `cmd:"" help:"Lead through all procedures in order; run again, it skips what was accepted."`
	Dark         darkCommand         `cmd:"" help:"The sensor without light: level, noise, dark current, hot pixels."`
	Flat         flatCommand         `cmd:"" help:"The sensor under even light: photon transfer, linearity, gain map."`
	Trigger      triggerCommand      `cmd:"" help:"Latency and jitter from pulse to exposure; the pairing window."`
	Focus        focusCommand        `cmd:"" help:"Best focus by a sweep, its tilt and curvature over the view, MTF at an edge."`
	Scale        scaleCommand        `cmd:"" help:"The size of a pixel in x and y, with a plate of known pitch in one place."`
	Geometry     geometryCommand     `cmd:"" help:"Scale and distortion over the whole view, with the plate in several places."`
	Stage        stageCommand        `cmd:"" help:"How the stage moves as the camera sees it: scale, turn, squareness, backlash, repeatability."`
	Illumination illuminationCommand `cmd:"" name:"light" help:"The light: warm-up, strength against current, evenness, flicker."`
	Golden       goldenCommand       `cmd:"" help:"Learn a recipe's golden die from known-good wafers, and say whether from enough dies."`
	Capability   capabilityCommand   `cmd:"" help:"What inspection finds on a standard-defect wafer: capture and false-count rates, repeats, probability of detection."`
	Temperature  temperatureCommand  `cmd:"" help:"Drift of scale and focus with temperature, as a correction that can be switched on."`
	Gauge        gaugeCommand        `cmd:"" help:"Gauge repeatability and reproducibility, from a table or from repeated inspections."`

	Show    calibrateShowCommand    `cmd:"" help:"Show the calibration in use, or another; plot its curves and maps."`
	Diff    calibrateDiffCommand    `cmd:"" help:"Compare two calibrations, figure by figure."`
	History calibrateHistoryCommand `cmd:"" help:"List the calibrations of an objective."`
	Use     calibrateUseCommand     `cmd:"" help:"Put a calibration of the history in use: roll back, or forward."`
	Verify  calibrateVerifyCommand  `cmd:"" help:"Check checksums, station, expiry and signature."`
	Sign    calibrateSignCommand    `cmd:"" help:"Sign a calibration by a minisign key."`
	Export  calibrateExportCommand  `cmd:"" help:"Write one calibration to a file."`
	Report  calibrateReportCommand  `cmd:"" help:"Write one HTML file that shows a calibration, to read and to print."`
	Import  calibrateImportCommand  `cmd:"" help:"Add an exported calibration to the history."`
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
	Practise     bool   `help:"With the simulated bench: be asked to lay and turn its targets, as at a real station."`
}

// measure leads through one procedure. options are its settings: an interrupted
// session goes on with equal ones only.
func (k *calibrating) measure(c console, name string, options any, p calibration.Procedure) error {
	return k.guided(c, func(ctx context.Context, g *cli.Guide) error { return g.Run(ctx, name, fmt.Sprintf("%+v", options), p) })
}

// guided does what needs a guide at the station's bench.
func (k *calibrating) guided(c console, do func(context.Context, *cli.Guide) error) error {
	return k.guidedOn(c, func(*stand.Truth) error { return nil }, do)
}

// guidedOn does so where the simulated bench needs something of its own.
func (k *calibrating) guidedOn(c console, prepare func(*stand.Truth) error, do func(context.Context, *cli.Guide) error) error {
	// A connection that is lost must not leave the light on.
	ctx, stop := signal.NotifyContext(c.Context, syscall.SIGHUP)
	defer stop()
	c.Context = ctx
	loaded, err := k.load()
	if err != nil {
		return err
	}
	b, err := k.bench(c, loaded, prepare)
	if err != nil {
		return err
	}
	guide, err := k.guide(c, loaded, b)
	if err == nil {
		err = explainCalibration(do(c, guide))
	}
	return errors.Join(err, b.Close())
}

// note tells the person something beside the result.
func (k *calibrating) note(c console, format string, args ...any) {
	out := c.out
	if k.JSON {
		out = c.err
	}
	fmt.Fprintf(out, format+"\n", args...)
}

// handMoved reports that a person moves the stage: nothing drives a real camera's.
func (k *calibrating) handMoved() (bool, error) {
	loaded, err := k.load()
	_, real := loaded.Source.Device()
	return real, err
}

// noteMoves tells how many moves a person will be asked for.
func (k *calibrating) noteMoves(c console, procedure string, moves int) {
	const each = 20 * time.Second
	k.note(c, "%s: %d moves by hand, about %.0f minutes", procedure, moves, math.Ceil((time.Duration(moves) * each).Minutes()))
}

func (k *calibrating) guide(c console, loaded config.Config, b bench.Bench) (*cli.Guide, error) {
	by, err := whoever(k.By)
	if err != nil {
		return nil, err
	}
	g := &cli.Guide{
		Bench: b, Store: store.Open(appliance.CalibrationFolder(loaded)), Sessions: filepath.Join(appliance.CalibrationFolder(loaded), "sessions"),
		By: by, Software: "kensa " + version.Version, Valid: time.Duration(loaded.Calibration.ValidDays) * 24 * time.Hour, Now: time.Now,
		Restart: k.Restart, Yes: k.Yes, AcceptFailed: k.AcceptFailed,
	}
	out := c.out
	if k.JSON {
		g.JSON, out = c.out, c.err
	}
	g.Terminal = cli.New(c.in, out, isTerminal(out))
	g.Terminal.Width = func() int { return cells(out) }
	if isTerminal(os.Stdin) {
		g.Terminal.Flush = func() { _ = unix.IoctlSetInt(int(os.Stdin.Fd()), unix.TCFLSH, unix.TCIFLUSH) } // what cannot be forgotten is read
	}
	return g, nil
}

// whoever is the person that is named, or the user.
func whoever(name string) (string, error) {
	if name != "" {
		return name, nil
	}
	me, err := user.Current()
	if err != nil {
		return "", fail(exitUsage, fmt.Errorf("who does this: %w", err), "name yourself with --by")
	}
	if me.Name != "" {
		return me.Name, nil
	}
	return me.Username, nil
}

// bench opens the station's bench, or the simulated one.
func (k *calibrating) bench(c console, loaded config.Config, prepare func(*stand.Truth) error) (bench.Bench, error) {
	if _, real := loaded.Source.Device(); real {
		if k.Truth != "" || k.Practise {
			return nil, fail(exitUsage, fmt.Errorf("source.camera %q: --truth and --practise are for the simulated bench", loaded.Source.Camera), "")
		}
		b, err := appliance.OpenBench(c, loaded)
		if err != nil {
			return nil, fail(exitFailed, err, "`systemctl stop kensa` frees camera and lines; `kensa camera show` and `kensa doctor` look at them")
		}
		return b, nil
	}
	if loaded.Source.Camera != "simulated" {
		return nil, fail(exitUsage, fmt.Errorf("source.camera %q: calibration needs a live camera or the simulated one", loaded.Source.Camera), "")
	}
	truth := stand.Defaults(1280, 960)
	s := &truth.Station
	s.Name, s.Objective = loaded.Station.Name, loaded.Calibration.Objective
	s.Camera, s.Lens, s.Light = loaded.Calibration.Camera, loaded.Calibration.Lens, loaded.Calibration.Light
	truth.Wafers.Layout = loaded.Simulator.Product
	if k.Truth != "" {
		if err := readTruth(k.Truth, &truth); err != nil {
			return nil, fail(exitInput, err, "")
		}
	}
	if err := prepare(&truth); err != nil {
		return nil, fail(exitUsage, err, "")
	}
	b, err := stand.New(truth)
	if err != nil {
		return nil, fail(exitInput, err, "")
	}
	if k.Practise {
		return &practice{Bench: b}, nil
	}
	return b, nil
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

// black is the camera's dark level, DN, where it was calibrated; else 0, which does
// no harm but to comparisons between lights.
func (k *calibrating) black() (float64, error) {
	loaded, err := k.load()
	if err != nil {
		return 0, err
	}
	used, err := inUse(loaded)
	if errors.Is(err, store.ErrNone) {
		return 0, nil
	}
	if err != nil {
		return 0, explainStore(err)
	}
	level, _ := used.Parameter("dark", "dark_dn")
	return level, nil
}

// explainCalibration gives an error its exit code and hint.
func explainCalibration(err error) error {
	switch {
	case errors.Is(err, session.ErrOther), errors.Is(err, session.ErrDamaged):
		return fail(exitInput, err, "--restart forgets the interrupted session")
	case errors.Is(err, context.Canceled):
		return cli.ErrLater
	case errors.Is(err, cli.ErrFailed):
		return fail(exitFailed, err, "")
	default:
		return err
	}
}

// cells is how many a terminal's line has; 0 where that is not known.
func cells(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
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
