package pairing

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"

	"kensa/hw/camera"
	"kensa/hw/camera/v4l2"
	"kensa/hw/line"
	"kensa/hw/line/linetest"
	"kensa/hw/trigger"
)

// The bench is real interfaces of a real kernel: the trigger line of a simulated
// chip, and the frames of the virtual camera. That camera runs freely and takes
// no trigger. So the tool of the bench looks ahead to its next exposure and
// pulses the line before it: to pairing that is the same.
const (
	period  = time.Second / 60
	ahead   = 4 * time.Millisecond // from pulse to exposure
	perLoad = 25                   // stops of a wafer
)

// rig is the bench.
type rig struct {
	t       *testing.T
	chip    *linetest.Chip
	camera  *v4l2.Camera
	random  *rand.Rand
	pulses  chan trigger.Pulse
	frames  chan *camera.Frame
	latest  atomic.Int64 // stamp of the latest frame
	restart atomic.Bool  // asks for a stop and start of the stream
	hide    atomic.Int64 // frames to lose on their way
}

func newRig(t *testing.T) *rig {
	linetest.InMachine(t)
	r := &rig{t: t, chip: linetest.New(t, "tool", "WAFER-PRESENT", "FIELD-TRIGGER"), random: rand.New(rand.NewPCG(5, 6)),
		pulses: make(chan trigger.Pulse, 64), frames: make(chan *camera.Frame, 64)}
	var err error
	r.camera, err = v4l2.New(v4l2.Config{Path: "/dev/video0", Controls: []string{"timestamp_source=Start of Exposure"},
		Mode: v4l2.Mode{Input: 1, Format: "GREY", Width: 1280, Height: 720, Rate: 60}})
	if err == nil {
		err = r.camera.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	inputs, err := line.OpenInputs(line.Options{}, line.Spec{Chip: "tool", Line: "WAFER-PRESENT", Pull: gpio.PullNoChange},
		line.Spec{Chip: "tool", Line: "FIELD-TRIGGER", Pull: gpio.PullNoChange})
	if err != nil {
		t.Fatal(err)
	}
	counter, err := trigger.NewCounter(inputs.Pins()[1])
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() { r.readPulses(ctx, counter) })
	wait.Go(func() { r.readFrames(ctx) })
	for range 5 { // its phase is that of the later frames
		<-r.frames
	}
	t.Cleanup(func() {
		stop()
		wait.Wait()
		for _, err := range []error{inputs.Close(), r.camera.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return r
}

func (r *rig) readPulses(ctx context.Context, from trigger.Source) {
	for {
		p, err := from.Next(ctx)
		if err != nil {
			return
		}
		r.pulses <- p
	}
}

func (r *rig) readFrames(ctx context.Context) {
	for ctx.Err() == nil {
		if r.restart.CompareAndSwap(true, false) {
			if err := r.camera.Start(ctx); err != nil {
				r.t.Errorf("restart: %v", err)
				return
			}
		}
		f, err := r.camera.Next(ctx)
		if err != nil {
			continue
		}
		r.latest.Store(int64(f.Time))
		seen := camera.Frame{Format: f.Format, Time: f.Time, Sequence: f.Sequence}
		f.Release() // nobody looks at the picture
		if r.hide.Load() > 0 && r.hide.Add(-1) >= 0 {
			continue
		}
		r.frames <- &seen
	}
}

// injury is what the tool of the bench does wrong at a stop.
type injury int

const (
	unharmed  injury = iota
	withheld         // no pulse
	doubled          // two pulses in short order
	dropped          // the frame is lost on its way
	straying         // a frame without a pulse before the stop
	restarted        // the stream stops and starts
	injuries
)

// load drives one wafer and returns when the pulse of each stop was due, and how
// many faults there were.
func (r *rig) load(rate float64) (due []time.Duration, faults int) {
	last := line.Monotonic()
	for n := range perLoad {
		kind := unharmed
		if r.random.Float64() < rate {
			kind = 1 + injury(r.random.IntN(int(injuries)-1))
			if (n == 0 || n == perLoad-1) && kind > doubled {
				kind = withheld // the others might hit a frame before or after the wafer
			}
			faults++
		}
		steps := time.Duration(1)
		if kind == straying {
			steps = 2
		}
		exposure := r.nextExposure(last, steps)
		last = exposure
		due = append(due, exposure-ahead)
		line.WaitUntil(exposure - ahead)
		switch kind {
		case restarted:
			r.restart.Store(true)
		case dropped:
			r.hide.Store(1)
		}
		if kind != withheld {
			r.chip.Pulse("FIELD-TRIGGER")
		}
		if kind == doubled {
			r.chip.Pulse("FIELD-TRIGGER")
		}
		// The next stop is looked for when this one's frame is on its way.
		line.WaitUntil(exposure + time.Millisecond)
	}
	return due, faults
}

// nextExposure is the first exposure so many periods after the last that can
// still be pulsed for.
func (r *rig) nextExposure(last time.Duration, steps time.Duration) time.Duration {
	latest := time.Duration(r.latest.Load())
	earliest := max(last+steps*period-period/3, line.Monotonic()+ahead+time.Millisecond)
	n := (earliest - latest + period - 1) / period
	return latest + max(n, 1)*period
}

// settle lets everything of a wafer arrive.
const settle = 4 * period

// judge runs one wafer through the machine.
func (r *rig) judge(m *Machine, rate float64) (wrong, whole, told, faults int) {
	r.drain()
	type driven struct {
		due    []time.Duration
		faults int
	}
	done := make(chan driven, 1)
	go func() { due, n := r.load(rate); time.Sleep(settle); done <- driven{due, n} }()
	var came []event
	for {
		select {
		case p := <-r.pulses:
			came = append(came, event{pulse: p})
		case f := <-r.frames:
			came = append(came, event{frame: f})
		case d := <-done:
			slots := feed(m, came, d.due)
			wrong, whole = r.compare(m, slots, d.due)
			for _, s := range slots {
				if s.Outcome == MissedPulse {
					told++
				}
			}
			for _, n := range m.Seen() {
				told += n
			}
			return wrong, whole, told, d.faults
		}
	}
}

// event is a pulse or a frame, as they came.
type event struct {
	pulse trigger.Pulse
	frame *camera.Frame
}

// feed gives the machine a wafer's events in their order. What the camera exposed
// before the first stop and after the last is left out: one that waits for its
// trigger would not have.
func feed(m *Machine, came []event, due []time.Duration) (slots []Slot) {
	m.Reset(due[0]-period, perLoad)
	for _, e := range came {
		switch {
		case e.frame == nil:
			slots = append(slots, m.Pulse(e.pulse)...)
		case e.frame.Time > due[0] && e.frame.Time < due[perLoad-1]+period:
			slots = append(slots, m.Frame(e.frame)...)
		}
	}
	return append(slots, m.Finish()...)
}

func (r *rig) drain() {
	for {
		select {
		case <-r.pulses:
		case <-r.frames:
		default:
			return
		}
	}
}

// compare counts the trusted fields whose frame was exposed at another stop, and
// those that are right.
func (r *rig) compare(m *Machine, slots []Slot, due []time.Duration) (wrong, right int) {
	certain := m.Trusted(perLoad, perLoad)
	m.Learn(certain)
	for _, s := range slots {
		if s.Outcome != Paired || s.Number >= perLoad || !certain[s.Number] {
			continue
		}
		if late := s.Frame.Time - due[s.Number]; late > 0 && late < period {
			right++
		} else {
			r.t.Errorf("field %d: its frame was exposed %v after its stop's pulse was due", s.Number, late)
			wrong++
		}
	}
	return wrong, right
}

// TestKernelFaultsNeverMisplaceAFrame: against the kernel's own lines and frames,
// with faults at random, no field shows another's frame, and every wafer that
// suffered one says so.
func TestKernelFaultsNeverMisplaceAFrame(t *testing.T) {
	r := newRig(t)
	want := 1000
	if testing.Short() {
		want = 60
	}
	m := New(Window{Min: time.Millisecond, Max: ahead + 4*time.Millisecond}, 12*time.Millisecond)
	// The first wafers show the motion.
	for range 2 {
		if _, whole, _, _ := r.judge(m, 0); whole != perLoad {
			t.Fatalf("%d of %d fields paired on a sound wafer", whole, perLoad)
		}
	}
	injected, wafers, fields, lost := 0, 0, 0, 0
	for injected < want {
		_, right, told, faults := r.judge(m, 0.1)
		if faults > 0 && told == 0 {
			t.Errorf("wafer %d: %d faults, none told", wafers, faults)
		}
		injected, wafers, fields, lost = injected+faults, wafers+1, fields+perLoad, lost+perLoad-right
	}
	t.Logf("%d faults on %d wafers: %d of %d fields not inspected, none with another's frame", injected, wafers, lost, fields)
}

// TestKernelEveryFrameFindsItsPulse: without faults every frame is paired.
func TestKernelEveryFrameFindsItsPulse(t *testing.T) {
	r := newRig(t)
	frames := 10_000
	if testing.Short() {
		frames = 500
	}
	m := New(Window{Min: time.Millisecond, Max: ahead + 4*time.Millisecond}, 12*time.Millisecond)
	for n := 0; n < frames; n += perLoad {
		if wrong, whole, told, _ := r.judge(m, 0); whole != perLoad || wrong > 0 {
			t.Fatalf("after %d frames: %d of %d fields paired, %d wrong, %d told", n, whole, perLoad, wrong, told)
		}
	}
	t.Logf("%d frames of 1280×720 at 60 a second, each paired with its pulse", frames)
}
