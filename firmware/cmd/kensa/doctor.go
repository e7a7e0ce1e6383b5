package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"kensa/bus/session"
	"kensa/firmware/appliance"
	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/firmware/update"
	"kensa/hw/camera/replay"
	"kensa/hw/camera/v4l2"
)

type doctorCommand struct {
	configured
	places
	JSON    bool `help:"Print JSON."`
	Latency bool `help:"Ask the running appliance how long its stages take, from pulse to RESULT line, instead of checking."`
}

// finding is one check's result. A warning does not keep the appliance from
// working.
type finding struct {
	Check  string `json:"check"`
	State  string `json:"state"` // ok, warning, error
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

// check looks at one thing: what is well, or what is wrong and what to do.
type check struct {
	name   string
	warn   bool // a failure is a warning only
	look   func(ctx context.Context, c config.Config) (detail string, err error)
	remedy string
}

var checks = []check{
	{"recipe", false, checkRecipe, "correct the recipe, or learn its golden with `kensa train`"},
	{"camera", false, checkCamera, "correct source.camera, or give the folder images"},
	{"lines", false, checkLines, "correct the key that is named, or stop the program that has the line"},
	{"sensor", false, checkSensor, "check [environment], and the sensor's wiring, address and power"},
	{"calibration", false, checkCalibration, "`kensa calibrate show` tells what it is for; docs/field-engineer.md says how to calibrate"},
	{"expiry", true, checkCalibrationAge, "`kensa calibrate all` measures the station again"},
	{"state folder", false, checkState, "give the appliance's user the folder: chown -R kensa FOLDER"},
	{"memory", true, checkMemory, "lower cycle.queue, camera.buffers or cycle.workers, or take a machine with more memory"},
	{"disk space", true, checkDisk, "free space, or lower storage.keep_days"},
	{"database", false, checkDatabase, "move the file away to start anew, and keep it for support"},
	{"display", false, checkDisplay, "stop what uses the address, or change display.listen"},
	{"broker", true, checkBroker, "check mqtt.brokers, the network and the certificates; results wait meanwhile"},
	{"clock", true, checkClock, "start a time service, such as systemd-timesyncd or chrony"},
}

// Run makes every check. Its exit code is 1 if one of them failed.
func (d *doctorCommand) Run(c console) error {
	if d.Latency {
		return d.latency(c)
	}
	loaded, err := d.load()
	findings := []finding{judge("configuration", false, "every key is known, every value in range", err, "correct the key that is named")}
	if err == nil {
		installed := check{"update", true, d.checkUpdate, "`kensa update --status` tells more; docs/field-engineer.md says how to go on"}
		for _, check := range append(slices.Clone(checks), installed) {
			detail, err := check.look(c, loaded)
			findings = append(findings, judge(check.name, check.warn, detail, err, check.remedy))
		}
	}
	if err := d.print(c, findings); err != nil {
		return err
	}
	for _, f := range findings {
		if f.State == "error" {
			return fail(exitFailed, fmt.Errorf("%s: %s", f.Check, f.Detail), f.Remedy)
		}
	}
	return nil
}

func judge(name string, warn bool, detail string, err error, remedy string) finding {
	switch {
	case err == nil:
		return finding{Check: name, State: "ok", Detail: detail}
	case warn:
		return finding{Check: name, State: "warning", Detail: err.Error(), Remedy: remedy}
	default:
		return finding{Check: name, State: "error", Detail: err.Error(), Remedy: remedy}
	}
}

func (d *doctorCommand) print(c console, findings []finding) error {
	if d.JSON {
		return printJSON(c.out, findings)
	}
	for _, f := range findings {
		fmt.Fprintf(c.out, "%-8s %-14s %s\n", f.State, f.Check, f.Detail)
		if f.Remedy != "" {
			fmt.Fprintf(c.out, "%-8s %-14s → %s\n", "", "", f.Remedy)
		}
	}
	return nil
}

func checkRecipe(_ context.Context, c config.Config) (string, error) {
	if c.Recipe.File == "" {
		return "built in", nil
	}
	recipe, err := config.LoadRecipe(appliance.RecipePath(c))
	if err != nil {
		return "", err
	}
	_, _, err = appliance.Inspectors(recipe, nil)
	return fmt.Sprintf("%s version %s, mode %s", recipe.Name, recipe.Version, recipe.Mode), err
}

func checkCamera(_ context.Context, c config.Config) (string, error) {
	if _, err := appliance.Flat(c); err != nil {
		return "", err
	}
	if _, real := c.Source.Device(); real {
		return checkDevice(c)
	}
	folder, ok := c.Source.Replay()
	if !ok {
		return "simulated: product " + c.Simulator.Product, nil
	}
	wafers, err := replay.Find(folder)
	return fmt.Sprintf("replays %d wafers from %s", len(wafers), folder), err
}

// checkDevice opens the camera, which may be streaming for a running appliance.
func checkDevice(c config.Config) (detail string, err error) {
	d, err := v4l2.Open(c.V4L2(0, 0).Path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s at %s, driver %s", d.Info().Card, d.Info().Path, d.Info().Driver), d.Close()
}

// checkState looks whether the state folder can be written, and leaves nothing.
func checkState(_ context.Context, c config.Config) (string, error) {
	folder := c.Storage.State
	info, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		folder = existing(folder)
		info, err = os.Stat(folder)
	}
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%s: is a file; want a folder", folder)
	}
	probe, err := os.CreateTemp(folder, ".kensa-doctor-*")
	if err != nil {
		return "", err
	}
	return c.Storage.State + " can be written", errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// existing is the nearest folder above a path that exists.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

func checkDisk(_ context.Context, c config.Config) (string, error) {
	free, err := appliance.FreeSpace(existing(c.Storage.State))
	if err != nil {
		return "", err
	}
	mib := int(free >> 20)
	if mib < c.Storage.MinFree {
		return "", fmt.Errorf("%d MiB free; storage.min_free_mib wants %d", mib, c.Storage.MinFree)
	}
	return fmt.Sprintf("%d MiB free", mib), nil
}

func checkDatabase(ctx context.Context, c config.Config) (string, error) {
	path := filepath.Join(c.Storage.State, appliance.DatabaseName)
	reader, err := record.OpenReadOnly(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return "none yet; the first start makes it", nil
	}
	if err != nil {
		return "", err
	}
	defer reader.Close()
	waiting, err := reader.Numbering(ctx, record.Ledger)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s is whole; %d records wait for the warning service", path, waiting.Waiting()), reader.Check(ctx)
}

// checkDisplay takes the display's address, or finds a running appliance there.
func checkDisplay(ctx context.Context, c config.Config) (string, error) {
	listener, err := net.Listen("tcp", c.Display.Listen)
	if err == nil {
		return c.Display.Listen + " is free", listener.Close()
	}
	probe, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, requestErr := http.NewRequestWithContext(probe, http.MethodGet, "http://"+c.Display.Listen+"/healthz", nil)
	if requestErr != nil {
		return "", err
	}
	answer, answerErr := http.DefaultClient.Do(request)
	if answerErr != nil || answer.StatusCode != http.StatusOK {
		return "", err
	}
	return "an appliance answers at " + c.Display.Listen, answer.Body.Close()
}

func checkBroker(ctx context.Context, c config.Config) (string, error) {
	if c.MQTT.Embedded {
		return "embedded, at " + c.MQTT.Brokers[0], nil
	}
	if len(c.MQTT.Brokers) == 0 {
		return "switched off", nil
	}
	s, err := session.New(c.Connection("-doctor"), slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	defer s.Close()
	const patience = 5 * time.Second
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s.Start(limit)
	link, err := s.Await(limit)
	if err != nil {
		return "", errors.Join(err, s.State().Err)
	}
	return "connected to " + link.Broker(), nil
}

func checkClock(context.Context, config.Config) (string, error) {
	if !appliance.ClockSynchronised() {
		return "", errors.New("the kernel's clock follows no time server; records would carry a wrong time")
	}
	return "synchronised, " + time.Now().Format(time.RFC3339), nil
}

// checkUpdate looks at the slots of an installation from a package.
func (p places) checkUpdate(ctx context.Context, c config.Config) (string, error) {
	if _, err := os.Stat(filepath.Join(p.complete().Package, update.ProgramName)); errors.Is(err, fs.ErrNotExist) {
		return "not installed from a package", nil
	}
	st, err := p.store(c, nil).Status(ctx)
	switch {
	case err != nil:
		return "", err
	case st.Problem != "":
		return "", fmt.Errorf("%s; it cannot be started again: %s", updateLine(st), st.Problem)
	case st.Trial != nil, st.Last != nil && st.Last.Bad():
		return "", errors.New(updateLine(st))
	}
	return updateLine(st), nil
}
