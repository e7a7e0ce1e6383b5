package display

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/png"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"kensa/vision/wafer"
)

// countColours counts the pixels of the map's dies by colour.
const countColours = `(() => {
  const c = document.querySelector(".sheet"), d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data, n = {};
  for (let i = 0; i < d.length; i += 4) { const k = [d[i], d[i+1], d[i+2]].join(); n[k] = (n[k] || 0) + 1; }
  return n;
})()`

// drawn waits until the map shows good dies.
func (s *browser) drawn() {
	s.t.Helper()
	s.until(fmt.Sprintf(`document.querySelector(".sheet")?.width > 0 && (%s)["%s"] > 1000`, countColours, goodColour))
}

const (
	goodColour  = "236,237,237"
	shortColour = "230,159,0"
)

func TestTheMapIsDrawnLive(t *testing.T) {
	r := newRig(t)
	r.startWafer()
	s := r.browse(1280, 800, "en")
	s.until(`document.querySelector("progress") !== null`)
	colours := get(s, chromedp.Evaluate[map[string]int](countColours))
	if colours[goodColour] > 0 || colours[shortColour] > 0 {
		t.Errorf("dies are drawn before any was inspected: %v", colours)
	}
	for n := range r.plan.Fields {
		r.field(n, n == 20)
	}
	for bin, count := range map[wafer.Bin]int{1: 0, 0: 0, 2: 0} {
		for _, b := range r.bins {
			if b == bin {
				count++
			}
		}
		s.until(fmt.Sprintf(`document.querySelector('.legend [data-bin="%d"] b')?.textContent === "%d"`, bin, count))
	}
	s.until(`document.querySelector(".lost") !== null`)
	s.drawn()
	s.until(fmt.Sprintf(`(%s)["%s"] > 50`, countColours, shortColour))
	s.until(fmt.Sprintf(`document.querySelectorAll(".card img").length === %d`, min(20, len(r.found))))
	s.until(`[...document.querySelectorAll(".card img")].every((i) => i.complete && i.naturalWidth === 96)`)
}

func TestARecordedWaferIsOpenedAndLeft(t *testing.T) {
	r := newRig(t)
	for id := int64(1); id <= 3; id++ {
		r.record(id)
	}
	r.startWafer()
	s := r.browse(1280, 800, "en")
	s.do(chromedp.Click("#command-wafers"), chromedp.WaitVisible(`.row[data-wafer="2"]`))
	s.do(chromedp.Click(`.row[data-wafer="2"]`), chromedp.WaitVisible(".heading.recorded"))
	if title := get(s, chromedp.Text(".heading strong")); !strings.Contains(title, "A2617-04.02") {
		t.Errorf("opened %q", title)
	}
	s.do(chromedp.Click("#command-back"), chromedp.WaitNotPresent(".heading.recorded"))
	if title := get(s, chromedp.Text(".heading strong")); !strings.Contains(title, "A2617-04.04") {
		t.Errorf("back to live shows %q", title)
	}
}

// TestTheSurroundingsAreShown in both languages, marked where they are beyond their
// limits, dashes while the sensor fails, and not at all where there is none.
func TestTheSurroundingsAreShown(t *testing.T) {
	r := newRig(t)
	s := r.browse(1280, 800, "en")
	cell := func() string { return get(s, chromedp.Text(".climate")) }
	if got := cell(); !strings.Contains(got, "Climate") || !strings.Contains(got, "21.4\u202f°C") || !strings.Contains(got, "43\u202f%") {
		t.Errorf("shown %q", got)
	}
	show := func(c *Climate) {
		next := status
		next.Climate = c
		r.apply(StatusChanged{next})
	}
	show(&Climate{Temperature: -3.25, Humidity: 71, Outside: true})
	s.do(chromedp.WaitVisible(".climate.abnormal"), chromedp.Click("#command-language"), chromedp.WaitReady(`html[lang="ja"]`))
	if got := cell(); !strings.Contains(got, "環境") || !strings.Contains(got, "−3.3\u202f°C") {
		t.Errorf("shown %q", got)
	}
	s.save("surroundings")
	show(&Climate{Temperature: Number(math.NaN()), Humidity: Number(math.NaN())})
	s.until(`document.querySelector(".climate .value").textContent === "–\u202f°C–\u202f%"`)
	show(nil)
	s.do(chromedp.WaitNotPresent(".climate"))
}

