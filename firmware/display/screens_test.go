package display

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestScreens keeps a picture of the page in each size, language and mood, and
// checks what holds for all of them.
func TestScreens(t *testing.T) {
	for _, screen := range []struct {
		name          string
		width, height int
		language      string
		alarms        []Alarm
	}{
		{"en-1280x800", 1280, 800, "en", nil},
		{"en-1920x1080-alarm", 1920, 1080, "en", []Alarm{missedPulse()}},
		{"ja-1280x800-alarms", 1280, 800, "ja", []Alarm{missedPulse(), cameraGone()}},
		{"en-1024x768", 1024, 768, "en", nil},
		{"ja-1024x600", 1024, 600, "ja", nil},
		{"en-1024x600-alarm", 1024, 600, "en", []Alarm{cameraGone()}},
		{"en-390x844", 390, 844, "en", []Alarm{missedPulse()}},
	} {
		t.Run(screen.name, func(t *testing.T) {
			r := newRig(t)
			r.busyDay()
			for _, a := range screen.alarms {
				r.raise(a)
			}
			s := r.browse(screen.width, screen.height, screen.language)
			s.until(`document.querySelectorAll(".legend li").length > 5`)
			s.checkTargets(screen.name)
			s.checkFit(screen.name)
			s.checkFigures(screen.name)
			s.save(screen.name)
			for _, c := range []struct{ command, shows string }{
				{"wafers", ".wafers"}, {"alarms", "main > .alarms, main > .empty"}, {"operator", "#operator-name"},
			} {
				s.do(chromedp.Click("#command-"+c.command), chromedp.WaitVisible(c.shows))
				s.checkTargets(screen.name + " " + c.command)
				s.save(screen.name + "-" + c.command)
			}
		})
	}
}

// busyDay is a lot in progress with one broken link.
func (r *rig) busyDay() {
	for id := int64(1); id <= 12; id++ {
		lost := []int{}
		if id == 5 {
			lost = []int{30, 31}
		}
		r.record(id, lost...)
	}
	r.apply(ConnectionChanged{Connection{Name: Warning, Link: Down, Since: start, Pending: 1240, Detail: "connection refused"}})
	r.startWafer()
	for n := range len(r.plan.Fields) * 3 / 5 {
		r.field(n, n == 33)
	}
}

// checkTargets measures what can be touched: 76 px is 20 mm at 100 dpi. On
// phones and in the keypad, width gives way.
func (s *browser) checkTargets(where string) {
	s.t.Helper()
	small := get(s, chromedp.Evaluate[[]string](`[...document.querySelectorAll("button")].filter((b) => b.offsetParent).map((b) => [b.getBoundingClientRect(), b]).filter(([r]) => r.height < 75.9 || r.width < (innerWidth > 700 ? 75.9 : 48)).map(([r, b]) => b.className + " " + b.textContent + " " + r.width + "x" + r.height)`))
	if len(small) > 0 {
		s.t.Errorf("%s: too small to touch: %v", where, small)
	}
}

// checkFit finds panels of the page that stick out of it.
func (s *browser) checkFit(where string) {
	s.t.Helper()
	out := get(s, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".title, .banner, .commands, .command, .tools, .tool")].map((e) => [e.getBoundingClientRect(), e]).filter(([r]) => r.right > innerWidth + 1 || innerWidth > 700 && r.bottom > innerHeight + 1).map(([r, e]) => e.className + " " + JSON.stringify(r))`))
	if len(out) > 0 {
		s.t.Errorf("%s: beyond the screen: %v", where, out)
	}
}

// checkFigures finds numbers that run out of their tiles: a cut one reads as
// another.
func (s *browser) checkFigures(where string) {
	s.t.Helper()
	out := get(s, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".tile strong, .tile span, .heart .value")].filter((e) => e.offsetParent).filter((e) => { const text = document.createRange(); text.selectNodeContents(e); return text.getBoundingClientRect().right > e.closest(".tile, .cell").getBoundingClientRect().right - 2; }).map((e) => e.textContent)`))
	if len(out) > 0 {
		s.t.Errorf("%s: figures cut: %q", where, out)
	}
}
