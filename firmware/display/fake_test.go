package display

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"kensa/firmware/alarm"
	"kensa/vision/defect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// start is when every scripted story begins.
var start = time.Date(2026, 4, 1, 9, 30, 0, 0, time.UTC)

// fakeArchive holds wafers by number; its image is the same for all.
type fakeArchive struct{ wafers map[int64]Wafer }

func (a fakeArchive) Wafers(_ context.Context, limit int) ([]WaferSummary, error) {
	var list []WaferSummary
	for _, w := range a.wafers {
		list = append(list, w.Summary)
	}
	slices.SortFunc(list, func(a, b WaferSummary) int { return int(b.ID - a.ID) })
	return list[:min(limit, len(list))], nil
}

func (a fakeArchive) Wafer(_ context.Context, id int64) (Wafer, error) {
	w, ok := a.wafers[id]
	if !ok {
		return w, fmt.Errorf("wafer %d: %w", id, ErrNotFound)
	}
	return w, nil
}

func (a fakeArchive) Image(_ context.Context, id int64, n int) ([]byte, error) {
	w, ok := a.wafers[id]
	if !ok || !slices.ContainsFunc(w.Defects, func(d Defect) bool { return d.Number == n }) {
		return nil, fmt.Errorf("wafer %d: defect %d: image %w", id, n, ErrNotFound)
	}
	return crop(defect.Short, uint64(n)), nil
}

// fakeCommands does what it is told to the Board, as a station would, and
// remembers it.
type fakeCommands struct {
	board  *Board
	mu     sync.Mutex
	status Status
	alarms map[alarm.ID]Alarm
	done   []string
}

func (c *fakeCommands) note(what string) { c.done = append(c.done, what) }

func (c *fakeCommands) Acknowledge(_ context.Context, id alarm.ID, who string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.alarms[id]
	if !ok {
		return fmt.Errorf("alarm %d: %w; it is not set", id, ErrNotFound)
	}
	a.AckBy = who
	c.note(fmt.Sprintf("ack %d %s", id, who))
	return c.board.Apply(AlarmSet{a})
}

func (c *fakeCommands) Pause(_ context.Context, who string) error {
	return c.pause(true, "pause "+who)
}

func (c *fakeCommands) Resume(_ context.Context, who string) error {
	return c.pause(false, "resume "+who)
}

func (c *fakeCommands) pause(paused bool, what string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status.Paused == paused {
		return fmt.Errorf("pause: %w; the station is in that state already", ErrRefused)
	}
	c.status.Paused = paused
	c.note(what)
	return c.board.Apply(StatusChanged{c.status})
}

func (c *fakeCommands) log() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.done)
}

// crops holds what was drawn before, for drawing takes long with the race detector.
var crops sync.Map

type cropKey struct {
	class   defect.Class
	variant uint64
}

// crop is a patch of pattern with a blob in it.
func crop(class defect.Class, number uint64) []byte {
	key := cropKey{class, number % 4}
	drawn, ok := crops.Load(key)
	if !ok {
		drawn, _ = crops.LoadOrStore(key, drawCrop(key))
	}
	return drawn.([]byte)
}

