package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kensa/bus/supervisor"
	"kensa/firmware/kiosk"
)

type kioskCommand struct {
	URL        string        `default:"http://127.0.0.1:8080/" placeholder:"URL" help:"Address of the operator display (${default})."`
	Compositor string        `default:"cage -d --" placeholder:"COMMAND" help:"Program that gives the browser a screen; empty where there is one already (${default})."`
	Browser    string        `default:"chromium" placeholder:"COMMAND" help:"Browser: Chromium, or one that takes its flags (${default})."`
	Flag       []string      `placeholder:"FLAG" help:"Further flag for the browser; may be repeated."`
	Silence    time.Duration `default:"10s" help:"How long the page may be silent before the browser is started anew (${default})."`
	Start      time.Duration `default:"60s" help:"How long the page may take to show up (${default})."`
	Log        slog.Level    `default:"info" placeholder:"LEVEL" help:"Least level that is logged: debug, info, warn or error."`
}

// Run keeps the browser on the screen until a signal.
func (k *kioskCommand) Run(c console) error {
	page, err := url.Parse(k.URL)
	if err != nil || page.Host == "" {
		return fail(exitUsage, fmt.Errorf("url: %q; want http://host:port/", k.URL), "")
	}
	log := logger(c.err, k.Log)
	command := append(strings.Fields(k.Compositor), strings.Fields(k.Browser)...)
	if len(command) == 0 {
		return fail(exitUsage, errors.New("browser: empty; want a command"), "")
	}
	var shown looks
	shown.look(errors.New("none yet"))
	stop := k.supervise(c, &shown, log)
	defer stop()
	return fail(exitFailed, kiosk.Run(c, kiosk.Options{
		Page: page, Command: slices.Concat(command, kiosk.Flags(), k.Flag), Beats: kiosk.Ask(page),
		Start: k.Start, Silence: k.Silence, Log: log, Output: c.err,
		Looked: shown.look,
	}), "install cage and chromium, or name others with --compositor and --browser")
}

// looks is when the page was last looked at, and whether it was there.
type looks struct {
	last  atomic.Int64 // Unix nanoseconds
	shown atomic.Bool
}

func (l *looks) look(err error) {
	l.last.Store(time.Now().UnixNano())
	l.shown.Store(err == nil)
}

// maxLook is between two looks at most, with a browser's end between them.
const maxLook = 20 * time.Second

// alive proves that the page is looked after. Restarting a silent one is the
// kiosk's own business.
func (l *looks) alive(context.Context) error {
	if ago := time.Since(time.Unix(0, l.last.Load())); ago > maxLook {
		return fmt.Errorf("the page was last looked at %v ago", ago.Round(time.Second))
	}
	return nil
}

func (l *looks) ready(context.Context) error {
	if !l.shown.Load() {
		return errors.New("the page is not shown")
	}
	return nil
}

// supervise tells systemd whether the page is shown, until stopped.
func (k *kioskCommand) supervise(c console, l *looks, log *slog.Logger) (stop func()) {
	service := supervisor.Service{
		Alive: l.alive, Ready: l.ready, Patience: k.Start,
		Status: func() string { return "the page is shown" }, Log: log,
	}
	ctx, cancel := context.WithCancel(c)
	var wait sync.WaitGroup
	wait.Go(func() { service.Run(ctx) })
	return func() { cancel(); wait.Wait() }
}
