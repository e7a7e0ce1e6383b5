package pairing

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kensa/hw/camera"
	"kensa/hw/trigger"
)

// fault is what goes wrong at one stop of the stage, or on the way to the next.
type fault int

const (
	fine fault = iota
	pulseLost
	pulseLostAndTold // by the line's own count
	bothLostAndTold  // the frame too
	frameLost        // by the camera, which counts it
	frameNever       // not exposed
	frameLate        // exposed when the stage had moved on
	pulseTwice       // two edges within the bounce time
	bounceTold       // the line counts an edge that was no stop
	noisePulse       // on the way to the next stop
	noiseFrame       // exposed on the way to the next stop
	cameraRestart    // it loses this stop's frame and numbers from 1 again
	heldExposed      // the stage is held for just a step more, and noise exposes where a stop would have been
	traced           // the number of those above, which all leave a trace

	noiseExposed // on the way to the next stop, by pulse and frame: noise on a wire that triggers the camera too
	silentLoss   // neither pulse nor frame
)

const (
	leastInterval = 60 * time.Millisecond
	ms            = time.Millisecond
)

var testWindow = Window{500 * time.Microsecond, 20 * ms}

// scene is what pulses and frames a tool gives for a sequence of faults.
type scene struct {
	pulses []trigger.Pulse
	frames []*camera.Frame
	stopOf map[*camera.Frame]int // the stop at which a frame was exposed in place
	beside uint64                // edges lost, as the end of WAFER-PRESENT tells
}

// motion is the time from each stop to the next.
type motion []time.Duration

func newMotion(random *rand.Rand, stops int) motion {
	m := make(motion, stops)
	for n := range m {
		m[n] = 90*ms + time.Duration(random.Int64N(int64(20*ms)))
		if random.IntN(8) == 0 { // a row's end
			m[n] += time.Duration(random.Int64N(int64(300 * ms)))
		}
	}
	return m
}

// play runs the motion, with a jitter of its own that never makes it faster. The
// camera goes on to number its frames from where it was.
func (m motion) play(random *rand.Rand, faultAt []fault, held bool, exposures uint64) scene {
	s := scene{stopOf: map[*camera.Frame]int{}}
	at, told := time.Second, uint64(0)
	for n, f := range faultAt {
		step := m[n] + time.Duration(random.Int64N(int64(ms)))
		if f == heldExposed {
			step += m[n]
		} else if held && random.IntN(10) == 0 {
			step += time.Duration(random.Int64N(int64(2 * time.Second)))
		}
		if f == pulseLostAndTold || f == bothLostAndTold || f == bounceTold {
			s.beside++
		}
		told = s.trigger(random, f, at, told)
		s.expose(random, n, f, at, &exposures)
		// Nearer to the next stop than a bounce is long, noise is taken for that stop.
		switch between := at + 2*testWindow.Max + time.Duration(random.Int64N(int64(step-2*testWindow.Max-bounce-ms))); f {
		case noisePulse:
			s.pulses = append(s.pulses, trigger.Pulse{Time: between, Missed: told})
			told = 0
		case heldExposed:
			exposures++
			s.frames = append(s.frames, &camera.Frame{Time: at + m[n] + ms, Sequence: exposures})
		case noiseExposed:
			exposures++
			s.pulses = append(s.pulses, trigger.Pulse{Time: between, Missed: told})
			s.frames = append(s.frames, &camera.Frame{Time: between + testWindow.Min, Sequence: exposures})
			told = 0
		case noiseFrame:
			exposures++
			s.frames = append(s.frames, &camera.Frame{Time: between, Sequence: exposures})
		}
		at += step
	}
	return s
}

// trigger gives the stop's pulse.
func (s *scene) trigger(random *rand.Rand, f fault, at time.Duration, told uint64) uint64 {
	switch f {
	case pulseLostAndTold, bothLostAndTold:
		return told + 1
	case pulseLost, silentLoss:
		return told
	}
	s.pulses = append(s.pulses, trigger.Pulse{Time: at, Missed: told})
	switch f {
	case pulseTwice:
		s.pulses = append(s.pulses, trigger.Pulse{Time: at + time.Duration(1+random.Int64N(int64(10*ms)))})
	case bounceTold:
		return 1
	}
	return 0
}

// expose gives the stop's frame.
func (s *scene) expose(random *rand.Rand, n int, f fault, at time.Duration, exposures *uint64) {
	switch f {
	case frameNever, silentLoss:
		return
	case cameraRestart:
		*exposures = 0
		return
	}
	*exposures++
	if f == frameLost || f == bothLostAndTold {
		return
	}
	latency := testWindow.Min + time.Duration(random.Int64N(int64(testWindow.Max-testWindow.Min)))
	frame := &camera.Frame{Time: at + latency, Sequence: *exposures}
	if f == frameLate {
		frame.Time = at + testWindow.Max + time.Duration(1+random.Int64N(int64(25*ms)))
	} else {
		s.stopOf[frame] = n
	}
	s.frames = append(s.frames, frame)
}

