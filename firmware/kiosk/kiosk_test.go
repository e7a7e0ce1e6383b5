package kiosk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kensa/firmware/alarm"
	"kensa/firmware/display"
	"kensa/firmware/display/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhenAPageCountsAsSilent(t *testing.T) {
	unreachable := errors.New("connection refused")
	type look struct {
		at    int // seconds
		beats uint64
		err   error
	}
	for _, c := range []struct {
		name   string
		looks  []look
		silent int // which look says so; -1 none
	}{
		{"it calls", []look{{1, 0, ErrSilent}, {30, 1, nil}, {39, 9, nil}, {48, 18, nil}}, -1},
		{"it never calls", []look{{1, 0, ErrSilent}, {60, 0, ErrSilent}, {61, 0, ErrSilent}}, 2},
		{"it stops calling", []look{{1, 1, nil}, {2, 2, nil}, {12, 2, nil}, {13, 2, nil}}, 3},
		{"the appliance does not answer", []look{{1, 1, nil}, {40, 0, unreachable}, {90, 0, unreachable}, {99, 1, nil}}, -1},
		{"the appliance was started anew", []look{{1, 50, nil}, {9, 0, ErrSilent}, {15, 1, nil}, {24, 2, nil}}, -1},
		{"it does not come back after that", []look{{1, 50, nil}, {9, 0, ErrSilent}, {69, 0, ErrSilent}, {70, 0, ErrSilent}}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			w := watch{start: time.Minute, silence: 10 * time.Second, since: start}
			for n, l := range c.looks {
				err := w.look(l.beats, l.err, start.Add(time.Duration(l.at)*time.Second))
				if (err != nil) != (n == c.silent) {
					t.Fatalf("look %d: %v; want silence at %d", n, err, c.silent)
				}
			}
		})
	}
}

// none is an archive and a station without anything.
type none struct{}

func (none) Wafers(context.Context, int) ([]display.WaferSummary, error) { return nil, nil }
func (none) Wafer(context.Context, int64) (display.Wafer, error) {
	return display.Wafer{}, display.ErrNotFound
}
func (none) Image(context.Context, int64, int) ([]byte, error)   { return nil, display.ErrNotFound }
func (none) Acknowledge(context.Context, alarm.ID, string) error { return display.ErrNotFound }
func (none) Pause(context.Context, string) error                 { return display.ErrRefused }
func (none) Resume(context.Context, string) error                { return display.ErrRefused }
func (none) SetRemote(context.Context, bool, string) error       { return display.ErrRefused }
func (none) OpticsCleaned(context.Context, string) error         { return display.ErrRefused }

