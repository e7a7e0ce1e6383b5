package station

import (
	"context"
	"image"
	"image/color"
	"image/draw"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"

	"kensa/firmware/alarm"
	"kensa/firmware/record"
	"kensa/hw/camera"
	"kensa/hw/handler"
	"kensa/hw/handshake"
	"kensa/hw/line"
	"kensa/hw/trigger"
	"kensa/vision/dust"
	"kensa/vision/frame"
	"kensa/vision/golden"
	"kensa/vision/inspect"
	"kensa/vision/length"
	"kensa/vision/register"
	"kensa/vision/wafer"
)

// nobody is an observer, a store, optics and a handler that keep nothing.
type nobody struct{}

func (nobody) StateChanged(State)                                 {}
func (nobody) WaferStarted(*record.Wafer)                         {}
func (nobody) FieldDone(*record.Wafer, Field)                     {}
func (nobody) WaferClosed(*record.Wafer)                          {}
func (nobody) Commit(context.Context, *record.Wafer) error        { return nil }
func (nobody) Dust() []dust.Spot                                  { return nil }
func (nobody) SaveDust([]dust.Spot) error                         { return nil }
func (nobody) Material(context.Context) (handler.Material, error) { return handler.Material{}, nil }

// product is a layout of four dies to a field, and a frame of them with noise.
func product(t *testing.T, random *rand.Rand) (*wafer.Plan, frame.Image, []image.Rectangle) {
	t.Helper()
	const mm = length.Millimetre
	plan, err := wafer.NewPlan(wafer.Layout{
		Kind: wafer.DieGrid, Diameter: 300 * mm, EdgeExclusion: 3 * mm, PitchX: 10 * mm, PitchY: 10 * mm, DieWidth: 9 * mm, DieHeight: 9 * mm,
		Notch: wafer.Down, FieldColumns: 2, FieldRows: 2, Path: wafer.Serpentine, PixelSize: 50 * length.Micrometre,
	}, 420, 420)
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, plan.Width, plan.Height))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.Gray{60}), image.Point{}, draw.Src)
	field := whole(plan)
	die := field.Dies[0].Rect
	var shapes []image.Rectangle
	for range 40 {
		x, y := 10+random.IntN(die.Dx()-50), 10+random.IntN(die.Dy()-50)
		shapes = append(shapes, image.Rect(x, y, x+6+random.IntN(30), y+6+random.IntN(30)))
	}
	for _, d := range field.Dies {
		for n, s := range shapes {
			draw.Draw(img, s.Add(d.Rect.Min), image.NewUniform(color.Gray{uint8(90 + 20*(n%5))}), image.Point{}, draw.Src)
		}
	}
	for n := range img.Pix {
		img.Pix[n] += uint8(random.IntN(5))
	}
	return plan, frame.Image{Pix: img.Pix, Width: plan.Width, Height: plan.Height, Stride: img.Stride, Depth: 8}, appendRects(nil, field)
}

// whole is a field of four dies.
func whole(p *wafer.Plan) wafer.Field {
	for _, f := range p.Fields {
		if len(f.Dies) == 4 {
			return f
		}
	}
	return wafer.Field{}
}

// rig is a station that is stepped by hand, in one goroutine.
type rig struct {
	t         *testing.T
	station   *Station
	inspector inspect.Inspector
	frame     camera.Frame
	now       time.Duration
	number    uint64
}

func newRig(t *testing.T) *rig {
	random := rand.New(rand.NewPCG(1, 2))
	plan, img, dies := product(t, random)
	var samples []golden.Sample
	for _, r := range dies {
		for _, again := range []string{"a", "b"} { // the least number of samples is above a field's dies
			samples = append(samples, golden.Sample{Name: again + r.String(), Image: img, Rect: r})
		}
	}
	g, _, err := golden.Train(golden.Header{Product: "test"}, samples, register.DefaultParams())
	if err != nil {
		t.Fatal(err)
	}
	inspector, err := inspect.NewGolden(g, inspect.DefaultGoldenParams())
	if err != nil {
		t.Fatal(err)
	}
	return newRigFor(t, plan, img, inspector)
}

// newRigFor has a plan, a frame and an inspector of the test's own.
func newRigFor(t *testing.T, plan *wafer.Plan, img frame.Image, inspector inspect.Inspector) *rig {
	out := func(name string) *line.Wire { return line.NewWire(name, -1, nil) }
	s, err := New(Parts{
		Lines:   handshake.Lines{Ready: out("READY"), Busy: out("BUSY"), ResultOK: out("RESULT-OK"), ResultNG: out("RESULT-NG")},
		Handler: nobody{}, Store: nobody{}, Optics: nobody{}, Observer: nobody{}, Alarms: alarm.NewSet(time.Now), Log: slog.New(slog.DiscardHandler),
	}, DefaultConfig(), Job{Plan: plan, Inspectors: []inspect.Inspector{inspector}, Rules: wafer.Rules{{Bin: 2, Name: "defect"}}, MinYield: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, station: s, inspector: inspector, now: time.Second,
		frame: camera.Frame{Format: camera.Format{Width: img.Width, Height: img.Height, Stride: img.Stride, Depth: 8}, Pix: img.Pix}}
}

// arrive puts a wafer on the chuck, and leave takes it away.
func (r *rig) arrive() {
	r.now += time.Second
	r.station.edge(r.t.Context(), line.Event{Time: r.now, Level: gpio.High})
}

func (r *rig) leave() {
	r.now += 10 * time.Millisecond
	r.station.edge(r.t.Context(), line.Event{Time: r.now, Level: gpio.Low})
	r.station.settled()
	r.station.closeWhenDone(r.t.Context())
	if r.station.wafer != nil {
		r.t.Fatal("the wafer was not closed")
	}
}

// field brings a field's pulse and frame, has it inspected, and takes the result,
// as the goroutines of Run do.
func (r *rig) field() {
	r.now += 100 * time.Millisecond
	r.number++
	r.station.pulse(trigger.Pulse{Time: r.now, Sequence: r.number})
	r.frame.Time, r.frame.Sequence = r.now+time.Millisecond, r.number
	r.station.frame(&r.frame)
	select {
	case next := <-r.station.work:
		r.station.inspected(r.station.inspect(r.inspector, next))
	default:
		r.t.Fatal("no field to inspect")
	}
	r.station.updateReady()
}

// TestNothingIsAllocatedForAFrame: once warm, a field without defects passes from
// its pulse to its place in the record without an allocation, the inspection
// against a golden die included. What is not is the observers': a message to the
// display is made for each field.
func TestNothingIsAllocatedForAFrame(t *testing.T) {
	r := newRig(t)
	fields := len(r.station.job.Plan.Fields)
	var last *record.Wafer
	for range 2 {
		r.arrive()
		for range fields {
			r.field()
		}
		last = r.station.wafer.record
		r.leave()
	}
	if last.FieldsInspected != fields || last.Summary.Inspected != last.Summary.Dies || len(last.Defects) > 0 {
		t.Fatalf("%d of %d fields, %d of %d dies inspected, %d defects; want all, and none", last.FieldsInspected, fields, last.Summary.Inspected, last.Summary.Dies, len(last.Defects))
	}
	r.arrive()
	const warm = 10
	for range warm {
		r.field()
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range fields - warm {
		r.field()
	}
	runtime.ReadMemStats(&after)
	n, bytes := after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	t.Logf("%d allocations of %d bytes for %d fields", n, bytes, fields-warm)
	// Lists that grow with the wafer double now and then.
	if n > uint64(fields-warm)/8 {
		t.Errorf("%d allocations for %d fields", n, fields-warm)
	}
}
