package report_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"kensa/calibration"
	"kensa/calibration/report"
)

// browser is a real one; the test skips without.
func browser(t *testing.T) (ctx context.Context, chromium string) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium: the report is not printed")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	tab, end := chromedp.NewContext(allocator)
	ctx, endWait := context.WithTimeout(tab, 3*time.Minute)
	t.Cleanup(func() { endWait(); end(); endAllocator() })
	return ctx, path
}

// TestPrints on A4, nothing wider than the paper, with long words and many figures, and
// more pages for more of them.
func TestPrints(t *testing.T) {
	ctx, chromium := browser(t)
	pages := map[int]int{}
	profile, err := os.MkdirTemp("", "kensa-report-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(profile) // as far as the browser has let go of it
	for _, rows := range []int{1, 80} {
		c, before := made(1), made(0.9)
		for _, s := range []*calibration.Result{&c.Sections["flat"].Result, &before.Sections["flat"].Result} {
			for n := range rows {
				s.Figures = append(s.Figures, calibration.Figure{Name: fmt.Sprintf("f%d", n), Title: strings.Repeat("uncertainty of a place ", 1+n%4), Value: 123456.789,
					Uncertainty: 0.00123, Unit: "% of full scale", Limits: calibration.Between(-123456, 234567)})
			}
		}
		c.Station.Camera, c.Sections["flat"].By = strings.Repeat("SERIAL-0815-", 4), strings.Repeat("Long Name ", 6)
		file := filepath.Join(t.TempDir(), "report.html")
		if err := os.WriteFile(file, []byte(write(t, report.Report{Calibration: c, Before: before, Made: noon, Software: "kensa v1"})), 0o600); err != nil {
			t.Fatal(err)
		}
		// Of 210 mm, 15 are left at either side; 96 pixels are an inch of 25.4 mm.
		const paper = 180 * 960 / 254
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(paper, 1000), chromedp.Navigate("file://"+file)); err != nil {
			t.Fatal(err)
		}
		wide, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](fmt.Sprintf(`[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > %d)
			.map(e => e.tagName + " " + e.className + " " + e.textContent.slice(0, 60))`, paper+1)))
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "report.pdf")
		print := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+profile, "--no-pdf-header-footer", "--print-to-pdf="+out, file)
		if said, err := print.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		pdf, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if len(wide) > 0 {
			t.Errorf("%d figures: wider than the paper: %q", rows, wide)
		}
		pages[rows] = len(regexp.MustCompile(`/Type */Page\b`).FindAll(pdf, -1))
		// A4 in points is 595×842.
		if sizes := regexp.MustCompile(`/MediaBox *\[0 0 59[45]\.?\d* 84[12]\.?\d*\]`).FindAll(pdf, -1); len(sizes) != pages[rows] || !bytes.HasPrefix(pdf, []byte("%PDF")) {
			t.Errorf("%d figures: %d pages, %d of A4", rows, pages[rows], len(sizes))
		}
	}
	if pages[1] < 1 || pages[1] > 3 || pages[80] < pages[1]+2 {
		t.Errorf("pages by number of figures: %v", pages)
	}
}
