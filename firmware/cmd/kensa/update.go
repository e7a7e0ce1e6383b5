package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"kensa/firmware/appliance"
	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/firmware/update"
)

type updateCommand struct {
	configured
	places

	Bundle         string        `arg:"" optional:"" help:"Bundle to install and try."`
	AllowRollback  bool          `help:"Take a version that is not newer."`
	AllowMigration bool          `help:"Take a version that migrates the database, after which the version before cannot open it: there is no way back by itself."`
	Restart        string        `default:"systemctl restart kensa.service" help:"Command that restarts the appliance, run by the shell; empty: the trial begins with the next start (${default})."`
	Patience       time.Duration `default:"5m" help:"How long the restarted appliance may take to be confirmed or to go back by itself, before it is made to go back (${default})."`
	JSON           bool          `help:"Print JSON."`

	Status  bool          `xor:"what" help:"Print which version counts, and what happened last."`
	Back    bool          `xor:"what" help:"Go back to the version before, and restart."`
	Select  bool          `xor:"what" help:"For the service: choose what is started next."`
	Confirm bool          `xor:"what" help:"For the service: wait until a version on trial is healthy, then let it count; fails if it is not within --limit."`
	Limit   time.Duration `default:"60s" help:"For --confirm: how long a version on trial may take to become healthy (${default})."`
	Hold    time.Duration `default:"5s" help:"For --confirm: how long it must be healthy without a break (${default})."`
}

// places are where an installation lies, for those who put it elsewhere.
type places struct {
	Slots   string `env:"KENSA_SLOTS" hidden:"" help:"Folder of the slots."`
	Package string `env:"KENSA_PACKAGE" hidden:"" help:"Folder of the package's program."`
	Keys    string `env:"KENSA_UPDATE_KEYS" hidden:"" help:"Public keys that may sign bundles."`
}

// complete fills in where the Debian package puts things.
func (p places) complete() update.Places {
	usual := update.DefaultPlaces()
	return update.Places{
		Slots: cmp.Or(p.Slots, usual.Slots), Package: cmp.Or(p.Package, usual.Package), Keys: cmp.Or(p.Keys, usual.Keys),
	}
}

// store is the installation, with the configuration's database; unread is why
// there is no configuration.
func (p places) store(c config.Config, unread error) *update.Store {
	database := filepath.Join(c.Storage.State, appliance.DatabaseName)
	return update.NewStore(p.complete(), runtime.GOARCH, func(ctx context.Context) (int, error) {
		if unread != nil {
			return 0, unread
		}
		return record.SchemaOf(ctx, database)
	})
}

// Run does what was asked for.
func (u *updateCommand) Run(c console) error {
	store, err := u.installation()
	if err != nil {
		return err
	}
	switch {
	case u.Status:
		return u.status(c, store)
	case u.Back:
		return u.back(c, store)
	case u.Select:
		return u.choose(c, store)
	case u.Confirm:
		return u.confirm(c, store)
	case u.Bundle == "":
		return fail(exitUsage, errors.New("no bundle"), "name a bundle, or give --status or --back")
	}
	return u.install(c, store)
}

// installation finds the installation. A configuration that cannot be read is no reason to
// start nothing: the program that is started says what is wrong with it.
func (u *updateCommand) installation() (*update.Store, error) {
	loaded, err := u.load()
	if err != nil && !u.Select {
		return nil, err
	}
	return u.store(loaded, err), nil
}

// install puts a bundle on trial, restarts the appliance, and tells how it ended.
func (u *updateCommand) install(c console, store *update.Store) error {
	bundle, err := os.Open(u.Bundle)
	if err != nil {
		return fail(exitInput, err, "")
	}
	defer bundle.Close()
	m, err := store.Stage(c, bundle, update.Allow{Rollback: u.AllowRollback, Migration: u.AllowMigration})
	if err != nil {
		return explainUpdate(err)
	}
	fmt.Fprintf(c.err, "%s: version %s is verified and in its slot\n", u.Bundle, m.Version)
	if u.Restart == "" {
		fmt.Fprintln(c.err, "its trial begins with the next start")
		return u.status(c, store)
	}
	if err := u.restart(c, store); err != nil {
		return err
	}
	return u.verdict(c, store, m.Version)
}

