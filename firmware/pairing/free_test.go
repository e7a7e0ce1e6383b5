package pairing

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kensa/hw/camera"
	"kensa/hw/trigger"
)

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