// serve starts a display and returns its address.
func serve(t *testing.T) *url.URL {
	t.Helper()
	server, err := display.New(display.Options{Board: display.NewBoard(display.State{}), Archive: none{}, Commands: none{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := display.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.Start(listener)
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	page, err := url.Parse("http://" + listener.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// rig is a kiosk that runs until the test ends, and what is seen of it.
type rig struct {
	t     *testing.T
	mu    sync.Mutex
	names []string // under which pages have called, in order
	beats map[string]uint64
}

func run(t *testing.T, o Options) *rig {
	t.Helper()
	r := &rig{t: t, beats: map[string]uint64{}}
	ask := o.Beats
	o.Beats = func(ctx context.Context, name string) (uint64, error) {
		beats, err := ask(ctx, name)
		r.mu.Lock()
		defer r.mu.Unlock()
		if err == nil && beats > 0 && r.beats[name] == 0 {
			r.names = append(r.names, name)
		}
		if err == nil {
			r.beats[name] = beats
		}
		return beats, err
	}
	o.Looked = func(error) {}
	o.Log, o.Output = slog.New(slog.NewTextHandler(t.Output(), nil)), io.Discard
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r
}

// page waits until the n-th page, from 1, has called some times.
func (r *rig) page(n int, beats uint64) string {
	r.t.Helper()
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		r.mu.Lock()
		if len(r.names) >= n && r.beats[r.names[n-1]] >= beats {
			name := r.names[n-1]
			r.mu.Unlock()
			return name
		}
		r.mu.Unlock()
	}
	r.t.Fatalf("page %d has not called %d times", n, beats)
	return ""
}

// processes are those whose command line has all the words.
func processes(t *testing.T, words ...string) (list []int) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
next:
	for _, path := range lines {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		for _, w := range words {
			if !strings.Contains(string(text), w) {
				continue next
			}
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, pid)
	}
	return list
}

// TestARealBrowserIsStartedAnew runs Chromium without a screen, freezes its page
// and kills it.
func TestARealBrowserIsStartedAnew(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts a browser several times")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium: the kiosk is not tested with one")
	}
	if _, err := web.Files().Open("index.html"); err != nil {
		t.Skip("page not built (make web): it is not tested")
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	page := serve(t)
	r := run(t, Options{
		Page: page, Beats: Ask(page), Start: time.Minute, Silence: 10 * time.Second,
		Command: []string{chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir={profile}", "--no-first-run",
			"--disable-component-update", "--disable-background-networking", "--disable-breakpad"},
	})
	r.page(1, 2)
	profiles, err := filepath.Glob(temporary + "/kensa-kiosk-*")
	if err != nil || len(profiles) != 1 {
		t.Fatalf("profiles %v, %v; want one", profiles, err)
	}
	profile := profiles[0]
	renderers := processes(t, "--type=renderer", temporary)
	if len(renderers) == 0 {
		t.Fatal("no renderer to freeze")
	}
	for _, pid := range renderers {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	r.page(2, 2)
	for end := time.Now().Add(time.Minute); len(processes(t, "--type=renderer", temporary, profile)) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the frozen page's processes are still there")
		}
	}
	if profiles, _ := filepath.Glob(temporary + "/kensa-kiosk-*"); len(profiles) != 1 {
		t.Errorf("profiles %v; want that of the running browser only", profiles)
	}
	for _, pid := range processes(t, temporary) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
	r.page(3, 1)
}

// A browser that ends at once is tried again, and one that does not let itself be
// ended is killed with its children.
func TestAStubbornBrowserIsKilled(t *testing.T) {
	folder := t.TempDir()
	script := filepath.Join(folder, "browser")
	body := fmt.Sprintf("#!/bin/sh\ntrap '' TERM\necho $$ >> %[1]s/starts\nsleep 1000 &\necho $! >> %[1]s/children\n[ $(wc -l < %[1]s/starts) -gt 1 ] && exit 1\nwait; wait; sleep 1000\n", folder)
	if err := os.WriteFile(script, []byte(body), 0o755); err != nil {
		t.Fatal(err)
	}
	page, err := url.Parse("http://127.0.0.1/")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("kiosk", func(t *testing.T) {
		run(t, Options{
			Page: page, Command: []string{script}, Start: time.Second, Silence: time.Second,
			Beats: func(context.Context, string) (uint64, error) { return 0, ErrSilent },
		})
		for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			starts, err := os.ReadFile(folder + "/starts")
			if err == nil && strings.Count(string(starts), "\n") >= 2 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("started %q; want twice", starts)
			}
		}
	})
	children, err := os.ReadFile(folder + "/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Fields(string(children)) {
		gone := func() bool { // a killed process may take its time to go
			state, err := os.ReadFile("/proc/" + line + "/stat")
			return err != nil || strings.Contains(string(state), ") Z ")
		}
		for end := time.Now().Add(time.Minute); !gone(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("child %s is left", line)
			}
		}
	}
}

func TestABrowserThatIsNotThereIsAnError(t *testing.T) {
	page, err := url.Parse("http://127.0.0.1/")
	if err != nil {
		t.Fatal(err)
	}
	err = Run(t.Context(), Options{Page: page, Command: []string{"no-such-browser"}, Log: slog.New(slog.DiscardHandler), Output: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "no-such-browser") {
		t.Errorf("error %v; want one that names it", err)
	}
}
