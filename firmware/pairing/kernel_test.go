package pairing

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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

// injury is what goes wrong at a stop of the bench.
type injury int

const (
	unharmed  injury = iota
	withheld         // no pulse
	doubled          // two pulses in short order
	dropped          // the frame is lost on its way
	discarded        // the driver drops it
	damaged          // the driver marks it as damaged
	broken           // the stream fails and is started again
	straying         // an exposure without a pulse, on the way to the stop
	lingering        // two at once: the stage is held for a stop's time, and noise exposes there
	injuries
)

var injuryNames = [injuries]string{"none", "pulse withheld", "pulse doubled", "frame lost on its way", "buffer dropped by the driver",
	"buffer marked as damaged", "stream failed, started again", "exposure between stops", "exposure while the stage is held"}

// hurt is a fault and when it was to be seen.
type hurt struct {
	kind injury
	stop int
	at   time.Duration
}

// run is one wafer: when the pulse of each stop was due, when the camera, had it
// been one with a trigger, would have exposed, and the faults.
type run struct {
	due, exposed []time.Duration
	faults       []hurt
}

// load drives one wafer.
func (r *rig) load(rate float64) (d run) {
	r.chip.Drive("WAFER-PRESENT", gpio.High)
	last := line.Monotonic()
	for n := range perLoad {
		kind := unharmed
		if r.random.Float64() < rate {
			kind = 1 + injury(r.random.IntN(int(injuries)-1))
		}
		step := r.step
		if kind == lingering {
			step *= 2
		}
		at := r.nextExposure(last, step)
		if kind == straying || kind == lingering {
			d.exposed = append(d.exposed, at-r.step*period/2*map[injury]time.Duration{straying: 1, lingering: 2}[kind])
		}
		d.due, d.exposed = append(d.due, at-ahead), append(d.exposed, at)
		if kind != unharmed {
			d.faults = append(d.faults, hurt{kind, n, at})
		}
		r.stop(kind, at)
		last = at
	}
	line.WaitUntil(last + period/2)
	r.chip.Drive("WAFER-PRESENT", gpio.Low)
	return d
}

// stop does one stop of the stage.
func (r *rig) stop(kind injury, exposure time.Duration) {
	starts := r.starts.Load()
	line.WaitUntil(exposure - 2*ahead)
	switch kind {
	case dropped:
		r.hide.Store(int64(exposure))
	case discarded:
		r.set("percentage_of_dropped_buffers", "100")
	case damaged:
		r.set("inject_v4l2_buf_flag_error", "press")
	case broken:
		r.set("inject_fatal_streaming_error", "press")
	}
	line.WaitUntil(exposure - ahead)
	if kind != withheld {
		r.chip.Pulse("FIELD-TRIGGER")
	}
	if kind == doubled {
		r.chip.Pulse("FIELD-TRIGGER")
	}
	// The next stop is looked for when this one's frame is on its way.
	line.WaitUntil(exposure + period/3)
	switch kind {
	case discarded:
		r.set("percentage_of_dropped_buffers", "0")
	case broken: // READY falls, and the tool waits
		for r.starts.Load() == starts && r.t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}
}

func (r *rig) set(control, value string) {
	if err := r.controls.Set(control, value); err != nil {
		r.t.Error(err)
	}
}

// nextExposure is the first exposure so many periods after the last that can
// still be pulsed for.
func (r *rig) nextExposure(last time.Duration, steps time.Duration) time.Duration {
	latest := time.Duration(r.latest.Load())
	earliest := max(last+steps*period-period/8, line.Monotonic()+2*ahead+time.Millisecond)
	n := (earliest - latest + period - 1) / period
	return latest + max(n, 1)*period
}

// settle lets everything of a wafer arrive.
const settle = 4 * period

// event is a pulse or a frame, as they came.
type event struct {
	pulse trigger.Pulse
	frame *camera.Frame
}

