package station

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"kensa/hw/camera"
	"kensa/hw/trigger"
)

// fault is what goes wrong at one stop of the stage.
type fault int

const (
	fine fault = iota
	pulseLost
	frameLost  // by the camera, which counts it
	frameLate  // exposed when the stage had moved on
	pulseTwice // two edges within the bounce time
	faults
)

const (
	stopInterval = 100 * time.Millisecond
	latency      = 2 * time.Millisecond
)

var testWindow = Window{time.Millisecond, 20 * time.Millisecond}

// scene is what pulses and frames a tool gives for a sequence of faults.
type scene struct {
	pulses []trigger.Pulse
	frames []*camera.Frame
	stopOf map[*camera.Frame]int // the stop at which a frame was exposed in place
}

func play(faultAt []fault) scene {
	s := scene{stopOf: map[*camera.Frame]int{}}
	exposures := uint64(0)
	for n, f := range faultAt {
		at := time.Duration(n+1) * stopInterval
		if f != pulseLost {
			s.pulses = append(s.pulses, trigger.Pulse{Time: at})
		}
		if f == pulseTwice {
			s.pulses = append(s.pulses, trigger.Pulse{Time: at + time.Millisecond})
		}
		exposures++
		frame := &camera.Frame{Time: at + latency, Sequence: exposures}
		switch f {
		case frameLost:
			continue
		case frameLate:
			frame.Time = at + stopInterval/2
		default:
			s.stopOf[frame] = n
		}
		s.frames = append(s.frames, frame)
	}
	return s
}

// run feeds the scene to a pairing in an order of arrival that the two streams'
// own orders allow.
func (s scene) run(t *rapid.T) []slot {
	p := pairing{window: testWindow, minInterval: 5 * time.Millisecond}
	var slots []slot
	pulses, frames := s.pulses, s.frames
	for len(pulses)+len(frames) > 0 {
		takePulse := len(frames) == 0
		if len(pulses) > 0 && len(frames) > 0 {
			takePulse = rapid.Bool().Draw(t, "pulse first")
		}
		if takePulse {
			slots, pulses = append(slots, p.pulse(pulses[0])...), pulses[1:]
		} else {
			slots, frames = append(slots, p.frame(frames[0])...), frames[1:]
		}
	}
	return append(slots, p.finish()...)
}

// TestNoFrameAtAWrongStop: whatever goes wrong at whichever stops, a frame that
// is inspected as stop n was exposed at stop n, wherever the number of stops
// comes out right; where it does not the station discards what is in doubt.
func TestNoFrameAtAWrongStop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		faultAt := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fault {
			if rapid.IntRange(0, 2).Draw(t, "mostly fine") > 0 {
				return fine
			}
			return fault(rapid.IntRange(0, int(faults)-1).Draw(t, "fault"))
		}), 1, 40).Draw(t, "faults")
		s := play(faultAt)
		slots := s.run(t)
		if len(slots) != len(faultAt) {
			if !ambiguous(faultAt) {
				t.Fatalf("%d slots for %d stops: %v", len(slots), len(faultAt), faultAt)
			}
			return
		}
		for n, slot := range slots {
			if slot.outcome != paired {
				continue
			}
			if stop, inPlace := s.stopOf[slot.frame]; !inPlace || stop != n {
				t.Fatalf("frame of stop %d (in place: %v) inspected as stop %d: %v", stop, inPlace, n, faultAt)
			}
		}
	})
}

// ambiguous reports whether a late frame is followed by stops that no pair
// anchors: then time stamps cannot tell a late frame from a lost pulse.
func ambiguous(faultAt []fault) bool {
	unsettled := false
	for _, f := range faultAt {
		switch f {
		case frameLost, frameLate:
			unsettled = true
		case pulseLost:
			if unsettled {
				return true
			}
		default:
			unsettled = false
		}
	}
	return false
}

func TestPairingTellsWhatHappened(t *testing.T) {
	for name, c := range map[string]struct {
		faultAt  []fault
		outcomes []outcome
		seen     [anomalies]int
	}{
		"nothing":                  {[]fault{fine, fine, fine}, []outcome{paired, paired, paired}, [anomalies]int{}},
		"lost pulse":               {[]fault{fine, pulseLost, fine}, []outcome{paired, missedPulse, paired}, [anomalies]int{}},
		"lost frame":               {[]fault{fine, frameLost, fine}, []outcome{paired, missingFrame, paired}, [anomalies]int{}},
		"late frame":               {[]fault{fine, frameLate, fine}, []outcome{paired, missingFrame, paired}, [anomalies]int{lateFrame: 1}},
		"doubled pulse":            {[]fault{fine, pulseTwice, fine}, []outcome{paired, paired, paired}, [anomalies]int{doubledPulse: 1}},
		"lost frame, then a pulse": {[]fault{fine, frameLost, pulseLost, fine}, []outcome{paired, missingFrame, missedPulse, paired}, [anomalies]int{}},
		"late at the very end":     {[]fault{fine, frameLate}, []outcome{paired, missingFrame}, [anomalies]int{lateFrame: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			p := pairing{window: testWindow, minInterval: 5 * time.Millisecond}
			s := play(c.faultAt)
			var slots []slot
			for _, pulse := range s.pulses {
				slots = append(slots, p.pulse(pulse)...)
			}
			for _, f := range s.frames {
				slots = append(slots, p.frame(f)...)
			}
			slots = append(slots, p.finish()...)
			for n, want := range c.outcomes {
				if n >= len(slots) || slots[n].outcome != want {
					t.Fatalf("slots %+v; want outcomes %v", slots, c.outcomes)
				}
			}
			if len(slots) != len(c.outcomes) || p.seen != c.seen {
				t.Errorf("%d slots, seen %v; want %d, %v", len(slots), p.seen, len(c.outcomes), c.seen)
			}
		})
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
	p := pairing{window: testWindow}
	p.frame(lend(time.Second, 1))
	p.pulse(trigger.Pulse{Time: 2 * time.Second})
	p.frame(lend(3*time.Second, 2))
	p.finish()
	p.frame(lend(4*time.Second, 3))
	p.reset()
	if lent != 0 {
		t.Errorf("%d frames still lent", lent)
	}
}
