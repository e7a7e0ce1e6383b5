package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"kensa/firmware/appliance"
	"kensa/firmware/config"
	"kensa/firmware/record"
)

// configured is the part of commands that work on an appliance's state.
type configured struct {
	Config string `short:"c" env:"KENSA_CONFIG" help:"Configuration file. Default: ./kensa.toml, then /etc/kensa/kensa.toml, then the built-in defaults."`
	State  string `short:"s" help:"State folder, instead of storage.state."`
}

// load reads the configuration that applies.
func (c configured) load() (config.Config, error) {
	path := c.Config
	for _, candidate := range []string{"kensa.toml", "/etc/kensa/kensa.toml"} {
		if _, err := os.Stat(candidate); path == "" && err == nil {
			path = candidate
		}
	}
	loaded := config.Default()
	if path != "" {
		var err error
		if loaded, err = config.Load(path); err != nil {
			return loaded, fail(exitUsage, err, "")
		}
	}
	if c.State != "" {
		loaded.Storage.State = c.State
	}
	return loaded, nil
}

// open reads the database of an appliance, which may be running.
func (c configured) open(ctx context.Context) (*record.Reader, error) {
	loaded, err := c.load()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(loaded.Storage.State, appliance.DatabaseName)
	reader, err := record.OpenReadOnly(ctx, path)
	hint := ""
	if errors.Is(err, fs.ErrNotExist) {
		hint = "name the state folder with --state, as `kensa run` or `kensa simulate` was given it"
	}
	return reader, fail(exitInput, err, hint)
}

// find reads the wafer that a person names.
func find(ctx context.Context, reader *record.Reader, name string) (*record.Wafer, error) {
	w, err := reader.Find(ctx, name)
	if errors.Is(err, record.ErrNotFound) {
		return nil, fail(exitInput, fmt.Errorf("wafer %q: %w", name, err), "`kensa wafers` lists them; name one by its substrate, as lot/slot, by its number, or as latest")
	}
	return w, fail(exitInput, err, "")
}

func printJSON(to io.Writer, value any) error {
	encoder := json.NewEncoder(to)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// logger writes the program's log to stderr.
func logger(to io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: level}))
}

// explain gives an error of the appliance its exit code and hint.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return errors.New("stopped before it was ready")
	case errors.Is(err, syscall.EADDRINUSE):
		return fail(exitAddress, err, "another kensa may be running; stop it, or choose another address in the configuration")
	case errors.Is(err, appliance.ErrNoGolden):
		return fail(exitUsage, err, "`kensa train` learns a recipe's golden from known-good frames")
	case errors.Is(err, appliance.ErrRecipe):
		return fail(exitUsage, err, "")
	case errors.Is(err, appliance.ErrCalibration):
		return fail(exitInput, err, calibrationHint(err))
	case errors.Is(err, appliance.ErrSource):
		return fail(exitInput, err, "")
	case errors.Is(err, record.ErrLocked):
		return fail(exitFailed, err, "another kensa uses this state folder; stop it, or name another folder with --state")
	case errors.Is(err, fs.ErrPermission):
		return fail(exitFailed, err, "run as the user who owns the folder, or name another with --state")
	}
	return err
}

// printLine prints a value as JSON on one line.
func printLine(to io.Writer, value any) error { return json.NewEncoder(to).Encode(value) }