// verdict is what pairing made of a scene.
type verdict struct {
	slots   []Slot
	fieldOf map[int]int
	machine *Machine
}

// judge feeds a scene in an order of arrival that the two streams' own orders allow.
func (s scene) judge(random *rand.Rand, p *Machine, fields int) verdict {
	p.Reset(time.Second/2, fields)
	var slots []Slot
	pulses, frames := s.pulses, s.frames
	for len(pulses)+len(frames) > 0 {
		if len(frames) == 0 || len(pulses) > 0 && random.IntN(2) == 0 {
			slots, pulses = append(slots, p.Pulse(pulses[0])...), pulses[1:]
		} else {
			slots, frames = append(slots, p.Frame(frames[0])...), frames[1:]
		}
	}
	p.Beside(s.beside)
	slots = append(slots, p.Finish()...)
	v := verdict{slots, p.Fields(fields), p}
	p.Learn(v.fieldOf)
	return v
}

// inspected calls f with each field that counts as inspected, and its frame.
func (v verdict) inspected(f func(n int, frame *camera.Frame)) {
	for _, s := range v.slots {
		if field, certain := v.fieldOf[s.Number]; certain && s.Outcome == Paired {
			f(field, s.Frame)
		}
	}
}

// wrong lists the fields whose frame is another's.
func (s scene) wrong(v verdict) (fields []int) {
	v.inspected(func(n int, frame *camera.Frame) {
		if stop, inPlace := s.stopOf[frame]; !inPlace || stop != n {
			fields = append(fields, n)
		}
	})
	return fields
}

func newPairing() *Machine { return New(testWindow, leastInterval) }

// TestNoFrameAtAWrongStop: whatever goes wrong at whichever stops, over wafers of
// one motion, a frame that counts as field n was exposed at stop n.
func TestNoFrameAtAWrongStop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		stops, rate := rapid.IntRange(1, 60).Draw(t, "stops"), rapid.IntRange(0, 60).Draw(t, "faults per cent")
		m, p := newMotion(random, stops), newPairing()
		for range rapid.IntRange(1, 4).Draw(t, "wafers") {
			s := m.play(random, randomFaults(random, stops, rate), true, p.lastFrame)
			v := s.judge(random, p, stops)
			if wrong := s.wrong(v); len(wrong) > 0 {
				t.Fatalf("fields %v show another stop", wrong)
			}
		}
	})
}

func randomFaults(random *rand.Rand, stops, percent int) []fault {
	all := make([]fault, stops)
	for n := range all {
		if random.IntN(100) < percent {
			all[n] = fault(random.IntN(int(traced)))
		}
	}
	return all
}

// TestNoiseThatExposesIsCounted: on a wire that triggers the camera too, noise
// looks like a stop more. Whatever else it does, it shows no field another's place.
func TestNoiseThatExposesIsCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		stops := rapid.IntRange(1, 60).Draw(t, "stops")
		m, p := newMotion(random, stops), newPairing()
		for range rapid.IntRange(1, 4).Draw(t, "wafers") {
			faults := make([]fault, stops)
			for range rapid.IntRange(1, 3).Draw(t, "noises") {
				faults[random.IntN(stops)] = noiseExposed
			}
			s := m.play(random, faults, true, p.lastFrame)
			if wrong := s.wrong(s.judge(random, p, stops)); len(wrong) > 0 {
				t.Fatalf("fields %v show another stop", wrong)
			}
		}
	})
}

// TestALossWithoutATraceIsCounted: stops of which neither pulse nor frame was
// seen leave nothing but the count, and so no field that they may have shifted;
// as long as they are not so many that the wafer seems to have been broken off.
func TestALossWithoutATraceIsCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		stops := rapid.IntRange(2, 60).Draw(t, "stops")
		faults := make([]fault, stops)
		for range rapid.IntRange(1, min(stops, 6)).Draw(t, "losses") {
			faults[random.IntN(stops)] = silentLoss
		}
		s := newMotion(random, stops).play(random, faults, true, 0)
		v := s.judge(random, newPairing(), stops)
		if wrong := s.wrong(v); len(wrong) > 0 {
			t.Fatalf("fields %v show another stop", wrong)
		}
	})
}

// TestABrokenOffWaferKeepsItsFields: more stops are missing than can have passed
// unseen, so that those that came are the first.
func TestABrokenOffWaferKeepsItsFields(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const came, fields = 10, 40
	m := make(motion, came)
	for n := range m {
		m[n] = 100 * ms
	}
	m[3] = 250 * ms // a row's end: two stops more might fit
	v := m.play(random, make([]fault, came), false, 0).judge(random, newPairing(), fields)
	kept := 0
	v.inspected(func(int, *camera.Frame) { kept++ })
	if kept != came {
		t.Errorf("%d of %d fields kept", kept, came)
	}
}