// restart has the appliance started anew. The command fails where the new
// version does; what then counts is the store's to say.
func (u *updateCommand) restart(c console, store *update.Store) error {
	restart := exec.CommandContext(c, "/bin/sh", "-c", u.Restart)
	restart.Stdout, restart.Stderr = c.err, c.err
	failed := restart.Run()
	st, err := store.Status(c)
	if err != nil {
		return explainUpdate(err)
	}
	if failed != nil && st.Trial != nil && !st.Trial.Started {
		return fail(exitFailed, fmt.Errorf("restart: %q: %w", u.Restart, failed), "the new version is in its slot; its trial begins when the appliance is next started")
	}
	return nil
}

// verdict waits until the trial has ended, one way or the other.
func (u *updateCommand) verdict(c console, store *update.Store, version string) error {
	limit, cancel := context.WithTimeout(c, u.Patience)
	defer cancel()
	const pause = 200 * time.Millisecond
	for ; limit.Err() == nil; sleep(limit, pause) {
		st, err := store.Status(limit)
		if err != nil {
			return explainUpdate(err)
		}
		if st.Trial != nil {
			continue
		}
		if err := u.status(c, store); err != nil {
			return err
		}
		if st.Last == nil || st.Last.What != update.Confirmed || st.Last.Version != version {
			return fail(exitWentBack, fmt.Errorf("version %s did not become healthy; version %s is back", version, st.Version), "the journal of kensa.service says why")
		}
		return nil
	}
	if c.Err() != nil {
		return c.Err()
	}
	if _, err := store.Back(c.without(), update.WentBack, fmt.Sprintf("no word of it within %v", u.Patience)); err != nil {
		return explainUpdate(err)
	}
	c.Context = c.without()
	return fail(exitWentBack, errors.Join(fmt.Errorf("version %s was not confirmed within %v", version, u.Patience), u.restart(c, store)),
		"the journal of kensa.service says why")
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (u *updateCommand) back(c console, store *update.Store) error {
	selected, err := store.Back(c, update.TakenBack, "")
	if err != nil {
		return explainUpdate(err)
	}
	fmt.Fprintf(c.err, "version %s counts again\n", selected.Version)
	if u.Restart == "" {
		return nil
	}
	return u.restart(c, store)
}

func (u *updateCommand) choose(c console, store *update.Store) error {
	selected, err := store.Select(c)
	if err != nil {
		return explainUpdate(err)
	}
	if u.JSON {
		return printJSON(c.out, selected)
	}
	note := ""
	if selected.Trial {
		note = ", on trial"
	}
	_, err = fmt.Fprintf(c.out, "%s: version %s%s\n", filepath.Join(selected.Folder, update.ProgramName), selected.Version, note)
	return err
}

func (u *updateCommand) status(c console, store *update.Store) error {
	st, err := store.Status(c)
	if err != nil {
		return explainUpdate(err)
	}
	if u.JSON {
		return printJSON(c.out, st)
	}
	fmt.Fprintln(c.out, updateLine(st))
	if st.Fallback != "" {
		fmt.Fprintf(c.out, "kensa update --back returns to version %s\n", st.Fallback)
	}
	fmt.Fprintf(c.out, "%d keys may sign bundles\n", st.Keys)
	return nil
}

// updateLine is an installation's state on one line.
func updateLine(st update.Status) string {
	line := fmt.Sprintf("version %s counts (%s)", st.Version, st.Current)
	if st.Trial != nil {
		state := "waits for its trial"
		if st.Trial.Started {
			state = "is on trial"
		}
		line += fmt.Sprintf("; version %s %s", st.Trial.Version, state)
	}
	if l := st.Last; l != nil {
		line += fmt.Sprintf("; %s: %s %s", l.Time.Format(time.RFC3339), l.What, l.Version)
		if l.Reason != "" {
			line += ": " + l.Reason
		}
	}
	return line
}

// explainUpdate gives an error its exit code and hint.
func explainUpdate(err error) error {
	hints := []struct {
		is   error
		code int
		hint string
	}{
		{update.ErrSignature, exitRefused, "copy the bundle again; if that changes nothing, it was not signed with a key of /etc/kensa/update.pub"},
		{update.ErrFormat, exitRefused, "copy the bundle again; it may be cut off"},
		{update.ErrRollback, exitRefused, "--allow-rollback takes it all the same"},
		{update.ErrMigrates, exitRefused, "copy the database first; --allow-migration then takes it"},
		{update.ErrRefused, exitRefused, ""},
		{update.ErrNothing, exitFailed, "install the wanted version's bundle with --allow-rollback"},
		{update.ErrLocked, exitFailed, "wait until it has ended"},
		{fs.ErrPermission, exitFailed, "run it as root"},
	}
	for _, h := range hints {
		if errors.Is(err, h.is) {
			return fail(h.code, err, h.hint)
		}
	}
	return err
}
