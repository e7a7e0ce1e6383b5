package display

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kensa/firmware/alarm"
	"kensa/vision/wafer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(withBrowser{m}) }

// withBrowser closes the browser that the tests share before leaks are looked for.
type withBrowser struct{ *testing.M }

func (w withBrowser) Run() int {
	code := w.M.Run()
	if err := closeBrowser(); err != nil {
		fmt.Fprintln(os.Stderr, "closing the browser:", err)
		return 1
	}
	return code
}

var update = flag.Bool("update", false, "write the files in testdata and web/src that are derived from the Go types")

// golden compares with a file, or writes it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from what the Go code gives; run go test -update", path)
	}
}

// stateOf reads the board as a screen would.
func stateOf(t testing.TB, b *Board) State {
	t.Helper()
	data, err := b.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAWaferComesInFieldByField(t *testing.T) {
	s := newStory(t, NewBoard(State{}))
	s.startWafer()
	s.field(0, false)
	s.field(1, true)
	run := stateOf(t, s.board).Run
	if run.FieldsDone != 2 || run.FieldsLost != 1 || run.Field != 2 {
		t.Errorf("after two fields, one of them lost: %d done, %d lost, at %d", run.FieldsDone, run.FieldsLost, run.Field)
	}
	for n, want := range s.bins {
		if run.Bins[n] != want {
			t.Fatalf("die %d: bin %d; want %d", n, run.Bins[n], want)
		}
	}
	lost := s.plan.Fields[1].Dies[0].Die
	if run.Reasons[lost] == "" {
		t.Errorf("die %d was not inspected and has no reason", lost)
	}
	counted := 0
	for _, l := range run.Legend {
		counted += l.Count
	}
	if want := len(s.plan.Fields[0].Dies) + len(s.plan.Fields[1].Dies); counted != want {
		t.Errorf("legend counts %d dies; want %d", counted, want)
	}
}

func TestAFinishedWaferHasNoPendingDie(t *testing.T) {
	s := newStory(t, NewBoard(State{}))
	s.startWafer()
	s.field(0, false)
	s.finish(77)
	state := stateOf(t, s.board)
	for n, b := range state.Run.Bins {
		if b == Pending {
			t.Fatalf("die %d is pending on a finished wafer", n)
		}
	}
	if state.Run.Wafer != 77 || len(state.Finished) != 1 || state.Finished[0].ID != 77 {
		t.Errorf("run is of wafer %d, finished %v; want 77", state.Run.Wafer, state.Finished)
	}
}

func TestAnOpenPlanGrows(t *testing.T) {
	b := NewBoard(State{})
	s := &story{t: t, board: b}
	s.apply(WaferStarted{Run{DieMap: DieMap{Geometry: Geometry{Kind: wafer.Sequence}}}})
	s.apply(FieldDone{Field: 2, Inspected: true, Dies: []DieResult{{2, 1, ""}}})
	run := stateOf(t, b).Run
	if len(run.Bins) != 3 || run.Bins[0] != Pending || run.Bins[2] != 1 || len(run.Geometry.Dies) != 3 {
		t.Errorf("bins %v, dies %v; want three, the third good", run.Bins, run.Geometry.Dies)
	}
}

func TestAChangeThatDoesNotFitChangesNothing(t *testing.T) {
	for name, c := range map[string]Change{
		"unknown die":  FieldDone{Field: 0, Dies: []DieResult{{0, 1, ""}, {1 << 20, 1, ""}}},
		"negative die": FieldDone{Field: 0, Dies: []DieResult{{-1, 1, ""}}},
	} {
		s := newStory(t, NewBoard(State{}))
		if s.board.Apply(c) == nil {
			t.Errorf("%s: taken without a wafer on the chuck", name)
		}
		s.startWafer()
		if s.board.Apply(c) == nil {
			t.Errorf("%s: taken", name)
		}
		if run := stateOf(t, s.board).Run; run.FieldsDone != 0 || run.Bins[0] != Pending {
			t.Errorf("%s: refused, but the map changed", name)
		}
	}
}

func TestListsStayBounded(t *testing.T) {
	b := NewBoard(State{})
	s := &story{t: t, board: b}
	for n := range MaxFinished + 20 {
		s.apply(WaferFinished{WaferSummary{ID: int64(n + 1)}})
	}
	s.apply(WaferStarted{Run{DieMap: DieMap{Geometry: Geometry{Kind: wafer.Sequence}}}})
	for n := range 3 * MaxDefects {
		s.apply(FieldDone{Field: n, Inspected: true, Defects: []Defect{{Number: n + 1}}})
	}
	state := stateOf(t, b)
	if len(state.Finished) != MaxFinished || state.Finished[0].ID != MaxFinished+20 {
		t.Errorf("%d finished wafers, newest %d", len(state.Finished), state.Finished[0].ID)
	}
	if run := state.Run; len(run.Defects) != MaxDefects || run.DefectsTotal != 3*MaxDefects || run.Defects[MaxDefects-1].Number != 3*MaxDefects {
		t.Errorf("%d of %d defects kept", len(run.Defects), run.DefectsTotal)
	}
}

func TestImagesOfARunGoWithIt(t *testing.T) {
	b := NewBoard(State{})
	s := &story{t: t, board: b}
	open := WaferStarted{Run{DieMap: DieMap{Geometry: Geometry{Kind: wafer.Sequence}}}}
	big := make([]byte, maxImageBytes-10)
	s.apply(open)
	s.apply(FieldDone{Inspected: true, Defects: []Defect{{Number: 1, PNG: big}, {Number: 2, PNG: make([]byte, 11)}, {Number: 3}}})
	defects := stateOf(t, b).Run.Defects
	if !defects[0].HasImage || defects[1].HasImage || defects[2].HasImage {
		t.Errorf("images kept: %v %v %v; want the first only", defects[0].HasImage, defects[1].HasImage, defects[2].HasImage)
	}
	if got, err := b.image(1, 1); err != nil || len(got) != len(big) {
		t.Errorf("image of the run: %d bytes, %v", len(got), err)
	}
	s.apply(open)
	if _, err := b.image(1, 1); err == nil {
		t.Error("image of the run before is still kept")
	}
}

// replay is a story for the page's own tests: what they make of the events must
// be what the Board made of them.
type replay struct {
	First  json.RawMessage `json:"first"`
	Events []wireEvent     `json:"events"`
	Last   json.RawMessage `json:"last"`
}

type wireEvent struct {
	Name string          `json:"name"`
	Data json.RawMessage `json:"data"`
}

func TestReplayForThePage(t *testing.T) {
	b := NewBoard(State{Status: status, Connections: slices.Clone(connections[:1])})
	first, events, cancel, err := b.subscribe()
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	var story replay
	story.First = timeless(t, first)
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		if b.Apply(randomChange(r)) != nil {
			continue // does not fit: no event either
		}
		e := <-events
		story.Events = append(story.Events, wireEvent{e.name, e.data})
	}
	last, err := b.JSON()
	if err != nil {
		t.Fatal(err)
	}
	story.Last = timeless(t, last)
	data, err := json.Marshal(story)
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.ReplaceAll(data, []byte(`{"name":`), []byte("\n"+`{"name":`)) // an event a line, for people
	golden(t, "testdata/replay.json", append(data, '\n'))
}

