package rig_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"

	"kensa/hw/bench"
	"kensa/hw/bench/rig"
	"kensa/hw/camera"
)

// table is the parts of a rig in one, on a clock of its own: a camera that gives the
// frames that are in its queue, and exposes when fired.
type table struct {
	now     time.Duration
	queue   []*camera.Frame
	lent    int // frames not given back
	started bool
	closed  bool

	exposure time.Duration // of the camera now
	level    gpio.Duty
	off      bool
	celsius  physic.Temperature
	asked    int // of the thermometer

	fired  []time.Duration // flashes
	mute   bool            // answers no trigger
	broken error           // of the thermometer
}

const latency = 300 * time.Microsecond

func (t *table) Start(context.Context) error { t.started = true; return nil }
func (t *table) Close() error                { t.closed = true; return nil }

func (t *table) Next(ctx context.Context) (*camera.Frame, error) {
	if len(t.queue) == 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	f := t.queue[0]
	t.queue = t.queue[1:]
	return f, nil
}

// expose puts a frame in the queue that says by its grey value how long it was exposed.
func (t *table) expose(at time.Duration) {
	t.lent++
	t.queue = append(t.queue, &camera.Frame{Format: camera.Format{Width: 1, Height: 1, Stride: 1, Depth: 8}, Time: at,
		Pix: []byte{byte(t.exposure / time.Millisecond)}, Return: func() { t.lent-- }})
}

func (t *table) Now() time.Duration { return t.now }

func (t *table) Sleep(ctx context.Context, d time.Duration) error { t.now += d; return ctx.Err() }

func (t *table) Fire(_ context.Context, _, flash time.Duration) (time.Duration, error) {
	t.fired = append(t.fired, flash)
	t.now += time.Millisecond
	pulse := t.now
	if !t.mute {
		t.expose(pulse + latency)
	}
	return pulse, nil
}

func (t *table) SetExposure(d time.Duration) (time.Duration, error) {
	if d > time.Second {
		return 0, errors.New("too long")
	}
	t.exposure = d.Round(time.Millisecond)
	return t.exposure, nil
}

func (t *table) Set(level gpio.Duty) error { t.level = level; return nil }
func (t *table) Off() error                { t.off = true; return nil }
func (t *table) String() string            { return "table" }
func (t *table) Halt() error               { return nil }

func (t *table) Sense(e *physic.Env) error {
	t.asked++
	e.Temperature = t.celsius
	return t.broken
}

