package display

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"kensa/firmware/display/web"
)

// chromium is one browser for all tests, each of which has a tab of its own. It
// is started by the first that needs it.
var chromium struct {
	ctx  context.Context
	stop func()
}

func openBrowser(t testing.TB) context.Context {
	t.Helper()
	if chromium.ctx != nil {
		return chromium.ctx
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium: the page is not tested")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	first, endFirst := chromedp.NewContext(allocator)
	chromium.ctx, chromium.stop = first, func() { endFirst(); endAllocator() }
	if err := chromedp.Do(first); err != nil {
		t.Fatal(err)
	}
	return first
}

func closeBrowser() error {
	if chromium.ctx == nil {
		return nil
	}
	defer chromium.stop()
	return chromedp.Cancel(chromium.ctx)
}

// browser is a page under test.
type browser struct {
	t   testing.TB
	ctx context.Context
}

// browse opens the rig's page in a headless browser of the given size. The
// test is skipped where there is no browser, or no page.
func (r *rig) browse(width, height int, language string) *browser {
	r.t.Helper()
	if testing.Short() {
		r.t.Skip("-short: the page is not tested")
	}
	if _, err := web.Files().Open("index.html"); err != nil {
		r.t.Skip("page not built (npm ci && npm run build in firmware/display/web): it is not tested")
	}
	s := &browser{t: r.t}
	tab, endTab := chromedp.NewContext(openBrowser(r.t), chromedp.WithListener(s.complain))
	ctx, endTimeout := context.WithTimeout(tab, time.Minute)
	s.ctx = ctx
	r.t.Cleanup(func() {
		if err := chromedp.Cancel(tab); err != nil {
			r.t.Error(err)
		}
		endTimeout()
		endTab()
	})
	s.do(chromedp.EmulateViewport(int64(width), int64(height)), chromedp.Navigate(r.url), chromedp.WaitVisible(".title .heart[data-beats]"))
	if language == "ja" {
		s.do(chromedp.Click("#command-language"), chromedp.WaitReady(`html[lang="ja"]`))
	}
	return s
}

// complain fails the test for what the page throws and what its policy forbids.
func (s *browser) complain(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		s.t.Errorf("page: %s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceSecurity || strings.Contains(e.Entry.Text, "Content Security Policy") {
			s.t.Errorf("page: %s", e.Entry.Text)
		}
	}
}

func (s *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	s.t.Helper()
	if err := chromedp.Do(s.ctx, steps...); err != nil {
		s.t.Fatal(err)
	}
}

// get runs an action that has a result.
func get[T any](s *browser, action chromedp.Action[T]) T {
	s.t.Helper()
	result, err := chromedp.Run(s.ctx, action)
	if err != nil {
		s.t.Fatal(err)
	}
	return result
}

// until waits for a JavaScript expression to hold.
func (s *browser) until(expression string) {
	s.t.Helper()
	if err := chromedp.Do(s.ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		s.t.Fatalf("%s: %v", expression, err)
	}
}

// save keeps a picture for people, in $KENSA_SCREENSHOTS where that is set.
func (s *browser) save(name string) {
	s.t.Helper()
	s.keep(name, get(s, chromedp.CaptureScreenshot()))
}

func (s *browser) keep(name string, png []byte) {
	s.t.Helper()
	folder := os.Getenv("KENSA_SCREENSHOTS")
	if folder == "" {
		folder = s.t.TempDir()
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644); err != nil {
		s.t.Fatal(err)
	}
}
