package station_test

import (
	"context"
	"errors"
	"image"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"periph.io/x/conn/v3/physic"

	"kensa/firmware/alarm"
	"kensa/firmware/record"
	"kensa/firmware/station"
	"kensa/hw/handshake"
	"kensa/hw/simulator"
	"kensa/hw/trigger"
	"kensa/vision/dust"
	"kensa/vision/frame"
	"kensa/vision/inspect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// blind is an inspector that finds nothing, so that the cycle is tested alone;
// the whole is tested in package appliance.
type blind struct{ before func() }

func (b blind) Inspect(img frame.Image, dies []image.Rectangle) ([]inspect.Die, error) {
	if len(dies) == 0 {
		dies = []image.Rectangle{image.Rect(0, 0, img.Width, img.Height)}
	}
	if b.before != nil {
		b.before()
	}
	found := make([]inspect.Die, len(dies))
	for n, r := range dies {
		found[n] = inspect.Die{Rect: r, Registered: true}
	}
	return found, nil
}

func (blind) Close() error { return nil }

// shelf keeps wafers, and fails as often as it is told.
type shelf struct {
	failures int
	err      error

	mu     sync.Mutex
	wafers []*record.Wafer
	tries  int
}

func (s *shelf) Commit(_ context.Context, w *record.Wafer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tries++; s.tries <= s.failures {
		return s.err
	}
	s.wafers = append(s.wafers, w)
	return nil
}

// watcher passes on what the station tells.
type watcher struct {
	state func(station.State)
	field func(station.Field)
	drift func() station.Drift // of the job
}

func (o watcher) StateChanged(s station.State) {
	if o.state != nil {
		o.state(s)
	}
}
func (watcher) WaferStarted(*record.Wafer) {}
func (o watcher) FieldDone(_ *record.Wafer, f station.Field) {
	if o.field != nil {
		o.field(f)
	}
}
func (watcher) WaferClosed(*record.Wafer) {}

// climate is what the bench's station measures.
var climate = &record.Climate{Temperature: physic.ZeroCelsius + 21*physic.Celsius, Humidity: 40 * physic.PercentRH}

// bench is a station with a simulated tool of a few small fields.
type bench struct {
	*station.Station
	tool   *simulator.Tool
	store  *shelf
	alarms *alarm.Set
	optics *optics
}

// optics is where the bench's station keeps its dust.
type optics struct{ spots []dust.Spot }

func (o *optics) Dust() []dust.Spot { return o.spots }

func (o *optics) SaveDust(spots []dust.Spot) error {
	o.spots = slices.Clone(spots)
	return nil
}

func newBench(t *testing.T, wafers int, inspector inspect.Inspector, o watcher) *bench {
	t.Helper()
	return newBenchFor(t, 100*length.Millimetre, wafers, inspector, o)
}

func newBenchFor(t *testing.T, diameter length.Length, wafers int, inspector inspect.Inspector, o watcher) *bench {
	t.Helper()
	return newBenchWith(t, diameter, wafers, inspector, o, &optics{})
}

func newBenchWith(t *testing.T, diameter length.Length, wafers int, inspector inspect.Inspector, o watcher, dust *optics) *bench {
	t.Helper()
	return newBenchOf(t, diameter, wafers, inspector, o, dust, nil)
}

// newBenchOf takes another plan for the station than the tool's, where it is not
// nil.
func newBenchOf(t *testing.T, diameter length.Length, wafers int, inspector inspect.Inspector, o watcher, dust *optics, other *wafer.Plan) *bench {
	t.Helper()
	const mm = length.Millimetre
	layout := wafer.Layout{
		Kind: wafer.DieGrid, Diameter: diameter, EdgeExclusion: 3 * mm, PitchX: 20 * mm, PitchY: 20 * mm,
		DieWidth: 19 * mm, DieHeight: 19 * mm, Notch: wafer.Down, FieldColumns: 2, FieldRows: 2,
		Path: wafer.Serpentine, PixelSize: 190 * length.Micrometre,
	}
	plan, err := wafer.NewPlan(layout, 220, 220)
	if err != nil {
		t.Fatal(err)
	}
	options := simulator.Defaults(program(plan))
	options.Pace, options.Wafers = handshake.Unlimited, wafers
	tool, err := simulator.New(options)
	if err != nil {
		t.Fatal(err)
	}
	if other != nil {
		plan = other
	}
	lines := tool.Lines()
	pulses, err := trigger.NewCounter(lines.FieldTrigger)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{tool: tool, store: &shelf{}, alarms: alarm.NewSet(time.Now), optics: dust}
	config := station.DefaultConfig()
	config.CommitRetry = time.Millisecond
	config.Queue = 3 // so that the tool is never far ahead of the inspection
	b.Station, err = station.New(station.Parts{
		Lines: lines, Pulses: pulses, Camera: tool.Camera(), Handler: tool, Store: b.store, Optics: dust, Alarms: b.alarms, Observer: o,
		Climate: func() *record.Climate { return climate },
		Log:     slog.New(slog.DiscardHandler),
	}, config, station.Job{Plan: plan, Inspectors: []inspect.Inspector{inspector}, MaxImages: 1, ImageSize: 16,
		Rules: wafer.Rules{{Bin: 2, Name: "defect"}}, Calibration: "5x/0001 0123456789abcdef", Drift: o.drift})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func program(plan *wafer.Plan) simulator.Program {
	p := simulator.Program{Width: plan.Width, Height: plan.Height, PixelSize: plan.Layout.PixelSize.Micrometres(),
		Radius: plan.Layout.Diameter.Micrometres() / 2}
	for _, f := range plan.Fields {
		stop := simulator.Stop{X: f.Center.X.Micrometres(), Y: f.Center.Y.Micrometres()}
		for _, d := range f.Dies {
			die := plan.Dies[d.Die]
			stop.Dies = append(stop.Dies, simulator.DieAt{Column: die.Index.Column, Row: die.Index.Row,
				X: die.Center.X.Micrometres(), Y: die.Center.Y.Micrometres(), Rect: d.Rect})
		}
		p.Stops = append(p.Stops, stop)
	}
	return p
}

// run lets the tool bring its wafers, and stops the station when it has.
func (b *bench) run(ctx context.Context, t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- b.tool.Run(ctx); stop() }()
	if err := b.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := b.tool.Close(); err != nil {
		t.Error(err)
	}
}

func TestWafersInOrder(t *testing.T) {
	b := newBench(t, 3, blind{}, watcher{})
	b.run(t.Context(), t)
	if len(b.store.wafers) != 3 {
		t.Fatalf("%d wafers stored; want 3", len(b.store.wafers))
	}
	for n, w := range b.store.wafers {
		if w.Climate != climate {
			t.Errorf("wafer %d: its surroundings are %v", n, w.Climate)
		}
		if w.Summary.Verdict != wafer.Pass || w.FieldsInspected != w.Fields || w.Material.Slot != n+1 {
			t.Errorf("wafer %d: slot %d, verdict %s, %d of %d fields", n, w.Material.Slot, w.Summary.Verdict, w.FieldsInspected, w.Fields)
		}
	}
	for _, r := range b.tool.Results() {
		if !r.OK || r.NG {
			t.Errorf("%s: the lines said OK %v, NG %v", r.Material.Substrate, r.OK, r.NG)
		}
	}
}

// TestStoreThatFailsHoldsTheWafer: a full disk is an alarm, the tool waits, and
// nothing is lost once there is room again.
func TestStoreThatFailsHoldsTheWafer(t *testing.T) {
	down := false
	b := newBench(t, 2, blind{}, watcher{state: func(s station.State) { down = down || s.Equipment == station.UnscheduledDown }})
	b.store.failures, b.store.err = 3, record.ErrFull
	b.run(t.Context(), t)
	if len(b.store.wafers) != 2 || b.store.tries != 5 {
		t.Errorf("%d wafers stored in %d tries; want 2 in 5", len(b.store.wafers), b.store.tries)
	}
	if !down {
		t.Error("the station was not down while it could not store")
	}
	for _, a := range b.alarms.Active() {
		t.Errorf("alarm still set: %d %s", a.ID, a.Text)
	}
	if !slices.ContainsFunc(b.alarms.Since(0), func(a alarm.Alarm) bool { return a.ID == alarm.CommitFailed.ID }) {
		t.Error("no alarm told of the failed commit")
	}
}

// TestStopKeepsTheWaferOnTheChuck: what was inspected before a stop is stored,
// as an incomplete wafer.
func TestStopKeepsTheWaferOnTheChuck(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	looked := 0
	b := newBenchFor(t, 200*length.Millimetre, 1, blind{before: func() {
		if looked++; looked == 3 {
			stop()
		}
	}}, watcher{})
	b.run(ctx, t)
	if len(b.store.wafers) != 1 {
		t.Fatalf("%d wafers stored; want the one on the chuck", len(b.store.wafers))
	}
	w := b.store.wafers[0]
	if w.Summary.Verdict != wafer.Incomplete || w.FieldsInspected < 2 || w.Summary.Inspected == 0 {
		t.Errorf("verdict %s, %d fields, %d dies", w.Summary.Verdict, w.FieldsInspected, w.Summary.Inspected)
	}
}

// TestAnOpenWaferThatIsCutShortIsIncomplete: where no count of fields is known, only
// the station can tell that more was to come. One that left by itself is good.
func TestAnOpenWaferThatIsCutShortIsIncomplete(t *testing.T) {
	open, err := wafer.NewPlan(wafer.Layout{Kind: wafer.Sequence, PixelSize: 1}, 220, 220)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var b *bench
	b = newBenchOf(t, 200*length.Millimetre, 2, blind{}, watcher{field: func(f station.Field) {
		if f.Number == 2 && b.store.count() == 1 {
			stop()
		}
	}}, &optics{}, open)
	b.run(ctx, t)
	if len(b.store.wafers) != 2 {
		t.Fatalf("%d wafers stored; want 2", len(b.store.wafers))
	}
	// On a loaded machine an open wafer may have left, for as long as the station
	// waits, before its last frames were read.
	if s := b.store.wafers[0].Summary; (s.Verdict == wafer.Pass) != (s.Inspected == s.Dies) || s.Inspected < 3 {
		t.Errorf("the wafer that left: %s, %d of %d dies", s.Verdict, s.Inspected, s.Dies)
	}
	if s := b.store.wafers[1].Summary; s.Verdict != wafer.Incomplete || s.Inspected < 3 {
		t.Errorf("the wafer cut short: %s, %d of %d dies", s.Verdict, s.Inspected, s.Dies)
	}
}

// TestSlowInspectionHoldsTheTool: the queue never overflows, since READY drops.
func TestSlowInspectionHoldsTheTool(t *testing.T) {
	held := false
	gate := make(chan struct{})
	once := sync.Once{}
	slow := blind{before: func() { <-gate }}
	b := newBench(t, 1, slow, watcher{state: func(s station.State) {
		if s.Busy && !s.Ready {
			held = true
			once.Do(func() { close(gate) })
		}
	}})
	b.run(t.Context(), t)
	if !held {
		t.Error("READY never fell though nothing was inspected")
	}
	if w := b.store.wafers[0]; w.Summary.Verdict != wafer.Pass {
		t.Errorf("verdict %s; want no field lost", w.Summary.Verdict)
	}
}

// TestPauseFinishesTheWafer: a pause in the middle of a wafer takes effect after
// it, and holds until Resume.
func TestPauseFinishesTheWafer(t *testing.T) {
	var b *bench
	var asking sync.WaitGroup
	idle := make(chan struct{}, 1)
	b = newBench(t, 2, blind{}, watcher{
		field: func(f station.Field) {
			if f.Number == 0 && b.store.count() == 0 {
				asking.Go(func() { b.ask(t, b.Pause) })
			}
		},
		state: func(s station.State) {
			if s.Paused && s.Equipment == station.Standby && !s.Ready {
				select {
				case idle <- struct{}{}:
				default:
				}
			}
		},
	})
	asking.Go(func() {
		<-idle
		if n := b.store.count(); n != 1 {
			t.Errorf("paused after %d wafers; want 1", n)
		}
		b.ask(t, b.Resume)
	})
	b.run(t.Context(), t)
	asking.Wait()
	if n := b.store.count(); n != 2 || b.store.wafers[0].Summary.Verdict != wafer.Pass {
		t.Errorf("%d wafers, the first %s; want 2, good", n, b.store.wafers[0].Summary.Verdict)
	}
}

func (b *bench) ask(t *testing.T, command func(context.Context) error) {
	if err := command(t.Context()); err != nil {
		t.Error(err)
	}
}

func (s *shelf) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.wafers)
}