// tapPoint is where a point of the wafer, in mm from its centre, is on the screen.
const tapPoint = `(() => {
  const o = document.querySelector(".sheet.over").getBoundingClientRect(), k = Math.min(o.width, o.height) / (300 * 1.03);
  let [x, y] = [%f, %f];
  for (let n = +document.querySelector(".sheets").dataset.turn; n > 0; n--) [x, y] = [y, -x];
  return [o.left + o.width / 2 + x * k, o.top + o.height / 2 - y * k];
})()`

func TestATappedDieIsTheSameHoweverTheMapIsTurned(t *testing.T) {
	r := newRig(t)
	r.record(1)
	s := r.browse(1280, 800, "en")
	bad := r.found[0]
	center := r.plan.Layout.DieCenter(wafer.DieIndex{Column: bad.Column, Row: bad.Row})
	s.drawn()
	want := strings.ReplaceAll(fmt.Sprintf("Die (%d, %d)", bad.Column, bad.Row), "-", "−")
	for turn := range 4 {
		s.do(chromedp.WaitReady(fmt.Sprintf(`.sheets[data-turn="%d"]`, turn)))
		at := get(s, chromedp.Evaluate[[]float64](fmt.Sprintf(tapPoint, float64(center.X)/1000, float64(center.Y)/1000)))
		s.do(chromedp.MouseClickXY(at[0], at[1]), chromedp.WaitVisible(".die-sheet .defect"))
		s.save(fmt.Sprintf("die-turn-%d", turn))
		if sheet := get(s, chromedp.Text(".die-sheet h2")); !strings.Contains(sheet, want) {
			t.Errorf("turn %d: tapped %s, got %q", turn, want, sheet)
		}
		s.do(chromedp.Click(".die-sheet h2 button"), chromedp.Click(`[data-tool="rotate"]`))
	}
}

func TestZoomMagnifiesAndFitsAgain(t *testing.T) {
	r := newRig(t)
	r.record(1)
	s := r.browse(1280, 800, "en")
	s.drawn()
	s.do(chromedp.Click(`[data-tool="zoomIn"]`), chromedp.Click(`[data-tool="zoomIn"]`), chromedp.WaitReady(`.sheets[data-zoom="2.56"]`))
	s.save("zoomed")
	s.do(chromedp.Click(`[data-tool="fit"]`), chromedp.WaitReady(`.sheets[data-zoom="1.00"]`))
}

// catchSaved has the page's download kept as a data URL instead of saved.
const catchSaved = `(() => {
  const make = URL.createObjectURL;
  URL.createObjectURL = (blob) => {
    const reader = new FileReader();
    reader.onload = () => (window.savedMap = reader.result);
    reader.readAsDataURL(blob);
    return make(blob);
  };
  HTMLAnchorElement.prototype.click = function () { window.savedName = this.download; };
})()`

func TestTheMapIsSavedAsAPicture(t *testing.T) {
	r := newRig(t)
	r.record(1)
	s := r.browse(1280, 800, "en")
	s.do(chromedp.WaitVisible(`[data-tool="save"]`), chromedp.Evaluate[chromedp.Void](catchSaved), chromedp.Click(`[data-tool="save"]`))
	s.until(`window.savedMap !== undefined`)
	if name := get(s, chromedp.Evaluate[string](`window.savedName`)); name != "kensa-A2617-04.01_A2617-04_1.png" {
		t.Errorf("saved as %q", name)
	}
	encoded, _ := strings.CutPrefix(get(s, chromedp.Evaluate[string](`window.savedMap`)), "data:image/png;base64,")
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if size := picture.Bounds().Size(); size.X < 1000 || size.Y < 1000 {
		t.Errorf("picture of %v", size)
	}
	s.keep("saved-map", data)
}

func TestASequenceOfFieldsIsAMapToo(t *testing.T) {
	r := newRig(t)
	r.apply(WaferStarted{Run{Substrate: "wafer-pairs", DieMap: DieMap{Geometry: Geometry{Kind: wafer.Sequence}, Legend: legend}}})
	s := r.browse(1280, 800, "en")
	for n := range 30 {
		r.apply(FieldDone{Field: n, Inspected: true, Dies: []DieResult{{n, wafer.Bin(1 + n%7/6*(n%5)), ""}}})
	}
	s.until(`document.querySelector(".legend h2 span")?.textContent === "30"`)
	s.drawn()
	s.save("sequence")
}