// TestOneFaultCostsAtMostItsField: each fault by itself is recognised, and costs no
// other field: also where only the wafer's end shows which field each stop was.
func TestOneFaultCostsAtMostItsField(t *testing.T) {
	for f := pulseLost; f < traced; f++ {
		for seed := range uint64(300) {
			random := rand.New(rand.NewPCG(seed, uint64(f)))
			const stops = 25
			m, p := newMotion(random, stops), newPairing()
			clean := m.play(random, make([]fault, stops), false, p.lastFrame).judge(random, p, stops)
			if reports(clean) != 0 {
				t.Fatalf("seed %d: a clean wafer had %d faults", seed, reports(clean))
			}
			at := random.IntN(stops)
			faults := make([]fault, stops)
			faults[at] = f
			s := m.play(random, faults, false, p.lastFrame)
			v := s.judge(random, p, stops)
			lost := map[int]bool{}
			for n := range stops {
				lost[n] = true
			}
			v.inspected(func(n int, _ *camera.Frame) { delete(lost, n) })
			if len(s.wrong(v)) > 0 || len(lost) > 1 {
				t.Errorf("fault %d at stop %d, seed %d: fields %v wrong, %v lost", f, at, seed, s.wrong(v), lost)
			}
			if reports(v) == 0 {
				t.Errorf("fault %d at stop %d, seed %d: nothing told", f, at, seed)
			}
		}
	}
}

// reports is how much was told: fields without a frame, and anomalies.
func reports(v verdict) (n int) {
	for _, s := range v.slots {
		if s.Outcome != Paired {
			n++
		}
	}
	for _, seen := range v.machine.seen {
		n += seen
	}
	return n
}

func TestPairingTellsWhatHappened(t *testing.T) {
	for name, c := range map[string]struct {
		faultAt  []fault
		outcomes []Outcome
		seen     [Anomalies]int
	}{
		"nothing":         {[]fault{fine, fine, fine}, []Outcome{Paired, Paired, Paired}, [Anomalies]int{}},
		"lost pulse":      {[]fault{fine, pulseLost, fine}, []Outcome{Paired, MissedPulse, Paired}, [Anomalies]int{}},
		"told pulse":      {[]fault{fine, pulseLostAndTold, fine}, []Outcome{Paired, MissedPulse, Paired}, [Anomalies]int{}},
		"lost frame":      {[]fault{fine, frameLost, fine}, []Outcome{Paired, MissingFrame, Paired}, [Anomalies]int{Unanswered: 1}},
		"late frame":      {[]fault{fine, frameLate, fine}, []Outcome{Paired, MissingFrame, Paired}, [Anomalies]int{LateFrame: 1, Unanswered: 1}},
		"late at the end": {[]fault{fine, frameLate}, []Outcome{Paired, MissingFrame}, [Anomalies]int{LateFrame: 1, Unanswered: 1}},
		"doubled pulse":   {[]fault{fine, pulseTwice, fine}, []Outcome{Paired, Paired, Paired}, [Anomalies]int{DoubledPulse: 1}},
		"extra frame":     {[]fault{fine, noiseFrame, fine}, []Outcome{Paired, Paired, Paired}, [Anomalies]int{ExtraFrame: 1}},
		"restart":         {[]fault{fine, fine, cameraRestart, fine}, []Outcome{Paired, Paired, MissingFrame, Paired}, [Anomalies]int{CameraRestarted: 1, Unanswered: 1}},
		"frame, then pulse": {[]fault{fine, frameLost, pulseLost, fine},
			[]Outcome{Paired, MissingFrame, MissedPulse, Paired}, [Anomalies]int{Unanswered: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 4))
			m := make(motion, len(c.faultAt))
			for n := range m {
				m[n] = 100 * ms
			}
			v := m.play(random, c.faultAt, false, 0).judge(random, newPairing(), len(c.faultAt))
			for n, want := range c.outcomes {
				if n >= len(v.slots) || v.slots[n].Outcome != want || v.slots[n].Number != n {
					t.Fatalf("slots %+v; want outcomes %v", v.slots, c.outcomes)
				}
			}
			if len(v.slots) != len(c.outcomes) || v.machine.seen != c.seen {
				t.Errorf("%d slots, seen %v; want %d, %v", len(v.slots), v.machine.seen, len(c.outcomes), c.seen)
			}
		})
	}
}