// timeless takes out the one thing that differs from run to run.
func timeless(t *testing.T, state []byte) json.RawMessage {
	t.Helper()
	var s map[string]json.RawMessage
	if err := json.Unmarshal(state, &s); err != nil {
		t.Fatal(err)
	}
	delete(s, "time")
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func randomChange(r *rand.Rand) Change {
	at := start.Add(time.Duration(r.IntN(1000)) * time.Second)
	switch r.IntN(12) {
	case 0:
		return StatusChanged{Status{Tool: "AOI-03", Slot: r.IntN(25), Paused: r.IntN(2) == 0, Equipment: Standby,
			Climate: []*Climate{nil, {Temperature: 21.4, Humidity: Number(math.NaN())}}[r.IntN(2)]}}
	case 1:
		return ConnectionChanged{Connection{Name: []string{Camera, Broker, Warning}[r.IntN(3)], Link: Down, Since: at, Pending: r.IntN(9)}}
	case 2:
		return AlarmSet{Alarm{ALID: r.IntN(4), Severity: Fault, Text: "text", Since: at}}
	case 3:
		return AlarmCleared{alarm.ID(r.IntN(4))}
	case 4:
		return WaferStarted{randomRun(r)}
	case 5:
		return WaferFinished{WaferSummary{ID: int64(1 + r.IntN(1000)), Yield: Number(r.Float64()), Verdict: wafer.Pass, Finished: at}}
	}
	c := FieldDone{Field: r.IntN(9), Inspected: r.IntN(4) > 0}
	for range r.IntN(4) {
		d := DieResult{Die: r.IntN(10), Bin: wafer.Bin(r.IntN(5))}
		if d.Bin == wafer.NotInspected {
			d.Reason = "lost"
		}
		c.Dies = append(c.Dies, d)
		c.Defects = append(c.Defects, Defect{Number: r.IntN(99), Class: "open", Column: d.Die, PNG: make([]byte, r.IntN(2))})
	}
	return c
}

func randomRun(r *rand.Rand) Run {
	run := Run{Lot: "L", Fields: 9, Started: start, DieMap: DieMap{Legend: []BinCount{{Bin: 1, Name: "good"}}}}
	run.Geometry.Kind = wafer.Sequence
	if r.IntN(2) == 0 {
		run.Geometry = Geometry{Kind: wafer.DieGrid, Diameter: 100, PitchX: 10, PitchY: 10, Dies: make([][2]int, 8), Fields: [][4]int{{0, 0, 1, 1}}}
	}
	return run
}
