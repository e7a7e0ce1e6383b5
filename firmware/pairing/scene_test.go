package pairing

import (
	"math/rand/v2"
	"time"

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
