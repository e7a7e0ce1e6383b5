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

func (c *fakeCommands) SetRemote(_ context.Context, remote bool, who string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status.Remote, c.status.Control = remote, OnlineLocal
	if remote {
		c.status.Control = OnlineRemote
	}
	c.note(fmt.Sprintf("remote %v %s", remote, who))
	return c.board.Apply(StatusChanged{c.status})
}

// hostCommand is what the host ordered.
func (c *fakeCommands) hostCommand(h HostCommand) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status.Commanded = &h
	if err := c.board.Apply(StatusChanged{c.status}); err != nil {
		panic(err)
	}
}

func (c *fakeCommands) OpticsCleaned(_ context.Context, who string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note("optics cleaned " + who)
	return nil
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

var status = Status{
	Tool: "AOI-03", SoftwareVersion: "0.1.0", Recipe: "LOGIC-28", RecipeVersion: "7", Carrier: "FOUP-118", Lot: "A2617-04", Slot: 1,
	Substrate: "A2617-04.01", Operator: "", Equipment: Productive, Control: OnlineRemote, Ready: true, Busy: true,
	Climate: &Climate{Temperature: 21.4, Humidity: 43},
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
		Kind: alarm.Kind{ID: 20, Category: alarm.Irrecoverable, Severity: alarm.Fault, Text: "Camera gone", Remedy: "Check the camera's cable and power, then press Resume."},
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