// whole is a rig of all parts.
func whole(t *testing.T, on *table) *rig.Rig {
	t.Helper()
	r, err := rig.Open(t.Context(), rig.Parts{Station: bench.Station{Name: "k"}, Camera: on, Clock: on, Trigger: on, Shutter: on, Lamp: on, Sensor: on})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var setting = bench.Setting{Target: bench.Chessboard, Light: 0.25, Exposure: 8400 * time.Microsecond}

// TestWholeRig sets exposure and light by itself, and asks for target and stage: for
// what changes, and nothing else.
func TestWholeRig(t *testing.T) {
	on, setting := &table{celsius: physic.ZeroCelsius + 21*physic.Celsius}, setting
	r := whole(t, on)
	if s := r.Station(); s.Name != "k" || s.Format.Width != 1 || s.Format.Depth != 8 {
		t.Errorf("station %+v", s)
	}
	step := func(change func(*bench.Setting), want ...string) {
		t.Helper()
		change(&setting)
		if asked, err := r.Set(t.Context(), setting); err != nil || !slices.Equal(asked, want) {
			t.Errorf("asked %q, %v; want %q", asked, err, want)
		}
	}
	step(func(*bench.Setting) {}, "lay the chessboard plate under the lens")
	step(func(*bench.Setting) {})
	step(func(s *bench.Setting) { s.X, s.Y = 26*physic.MicroMetre, -13*physic.MicroMetre }, "move the stage to x 26.00 µm, y -13.00 µm")
	step(func(s *bench.Setting) { s.Y, s.Z = 0, 1500*physic.NanoMetre }, "move the stage to y 0.00 µm, z 1.50 µm")
	step(func(s *bench.Setting) { s.X, s.Y, s.ViaX, s.ViaY = 0, 0, -20*physic.MicroMetre, -20*physic.MicroMetre },
		"move the stage to x -20.00 µm, y -20.00 µm, and from there to x 0.00 µm, y 0.00 µm")
	step(func(s *bench.Setting) {}, "move the stage to x -20.00 µm, y -20.00 µm, and from there to x 0.00 µm, y 0.00 µm")
	step(func(s *bench.Setting) { s.X, s.Y, s.ViaX, s.ViaY = -40*physic.MicroMetre, 0, 40*physic.MicroMetre, 0 }, "move the stage to x -40.00 µm")
	step(func(s *bench.Setting) { s.X, s.ViaX = 26*physic.MicroMetre, 0 }, "move the stage to x 26.00 µm")
	step(func(s *bench.Setting) { s.Turn = 180 * physic.Degree }, "turn it to 180°, clockwise as seen in the picture; 0° is upright")
	step(func(s *bench.Setting) { s.Target = bench.Any })
	if on.level != gpio.DutyMax/4 || on.exposure != 8*time.Millisecond {
		t.Errorf("light %v, exposure %v", on.level, on.exposure)
	}
	e, err := r.Expose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if e.Shutter != 8*time.Millisecond || e.Pulse == 0 || e.Time != e.Pulse+latency || e.Temperature != on.celsius || e.X != setting.X || e.Z != setting.Z {
		t.Errorf("exposure %+v", e)
	}
	e.Release()
	if len(on.fired) != 4 { // one to look at the camera, two to let it take the exposure, one that counts
		t.Errorf("fired %d times", len(on.fired))
	}
	if err := r.Close(); err != nil || !on.closed || !on.off {
		t.Errorf("closed: %v, camera %v, dark %v", err, on.closed, on.off)
	}
	if on.lent != 0 {
		t.Errorf("%d frames not given back", on.lent)
	}
}

// TestNothingButACamera: the person does all, and only what was exposed after they
// did counts.
func TestNothingButACamera(t *testing.T) {
	on := &table{}
	on.expose(0)
	r, err := rig.Open(t.Context(), rig.Parts{Camera: on, Clock: on})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Expose(t.Context()); err == nil {
		t.Error("exposed before it was set")
	}
	asked, err := r.Set(t.Context(), bench.Setting{Target: bench.Mirror, Light: 0.5, Exposure: 8 * time.Millisecond})
	if err != nil || len(asked) != 3 || asked[1] != "set the camera's exposure to 8ms" || asked[2] != "set the light to 50 % of its full current" {
		t.Fatalf("asked %q, %v", asked, err)
	}
	for n := range 8 { // while the person is at it
		on.expose(time.Duration(n) * time.Second)
	}
	on.now = 10 * time.Second
	for n := range 5 {
		on.expose(on.now + time.Duration(n)*5*time.Millisecond)
	}
	e, err := r.Expose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Of those after 10 s the first two began before it ended; two more settle.
	if e.Time != 10*time.Second+20*time.Millisecond || e.Pulse != e.Time || e.Temperature != 0 {
		t.Errorf("taken at %v, pulse %v, %v", e.Time, e.Pulse, e.Temperature)
	}
	e.Release()
	// What was wrong before the lens has been put right; the setting is the same. Frames
	// from before wait in the driver's buffers.
	on.now += time.Minute
	on.expose(on.now - time.Second)
	on.expose(on.now + time.Second)
	if e, err = r.Expose(t.Context()); err != nil || e.Time != on.now+time.Second {
		t.Errorf("taken at %v, %v; want the one after %v", e.Time, err, on.now)
	}
	asked, err = r.Set(t.Context(), bench.Setting{Exposure: 8 * time.Millisecond})
	if err != nil || !slices.Equal(asked, []string{"switch the light off"}) {
		t.Errorf("asked %q, %v", asked, err)
	}
	if _, err := r.Set(t.Context(), bench.Setting{Exposure: 8 * time.Millisecond, Flash: time.Millisecond}); err != nil {
		t.Error(err)
	}
	if _, err := r.Expose(t.Context()); err == nil || !strings.Contains(err.Error(), "trigger.strobe") {
		t.Errorf("a flash without a trigger: %v", err)
	}
}

// TestFlashForAFreeCamera: the light is lit for a camera that runs by itself, and the
// first frame from the reckoned pulse on is the flash's. Without a flash nothing is lit.
func TestFlashForAFreeCamera(t *testing.T) {
	on, light := &table{}, &table{mute: true}
	on.expose(0)
	r, err := rig.Open(t.Context(), rig.Parts{Camera: on, Clock: on, Blinker: light})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	set := bench.Setting{Target: bench.Blinker, Exposure: time.Millisecond}
	for _, flash := range []time.Duration{0, time.Millisecond} {
		set.Flash, set.FlashDelay = flash, -3*time.Millisecond
		if _, err := r.Set(t.Context(), set); err != nil {
			t.Fatal(err)
		}
		light.now = on.now + time.Second
		for n := range 8 {
			on.expose(on.now + time.Duration(n)*time.Second + 2*time.Millisecond)
		}
		e, err := r.Expose(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if flash > 0 && (e.Pulse != light.now || e.Time < e.Pulse || len(light.fired) == 0) || flash == 0 && len(light.fired) > 0 {
			t.Errorf("flash %v: pulse %v, frame at %v, lit %d times", flash, e.Pulse, e.Time, len(light.fired))
		}
		e.Release()
		on.now += time.Minute
	}
	set.FlashDelay = -time.Millisecond
	whole := whole(t, &table{})
	defer whole.Close()
	if _, err := whole.Set(t.Context(), set); err == nil {
		t.Error("a flash before the trigger was taken")
	}
}

// TestStaleFramesDoNotCount: a frame that came too late for the trigger before is not
// taken for the next one's.
func TestStaleFramesDoNotCount(t *testing.T) {
	on := &table{}
	r := whole(t, on)
	defer r.Close()
	if _, err := r.Set(t.Context(), setting); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		on.expose(on.now)
		e, err := r.Expose(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if e.Time < e.Pulse {
			t.Errorf("a frame of %v for the pulse at %v", e.Time, e.Pulse)
		}
		e.Release()
	}
	if on.lent != 0 {
		t.Errorf("%d frames not given back", on.lent)
	}
}

// TestWrongParts say what and why.
func TestWrongParts(t *testing.T) {
	on := &table{}
	r := whole(t, on)
	defer r.Close()
	for want, s := range map[string]bench.Setting{
		"want 0 to 1":      {Light: 2, Exposure: time.Millisecond},
		"exposure 0s":      {},
		"too long":         {Exposure: time.Minute},
		"want 0 or more":   {Exposure: time.Millisecond, Flash: -1},
		"context canceled": {Exposure: time.Millisecond},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if want == "context canceled" {
			cancel()
		}
		if _, err := r.Set(ctx, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
		cancel()
	}
	if _, err := r.Set(t.Context(), bench.Setting{Exposure: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	on.broken = errors.New("no answer")
	if _, err := r.Expose(t.Context()); err == nil || !strings.Contains(err.Error(), "thermometer: no answer") {
		t.Errorf("%v", err)
	}
	on.broken, on.mute, on.queue = nil, true, nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Expose(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if on.lent != 0 {
		t.Errorf("%d frames not given back", on.lent)
	}
}

// TestSilentCamera is told with what to look at, by whom the trigger was to come from.
func TestSilentCamera(t *testing.T) {
	on := &table{mute: true}
	for want, p := range map[string]rig.Parts{
		"if it waits for a trigger, set trigger.mode": {Camera: on, Clock: on},
		"see that it is set to the trigger":           {Camera: on, Clock: on, Trigger: on},
	} {
		p.Patience = time.Millisecond
		gave := 0
		p.Close = func() error { gave++; return nil }
		if _, err := rig.Open(t.Context(), p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
		if gave != 1 {
			t.Errorf("parts given back %d times", gave)
		}
	}
}
