// Package kiosk keeps a browser with the operator display on a screen.
//
// Whether the browser lives is told by the page itself: it calls the appliance
// each second for as long as its script runs and it paints. A browser that ends,
// or whose page falls silent while the appliance answers, is killed with all its
// processes and started anew. While the appliance does not answer, nothing is
// known of the page, and it is left alone: it shows that it is frozen.
package kiosk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Options are what a kiosk is made of.
type Options struct {
	// Page is the display's address. The name that the page calls under is added
	// to it.
	Page *url.URL
	// Command starts the browser, in the foreground; {profile} in it stands for
	// an empty folder of its own, and the page's address is added.
	Command []string
	// Beats asks how often the page has called under a name; ErrSilent where it
	// never has. Any other error means that the appliance does not answer.
	Beats func(ctx context.Context, name string) (uint64, error)
	// Start is how long the page may take for its first call, Silence for each
	// further one.
	Start, Silence time.Duration
	// Looked is called after each look at the page, with nil once it has called.
	Looked func(error)
	Log    *slog.Logger
	Output io.Writer // the browser's own
}

// Flags make Chromium a screen: one page, nothing to get out by, nothing that
// asks or reports.
func Flags() []string {
	return []string{
		"--user-data-dir={profile}", "--kiosk", "--ozone-platform-hint=auto", "--no-first-run", "--no-default-browser-check",
		"--noerrdialogs", "--disable-session-crashed-bubble", "--disable-features=Translate,MediaRouter", "--disable-pinch",
		"--overscroll-history-navigation=0", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-breakpad", "--disk-cache-size=16777216", "--password-store=basic",
	}
}

// ErrSilent means that a page has not called yet.
var ErrSilent = errors.New("the page has not called yet")

// Pauses between two looks, and between two browsers; and how long a browser may
// take to end.
const (
	lookEvery   = time.Second
	restartWait = time.Second
	endPatience = 3 * time.Second
)

// Run keeps a browser running until the context ends. It returns an error only
// where none can be started.
func Run(ctx context.Context, o Options) error {
	for ctx.Err() == nil {
		err := o.once(ctx)
		var missing *exec.Error
		if errors.As(err, &missing) || errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("kiosk: %w", err)
		}
		if ctx.Err() == nil {
			o.Log.Warn("the browser is started anew", "reason", err)
			sleep(ctx, restartWait)
		}
	}
	return nil
}

// once runs one browser until it ends, its page falls silent, or the context
// ends; the error says which.
func (o Options) once(ctx context.Context) (err error) {
	profile, err := os.MkdirTemp("", "kensa-kiosk-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(profile)) }()
	name := rand.Text()
	browser := o.browser(name, profile)
	if err := browser.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- browser.Wait() }()
	looking, stop := context.WithCancel(ctx)
	defer stop()
	silent := make(chan error, 1)
	go func() { silent <- o.watch(looking, name) }()
	select {
	case err = <-ended:
		err = fmt.Errorf("it ended: %v", err)
		end(browser.Process.Pid, nil)
	case err = <-silent:
		end(browser.Process.Pid, ended)
		return err
	}
	stop()
	<-silent
	return err
}

func (o Options) browser(name, profile string) *exec.Cmd {
	page := *o.Page
	query := page.Query()
	query.Set("screen", name)
	page.RawQuery = query.Encode()
	var arguments []string
	for _, a := range o.Command[1:] {
		arguments = append(arguments, replaceProfile(a, profile))
	}
	browser := exec.Command(o.Command[0], append(arguments, page.String())...)
	browser.Stdout, browser.Stderr = o.Output, o.Output
	browser.WaitDelay = endPatience // a grandchild may hold its output open
	browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return browser
}

// end ends a process group: by request, then by force. ended is nil where its
// leader is gone already.
func end(group int, ended <-chan error) {
	signal := func(s syscall.Signal) {
		// The group may be gone, which is what is wanted.
		_ = syscall.Kill(-group, s)
	}
	if ended != nil {
		// A stopped process takes no other signal.
		signal(syscall.SIGTERM)
		signal(syscall.SIGCONT)
		select {
		case <-ended:
			ended = nil
		case <-time.After(endPatience):
		}
	}
	signal(syscall.SIGKILL)
	if ended != nil {
		<-ended
	}
}

// watch returns when the page has been silent for too long, or the context ends.
func (o Options) watch(ctx context.Context, name string) error {
	w := watch{start: o.Start, silence: o.Silence, since: time.Now()}
	for {
		sleep(ctx, lookEvery)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		limit, cancel := context.WithTimeout(ctx, o.Silence)
		beats, err := o.Beats(limit, name)
		cancel()
		silent := w.look(beats, err, time.Now())
		o.Looked(err)
		if silent != nil {
			return silent
		}
	}
}

// watch judges a page by its calls.
type watch struct {
	start, silence time.Duration
	since          time.Time // when it called, or could last not be asked
	beats          uint64
}

func (w *watch) look(beats uint64, err error, now time.Time) error {
	switch {
	case err != nil && !errors.Is(err, ErrSilent): // the appliance's silence, not the page's
		w.since = now
	case beats > w.beats:
		w.since, w.beats = now, beats
	case beats < w.beats: // the appliance was started anew
		w.since, w.beats = now, beats
	}
	patience := w.silence
	if w.beats == 0 {
		patience = w.start
	}
	if silence := now.Sub(w.since); silence > patience {
		return fmt.Errorf("its page has been silent for %v", silence.Round(time.Second))
	}
	return nil
}

func replaceProfile(argument, profile string) string {
	return strings.ReplaceAll(argument, "{profile}", profile)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