// judge runs one wafer through the machine.
func (r *rig) judge(m *Machine, rate float64) judgement {
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

// report is something told of a wafer, and between which times it was.
type report struct {
	what     string
	field    int
	from, to time.Duration
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
	j.certain = m.Trusted(perLoad, perLoad)
	m.Learn(j.certain)
	return j
}

var anomalyNames = [Anomalies]string{"doubled pulse", "late frame", "extra frame", "camera restarted", "contested frame", "unanswered"}

// judgement is what became of a wafer.
type judgement struct {
	run
	paired  []Slot
	reports []report
	certain []bool
	settled time.Duration // the latest pair's exposure
}

// compare lists the trusted fields whose frame was exposed at another stop, and
// counts those that are right.
func (j judgement) compare() (wrong []int, right int) {
	for _, s := range j.paired {
		if s.Number >= perLoad || !j.certain[s.Number] {
			continue
		}
		if late := s.Frame.Time - j.due[s.Number]; late > 0 && late < period/2 {
			right++
		} else {
			wrong = append(wrong, s.Number)
		}
	}
	return wrong, right
}

// explains are the reports that a fault may give. Of a frame without a pulse
// nothing tells whether it was a stop's; nor of an edge lost.
var explains = [injuries][]string{
	withheld:  {"no pulse", "extra frame", "late frame", "count"},
	doubled:   {"doubled pulse", "no pulse"},
	dropped:   {"unanswered"},
	discarded: {"unanswered"},
	damaged:   {"unanswered"},
	broken:    {"unanswered", "camera restarted"},
	straying:  {"extra frame", "late frame", "no pulse"},
	lingering: {"extra frame", "late frame", "no pulse"},
}

// unreported are the faults for which there is no report of their own, of their
// kind and time.
func (j judgement) unreported() (left []hurt) {
	taken := make([]int, len(j.reports)) // the fault that has each, plus 1
	for n := range j.faults {
		if !j.assign(n, taken, make([]bool, len(j.reports))) {
			left = append(left, j.faults[n])
		}
	}
	return left
}

// assign finds a report for fault n, and others for those that had it: a matching
// by augmenting paths.
func (j judgement) assign(n int, taken []int, tried []bool) bool {
	f := j.faults[n]
	for k, r := range j.reports {
		in := f.at > r.from-r.slack() && f.at < r.to+r.slack()
		if tried[k] || !in || !slices.Contains(explains[f.kind], r.what) {
			continue
		}
		tried[k] = true
		if taken[k] == 0 || j.assign(taken[k]-1, taken, tried) {
			taken[k] = n + 1
			return true
		}
	}
	return false
}

// slack is by how much a fault's exposure may lie beside a report's time: an
// exposure between stops is one step before its stop.
func (report) slack() time.Duration { return 3 * period }

func (j judgement) String() string {
	var b strings.Builder
	for _, f := range j.faults {
		fmt.Fprintf(&b, "%s at stop %d (%v); ", injuryNames[f.kind], f.stop, f.at)
	}
	for _, r := range j.reports {
		fmt.Fprintf(&b, "\n\ttold %s near %d, %v to %v", r.what, r.field, r.from, r.to)
	}
	return b.String()
}

// tally counts over the wafers of a campaign.
type tally struct {
	wafers, faults, lost int
	alone, aloneLost     [injuries]int // of wafers with this fault alone
	most                 [injuries]int // fields that one such cost
	kinds                [injuries]int
	dearer               int // wafers that lost more fields than they had faults, none of which was lingering
	plainFaults, plain   int // faults on wafers without lingering, and the fields that they cost
}

func (c *tally) add(j judgement, lost int) {
	c.wafers, c.faults, c.lost = c.wafers+1, c.faults+len(j.faults), c.lost+lost
	for _, f := range j.faults {
		c.kinds[f.kind]++
	}
	if !j.has(lingering) {
		c.plainFaults, c.plain = c.plainFaults+len(j.faults), c.plain+lost
		if lost > len(j.faults) {
			c.dearer++
		}
	}
	if len(j.faults) == 1 {
		kind := j.faults[0].kind
		c.alone[kind]++
		c.aloneLost[kind] += lost
		c.most[kind] = max(c.most[kind], lost)
	}
}

// has reports whether the wafer has a fault of a kind.
func (j judgement) has(kind injury) bool {
	return slices.ContainsFunc(j.faults, func(f hurt) bool { return f.kind == kind })
}

func (c *tally) log(t *testing.T) {
	t.Logf("%d faults on %d wafers: %d of %d fields not inspected, %.2f a fault; none with another's frame, each fault told",
		c.faults, c.wafers, c.lost, c.wafers*perLoad, float64(c.lost)/float64(c.faults))
	t.Logf("where the stage was not held for a stop that was none: %d faults cost %d fields; %d wafers lost more fields than they had faults", c.plainFaults, c.plain, c.dearer)
	for k := unharmed + 1; k < injuries; k++ {
		t.Logf("%s: %d times; alone on its wafer %d times, which cost %d fields, at most %d at a time",
			injuryNames[k], c.kinds[k], c.alone[k], c.aloneLost[k], c.most[k])
	}
}

// TestKernelFaultsNeverMisplaceAFrame: against the kernel's own lines and frames,
// with faults at random, no field shows another's frame, each fault is told by a
// report of its own, and one that is alone on its wafer costs one field at most. Of
// a stage that is held for the time of a stop while noise exposes there, only the
// count at the wafer's end tells that it was no stop whose pulse was lost: what was
// inspected after it under the next number is given up.
func TestKernelFaultsNeverMisplaceAFrame(t *testing.T) {
	r := newRig(t, v4l2.Mode{Width: 640, Height: 480}, 2)
	want := 1000
	if testing.Short() {
		want = 60
	}
	m := New(benchWindow, 2*period-period/4)
	// The first wafers show the motion.
	for range 2 {
		j := r.judge(m, 0)
		if _, right := j.compare(); right != perLoad || len(j.reports) > 0 {
			t.Fatalf("%d of %d fields paired on a sound wafer; %v", right, perLoad, j)
		}
	}
	var count tally
	for count.faults < want && !t.Failed() {
		j := r.judge(m, 0.1)
		wrong, right := j.compare()
		if left := j.unreported(); len(wrong) > 0 || len(left) > 0 {
			t.Errorf("wafer %d: fields %v show another's frame, %v not told; %v", count.wafers, wrong, left, j)
		}
		if len(j.faults) < 2 && perLoad-right > len(j.faults) && !j.has(lingering) {
			t.Errorf("wafer %d: %d fields lost; %v", count.wafers, perLoad-right, j)
		}
		if lost := perLoad - right; lost > len(j.faults) && !j.has(lingering) {
			t.Logf("wafer %d: %d fields lost; %v", count.wafers, lost, j)
		}
		count.add(j, perLoad-right)
	}
	count.log(t)
}

// TestKernelEveryFrameFindsItsPulse: without faults every frame is paired.
func TestKernelEveryFrameFindsItsPulse(t *testing.T) {
	r := newRig(t, v4l2.Mode{Width: 1280, Height: 720}, 1)
	frames := 10_000
	if testing.Short() {
		frames = 500
	}
	m := New(benchWindow, period-period/4)
	for n := 0; n < frames; n += perLoad {
		j := r.judge(m, 0)
		if wrong, right := j.compare(); right != perLoad || len(wrong)+len(j.reports) > 0 {
			t.Fatalf("after %d frames: %d of %d fields paired; %v", n, right, perLoad, j)
		}
	}
	t.Logf("%d frames of 1280×720 at 60 a second, each paired with its pulse", frames)
}
