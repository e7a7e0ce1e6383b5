package pairing

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
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

var benchWindow = Window{Min: time.Millisecond, Max: ahead + 4*time.Millisecond}

// rig is the bench.
type rig struct {
	t        *testing.T
	chip     *linetest.Chip
	camera   *v4l2.Camera
	controls *v4l2.Device
	random   *rand.Rand
	step     time.Duration // exposures from stop to stop
	presence uint64        // the number of WAFER-PRESENT's latest edge
	edges    line.Input    // of WAFER-PRESENT
	pulses   chan trigger.Pulse
	frames   chan *camera.Frame
	latest   atomic.Int64 // stamp of the latest frame
	starts   atomic.Int64 // of the stream, as its first frames show
	hide     atomic.Int64 // the exposure to lose on its way
	wafers   int          // run
	unsteady int          // of these, left out
}

// newRig makes a bench whose stage takes so many exposures from stop to stop.
func newRig(t *testing.T, size v4l2.Mode, step time.Duration) *rig {
	linetest.InMachine(t)
	r := &rig{t: t, chip: linetest.New(t, "tool", "WAFER-PRESENT", "FIELD-TRIGGER"), random: rand.New(rand.NewPCG(5, 6)), step: step,
		pulses: make(chan trigger.Pulse, 256), frames: make(chan *camera.Frame, 256)}
	size.Input, size.Format, size.Rate = 1, "GREY", 60
	var err error
	if r.camera, err = v4l2.New(v4l2.Config{Path: "/dev/video0", Controls: []string{"timestamp_source=Start of Exposure"}, Mode: size}); err != nil {
		t.Fatal(err)
	}
	if err := r.camera.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.controls, err = v4l2.Open("/dev/video0"); err != nil {
		t.Fatal(err)
	}
	inputs, err := line.OpenInputs(line.Options{}, line.Spec{Chip: "tool", Line: "WAFER-PRESENT", Pull: gpio.PullNoChange},
		line.Spec{Chip: "tool", Line: "FIELD-TRIGGER", Pull: gpio.PullNoChange})
	if err != nil {
		t.Fatal(err)
	}
	r.edges = inputs.Pins()[0]
	if err := r.edges.In(gpio.PullNoChange, gpio.BothEdges); err != nil {
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
		for _, err := range []error{inputs.Close(), r.camera.Close(), r.controls.Close()} {
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
		f, err := r.camera.Next(ctx)
		if errors.Is(err, camera.ErrGone) {
			err = r.camera.Start(ctx)
		}
		if err != nil && ctx.Err() == nil {
			r.t.Errorf("camera: %v", err)
		}
		if f == nil {
			continue
		}
		r.latest.Store(int64(f.Time))
		seen := camera.Frame{Format: f.Format, Time: f.Time, Sequence: f.Sequence}
		f.Release() // nobody looks at the picture
		if seen.Sequence == 1 {
			r.starts.Add(1)
		}
		if hidden := time.Duration(r.hide.Load()); (seen.Time - hidden).Abs() < period/3 {
			continue
		}
		r.frames <- &seen
	}
}

// event is a pulse or a frame, as they came.
type event struct {
	pulse trigger.Pulse
	frame *camera.Frame
}

// judge runs one wafer through the machine; another one where the bench itself was
// late, which may happen once in fifty wafers.
func (r *rig) judge(m *Machine, rate float64) judgement {
	for {
		j := r.wafer(m, rate)
		r.wafers++
		if len(j.unsteady) == 0 {
			return j
		}
		r.t.Logf("wafer left out: %v", j)
		if r.unsteady++; r.unsteady > 1+r.wafers/50 {
			r.t.Fatalf("the bench was late on %d of %d wafers", r.unsteady, r.wafers)
		}
	}
}

// wafer runs one through the machine, whatever the bench does.
func (r *rig) wafer(m *Machine, rate float64) judgement {
	r.drain()
	done := make(chan run, 1)
	go func() { d := r.load(rate); time.Sleep(settle); done <- d }()
	var came []event
	for {
		select {
		case p := <-r.pulses:
			came = append(came, event{pulse: p})
		case f := <-r.frames:
			came = append(came, event{frame: f})
		case d := <-done:
			return r.feed(m, came, d)
		}
	}
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

// edge gives the machine what WAFER-PRESENT's next edge tells of lost ones.
func (r *rig) edge(m *Machine) time.Duration {
	e, err := r.edges.Next(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	m.Beside(e.Sequence - r.presence - 1)
	r.presence = e.Sequence
	return e.Time
}

// feed gives the machine a wafer's events in their order, but for exposures that a
// camera that waits for its trigger would not have made.
func (r *rig) feed(m *Machine, came []event, d run) judgement {
	j := judgement{run: d}
	m.Reset(r.edge(m), perLoad)
	took := func(slots []Slot, now time.Duration) {
		from := j.settled
		for _, s := range slots {
			if s.Outcome == Paired {
				j.paired, j.settled = append(j.paired, s), s.Frame.Time
				continue
			}
			// Until the pair that closed the gap, which comes last.
			j.reports = append(j.reports, report{[]string{"", "no frame", "no pulse"}[s.Outcome], s.Number, from, now})
		}
		for kind, n := range m.Seen() {
			for range n {
				j.reports = append(j.reports, report{anomalyNames[kind], m.Stops(), from, now})
			}
		}
	}
	for _, e := range came {
		if e.frame != nil {
			j.steady(e.frame.Time)
		}
		switch {
		case e.frame == nil:
			took(m.Pulse(e.pulse), e.pulse.Time)
		case slices.ContainsFunc(d.exposed, func(at time.Duration) bool { return (at - e.frame.Time).Abs() < period/3 }):
			took(m.Frame(e.frame), e.frame.Time)
		}
	}
	left := r.edge(m)
	took(m.Finish(), left)
	if m.Stops() != perLoad {
		j.reports = append(j.reports, report{"count", m.Stops(), 0, left})
	}
	j.fieldOf = m.Fields(perLoad)
	m.Learn(j.fieldOf)
	return j
}