func drawCrop(key cropKey) []byte {
	class := key.class
	r := rand.New(rand.NewPCG(key.variant, uint64(class.Number())))
	img := image.NewGray(image.Rect(0, 0, 96, 96))
	cx, cy := 44+r.IntN(8), 44+r.IntN(8)
	for y := range 96 {
		for x := range 96 {
			v := 70 + r.IntN(12)
			if x/8%3 != 0 {
				v += 80
			}
			if dx, dy := x-cx, y-cy; dx*dx/4+dy*dy < 40+10*class.Number() {
				v = 235 - 15*class.Number()
			}
			img.SetGray(x, y, color.Gray{uint8(v)})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// plan is a 300 mm wafer of 11 × 9 mm dies, six to a field.
func plan(t testing.TB) *wafer.Plan {
	t.Helper()
	const mm = length.Millimetre
	p, err := wafer.NewPlan(wafer.Layout{
		Kind: wafer.DieGrid, Diameter: 300 * mm, EdgeExclusion: 3 * mm, PitchX: 11 * mm, PitchY: 9 * mm,
		DieWidth: 10.8 * mm, DieHeight: 8.8 * mm, OffsetX: 5.5 * mm, Notch: wafer.Down, FieldColumns: 3, FieldRows: 2,
		Path: wafer.Serpentine, PixelSize: 10,
	}, 3400, 1900)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var legend = []BinCount{
	{Bin: 1, Name: "good"}, {Bin: 0, Name: "not inspected"}, {Bin: 2, Name: "short"}, {Bin: 3, Name: "open"},
	{Bin: 4, Name: "large defect"}, {Bin: 5, Name: "contamination"}, {Bin: 6, Name: "chip"},
}

// badBins says which class puts a die in which of the legend's bins.
var badBins = []struct {
	class defect.Class
	bin   wafer.Bin
}{{defect.Short, 2}, {defect.Open, 3}, {defect.Scratch, 4}, {defect.Particle, 5}, {defect.Chip, 6}, {defect.PinHole, 1}}

// story inspects wafers on a Board as a station would, from a seed.
type story struct {
	t     testing.TB
	plan  *wafer.Plan
	board *Board
	r     *rand.Rand
	bins  []wafer.Bin
	found []Defect
	slot  int
}

func newStory(t testing.TB, board *Board) *story {
	return &story{t: t, plan: plan(t), board: board, r: rand.New(rand.NewPCG(1, 2))}
}

func (s *story) apply(c Change) {
	s.t.Helper()
	if err := s.board.Apply(c); err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) startWafer() {
	s.slot++
	s.bins, s.found = slices.Repeat([]wafer.Bin{Pending}, len(s.plan.Dies)), nil
	s.apply(WaferStarted{Run{
		Lot: "A2617-04", Slot: s.slot, Substrate: fmt.Sprintf("A2617-04.%02d", s.slot), Started: start,
		Fields: len(s.plan.Fields), DieMap: DieMap{Geometry: GeometryOf(s.plan), Legend: legend},
	}})
}

// field inspects one field; lost ones have a reason.
func (s *story) field(n int, lost bool) {
	f := s.plan.Fields[n]
	c := FieldDone{Field: n, Inspected: !lost, Duration: 12 * time.Millisecond}
	for _, d := range f.Dies {
		if lost {
			c.Dies = append(c.Dies, DieResult{d.Die, wafer.NotInspected, "no frame for the pulse"})
			continue
		}
		bin := s.die(n, d.Die, &c)
		c.Dies = append(c.Dies, DieResult{d.Die, bin, ""})
	}
	for _, d := range c.Dies {
		s.bins[d.Die] = d.Bin
	}
	s.found = append(s.found, c.Defects...)
	s.apply(c)
}

// die gives bad dies mostly near the edge and along a scratch.
func (s *story) die(field, die int, c *FieldDone) wafer.Bin {
	at := s.plan.Dies[die]
	radius := (at.Center.X*at.Center.X + at.Center.Y*at.Center.Y) / (147000 * 147000)
	kind := s.r.IntN(len(badBins))
	chance := 0.02 + 0.25*float64(radius*radius*radius)
	if at.Index.Column == at.Index.Row+3 && at.Index.Row > -3 && at.Index.Row < 6 {
		kind, chance = 2, 0.9
	}
	if s.r.Float64() > chance {
		return wafer.Good
	}
	number := len(s.found) + len(c.Defects) + 1
	c.Defects = append(c.Defects, Defect{
		Number: number, Class: string(badBins[kind].class), Column: at.Index.Column, Row: at.Index.Row, Field: field,
		X: s.r.Float64() * 10800, Y: s.r.Float64() * 8800, Width: float64(12 + s.r.IntN(80)),
		Height: float64(10 + s.r.IntN(40)), Contrast: Number(7 + s.r.IntN(30)), Confidence: 0.9, Polarity: "dark",
		PNG: crop(badBins[kind].class, uint64(number)),
	})
	return badBins[kind].bin
}

// finish closes the wafer and returns what an archive would hold of it.
func (s *story) finish(id int64) Wafer {
	sum := wafer.Summarize(s.bins, len(s.found), s.plan.Layout.DieArea(), 0.8)
	w := Wafer{Summary: WaferSummary{
		ID: id, Lot: "A2617-04", Slot: s.slot, Substrate: fmt.Sprintf("A2617-04.%02d", s.slot), Recipe: "LOGIC-28", RecipeVersion: "7",
		Started: start.Add(time.Duration(id) * time.Minute), Finished: start.Add(time.Duration(id)*time.Minute + 48*time.Second),
		Dies: sum.Dies, Inspected: sum.Inspected, Good: sum.Good, Yield: Number(sum.Yield()), Coverage: Number(sum.Coverage()),
		Defects: sum.Defects, Density: Number(sum.Density()), Verdict: sum.Verdict,
	}}
	w.DieMap = DieMap{Geometry: GeometryOf(s.plan), Bins: slices.Clone(s.bins), Legend: slices.Clone(legend), Defects: slices.Clone(s.found), DefectsTotal: len(s.found)}
	for n := range w.Legend {
		for _, b := range s.bins {
			if b == w.Legend[n].Bin {
				w.Legend[n].Count++
			}
		}
	}
	s.apply(WaferFinished{w.Summary})
	return w
}

// wafer runs a whole wafer.
func (s *story) wafer(id int64, lost ...int) Wafer {
	s.startWafer()
	for n := range s.plan.Fields {
		s.field(n, slices.Contains(lost, n))
	}
	return s.finish(id)
}

var status = Status{
	Tool: "AOI-03", SoftwareVersion: "0.1.0", Recipe: "LOGIC-28", RecipeVersion: "7", Carrier: "FOUP-118", Lot: "A2617-04", Slot: 1,
	Substrate: "A2617-04.01", Operator: "", Equipment: Productive, Control: OnlineRemote, Ready: true, Busy: true,
}

var connections = []Connection{
	{Name: Camera, Link: Up, Since: start}, {Name: Broker, Link: Up, Since: start}, {Name: Warning, Link: Up, Since: start, Pending: 3},
}

func missedPulse() Alarm {
	return AlarmOf(alarm.Alarm{
		Kind: alarm.Kind{ID: 12, Category: alarm.DataIntegrity, Text: "Frame without trigger pulse", Remedy: "Check the FIELD-TRIGGER cable between the tool and input 3."},
		Set:  start.Add(42 * time.Minute), Detail: "field 17 of A2617-04.07: frame 1312 has no pulse within 4 ms",
	})
}

func cameraGone() Alarm {
	return AlarmOf(alarm.Alarm{
		Kind: alarm.Kind{ID: 20, Category: alarm.Irrecoverable, Text: "Camera gone", Remedy: "Check the camera's cable and power, then press Resume."},
		Set:  start.Add(50 * time.Minute), Detail: "/dev/video0: no such device",
	})
}

// rig is a display that serves a story.
type rig struct {
	*story
	url      string
	server   *Server
	commands *fakeCommands
	archive  fakeArchive
}

func newRig(t testing.TB) *rig {
	t.Helper()
	board := NewBoard(State{Status: status, Connections: slices.Clone(connections)})
	r := &rig{story: newStory(t, board), archive: fakeArchive{map[int64]Wafer{}}}
	r.commands = &fakeCommands{board: board, status: status, alarms: map[alarm.ID]Alarm{}}
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.url = "http://" + l.Addr().String()
	r.serve(Options{Board: board, Archive: r.archive, Commands: r.commands, Log: slog.New(slog.DiscardHandler)})
	r.server.Start(l)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := r.server.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *rig) serve(o Options) {
	r.t.Helper()
	server, err := New(o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.server = server
}

// record runs a wafer and files it in the archive.
func (r *rig) record(id int64, lost ...int) { r.archive.wafers[id] = r.wafer(id, lost...) }

// raise sets an alarm on the board and at the station.
func (r *rig) raise(a Alarm) {
	r.commands.mu.Lock()
	r.commands.alarms[alarm.ID(a.ALID)] = a
	r.commands.mu.Unlock()
	r.apply(AlarmSet{a})
}