// TestAContestedFrameIsNobodys: where pulses come closer than the window is wide,
// a frame that two could claim is not inspected.
func TestAContestedFrameIsNobodys(t *testing.T) {
	p := New(testWindow, 0)
	p.Reset(0, 2)
	p.Pulse(trigger.Pulse{Time: 100 * ms})
	p.Frame(&camera.Frame{Time: 115 * ms, Sequence: 1})
	p.Pulse(trigger.Pulse{Time: 110 * ms})
	p.Finish()
	if fields := p.Fields(2); len(fields) > 0 {
		t.Errorf("fields %v are trusted", fields)
	}
	if p.seen[ContestedFrame] != 1 {
		t.Errorf("seen %v", p.seen)
	}
}

// TestPairingGivesFramesBack: a frame that nobody inspects is released, or the
// camera would run out of buffers.
func TestPairingGivesFramesBack(t *testing.T) {
	lent := 0
	lend := func(at time.Duration, sequence uint64) *camera.Frame {
		lent++
		return &camera.Frame{Time: at, Sequence: sequence, Return: func() { lent-- }}
	}
	p := New(testWindow, 0)
	p.Frame(lend(time.Second, 1))
	p.Pulse(trigger.Pulse{Time: 2 * time.Second})
	p.Frame(lend(3*time.Second, 2))
	p.Finish()
	p.Frame(lend(4*time.Second, 3))
	p.Reset(0, 0)
	if lent != 0 {
		t.Errorf("%d frames still lent", lent)
	}
}

// TestACameraThatRunsFreelyKeepsItsBuffers: without pulses, all but a few frames
// go back at once.
func TestACameraThatRunsFreelyKeepsItsBuffers(t *testing.T) {
	p := New(testWindow, leastInterval)
	p.Keep(3)
	p.Reset(0, 2)
	lent := 0
	for n := range 20 {
		lent++
		p.Frame(&camera.Frame{Time: time.Duration(n) * 16 * ms, Sequence: uint64(n + 1), Return: func() { lent-- }})
		if lent > 3 {
			t.Fatalf("%d frames wait", lent)
		}
	}
	slots := p.Pulse(trigger.Pulse{Time: 19*16*ms - 2*ms})
	if len(slots) == 0 || slots[len(slots)-1].Outcome != Paired {
		t.Errorf("the last frame's own pulse: %+v", slots)
	}
}

// TestAFreeCamerasFrameIsNeverAnothersStop: a camera that exposes all the time
// shows each stop, however long the tool waits between two, and never one as
// another, where pulses are lost, or bounce, or noise adds some. A wafer without a
// fault is whole.
func TestAFreeCamerasFrameIsNeverAnothersStop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		stops, rate := rapid.IntRange(1, 40).Draw(t, "stops"), rapid.SampledFrom([]int{0, 2, 10, 50}).Draw(t, "faults per cent")
		wrongs := rapid.SampledFrom([][]fault{{pulseLost, pulseTwice}, {pulseLostAndTold, pulseTwice, bounceTold}, {noisePulse, pulseTwice}}).Draw(t, "faults")
		m, p := newMotion(random, stops), newPairing()
		p.Free()
		for range rapid.IntRange(1, 4).Draw(t, "wafers") {
			faults := make([]fault, stops)
			for n := range faults {
				if random.IntN(100) < rate {
					faults[n] = wrongs[random.IntN(len(wrongs))]
				}
			}
			s := m.play(random, faults, true, p.lastFrame)
			s.freely(16 * ms)
			v := s.judge(random, p, stops)
			if wrong := s.wrong(v); len(wrong) > 0 {
				t.Fatalf("fields %v show another stop", wrong)
			}
			whole := 0
			v.inspected(func(int, *camera.Frame) { whole++ })
			if rate == 0 && (whole != stops || reports(v) > 0) {
				t.Fatalf("%d of %d fields inspected, %d faults told; there were none", whole, stops, reports(v))
			}
		}
	})
}

// freely replaces a scene's frames by those of a camera that exposes by itself,
// every so often. A frame shows the stop that the stage stood at when its exposure
// began.
func (s *scene) freely(period time.Duration) {
	places := map[time.Duration]int{} // when the stage stood still, by a frame of the scene's own
	var stood []time.Duration
	last := uint64(0)
	for _, f := range s.frames {
		if n, in := s.stopOf[f]; in {
			places[f.Time], stood = n, append(stood, f.Time)
		}
		last = f.Sequence
	}
	end := time.Second
	if len(s.frames) > 0 {
		end = s.frames[len(s.frames)-1].Time
	}
	s.frames, s.stopOf = nil, map[*camera.Frame]int{}
	for at := time.Second / 2; at < end+time.Second/2; at += period {
		last++
		f := &camera.Frame{Time: at, Sequence: last}
		for _, t := range stood {
			if (at - t).Abs() <= testWindow.Max+period {
				s.stopOf[f] = places[t]
			}
		}
		s.frames = append(s.frames, f)
	}
}