func TestAnAlarmIsAcknowledgedByName(t *testing.T) {
	r := newRig(t)
	s := r.browse(1024, 600, "en")
	s.do(chromedp.WaitVisible(".banner.quiet"))
	const place = `(() => { const b = document.querySelector(".banner").getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()`
	before := get(s, chromedp.Evaluate[[]float64](place))
	r.raise(missedPulse())
	r.raise(cameraGone())
	s.do(chromedp.WaitVisible(`.banner.fault[data-alid="20"]`)) // the fault comes before the rest
	if after := get(s, chromedp.Evaluate[[]float64](place)); !slices.Equal(before, after) {
		t.Errorf("the banner moved from %v to %v", before, after)
	}
	s.do(chromedp.Click(".banner .acknowledge"), chromedp.SendKeys("#operator-name", "TANAKA"), chromedp.Click("#operator-ok"))
	s.do(chromedp.WaitVisible(`.banner.abnormal[data-alid="12"]`)) // now nobody has seen this one
	s.do(chromedp.Click(".banner .acknowledge"), chromedp.WaitVisible(".banner.seen .acknowledged"))
	if done := r.commands.log(); !slices.Equal(done, []string{"ack 20 TANAKA", "ack 12 TANAKA"}) {
		t.Errorf("done: %v", done)
	}
	r.apply(AlarmCleared{12})
	r.apply(AlarmCleared{20})
	s.do(chromedp.WaitVisible(".banner.quiet"))
}

func TestPauseIsAskedForAndResumed(t *testing.T) {
	r := newRig(t)
	s := r.browse(1280, 800, "en")
	s.do(chromedp.Click("#command-pause"), chromedp.Click("#really-pause"))
	for _, key := range []string{"1", "0", "4"} { // with the page's own keys, as on a touch screen
		s.do(chromedp.Click(`//div[@class="keys"]/button[.="` + key + `"]`))
	}
	s.do(chromedp.Click("#operator-ok"), chromedp.WaitVisible(".cell.state.abnormal"))
	s.do(chromedp.Click("#command-resume"), chromedp.WaitVisible("#command-pause"))
	if done := r.commands.log(); !slices.Equal(done, []string{"pause 104", "resume 104"}) {
		t.Errorf("done: %v", done)
	}
}

func TestTheOperatorGivesTheToolToTheHost(t *testing.T) {
	for _, language := range []string{"en", "ja"} {
		r := newRig(t)
		s := r.browse(1280, 800, language)
		r.commands.hostCommand(HostCommand{Name: "PP-SELECT", Host: "mes-1", Detail: `recipe="logic-28"`, Code: 2, Reason: "control is local", Time: start})
		s.do(chromedp.Click("#command-control"))
		s.until(`document.querySelector("#commanded").textContent.includes('mes-1 PP-SELECT recipe="logic-28"')`)
		s.save("control-" + language)
		s.do(chromedp.Click("#switch-control"), chromedp.SendKeys("#operator-name", "104"), chromedp.Click("#operator-ok"))
		s.until(`document.querySelector("#command-control span").textContent === ` + map[string]string{"en": `"Remote"`, "ja": `"リモート"`}[language])
		s.do(chromedp.Click("#command-control"), chromedp.Click("#switch-control"))
		s.until(`document.querySelector("#command-control span").textContent === ` + map[string]string{"en": `"Local"`, "ja": `"ローカル"`}[language])
		if done := r.commands.log(); !slices.Equal(done, []string{"remote true 104", "remote false 104"}) {
			t.Errorf("done: %v", done)
		}
	}
}

func TestASilentBoxFreezesTheDisplayUntilItIsBack(t *testing.T) {
	r := newRig(t)
	s := r.browse(1280, 800, "en")
	s.until(`+document.querySelector(".heart")?.dataset.beats > 1`)
	if err := r.server.Close(); err != nil {
		t.Fatal(err)
	}
	s.do(chromedp.WaitVisible(".frozen"))
	s.save("frozen")
	l, err := Listen(strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	updated := status
	updated.SoftwareVersion = "0.2.0"
	r.serve(Options{Board: NewBoard(State{Status: updated}), Archive: r.archive, Commands: r.commands, Log: slog.New(slog.DiscardHandler)})
	r.server.Start(l)
	s.do(chromedp.WaitNotPresent(".frozen"))
	for { // an updated box has a newer page: the old one makes way
		reloaded, err := chromedp.Run(s.ctx, chromedp.Evaluate[bool](`performance.getEntriesByType("navigation")[0].type === "reload"`))
		if err == nil && reloaded {
			return
		}
		if s.ctx.Err() != nil {
			t.Fatal("the page was not loaded anew")
		}
	}
}
