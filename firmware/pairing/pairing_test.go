package pairing

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kensa/hw/camera"
	"kensa/hw/trigger"
)

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
