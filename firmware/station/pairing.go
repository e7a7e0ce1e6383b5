package station

import (
	"time"

	"kensa/hw/camera"
	"kensa/hw/trigger"
)

// Window is how long after its pulse a field's exposure begins. It comes from
// calibration; the tool's motion is still as long as it lasts.
type Window struct{ Min, Max time.Duration }

// outcome is what became of one field trigger.
type outcome int

const (
	paired       outcome = iota
	missingFrame         // a pulse whose frame never came
	missedPulse          // a frame whose pulse never came
)

// slot is one stop of the stage, as far as pulses and frames tell. Slots come
// in the order of the stops.
type slot struct {
	outcome outcome
	frame   *camera.Frame // of a paired slot only; whoever takes the slot releases it
	time    time.Duration
}

// anomaly counts what pairing noticed. None of it is silent: the station raises
// an alarm for each.
type anomaly int

const (
	doubledPulse anomaly = iota
	lateFrame
	anomalies
)

// pairing joins pulses and frames into slots, by their time stamps alone: the
// order in which the two streams arrive means nothing, each stream is in order.
//
// A pulse and a frame belong together when the frame's exposure began within
// the window after the pulse. A pulse is given up when a frame beyond its window
// shows that the camera went on without it, or when expire says so. A frame
// that no pulse claims is a late one of a pulse given up before, or else shows
// a pulse that the line lost: the stage did stop there, so the slot counts, but
// its frame is not inspected.
type pairing struct {
	window      Window
	minInterval time.Duration // pulses closer than this are one, doubled

	pulses []trigger.Pulse
	frames []*camera.Frame

	lastPulse time.Duration
	anyPulse  bool
	lastFrame uint64 // the camera's number of the last settled frame
	missing   int    // pulses given up since the last pair: each may still get a late frame
	seen      [anomalies]int
}

// reset forgets the wafer before and releases frames that it left.
func (p *pairing) reset() {
	for _, f := range p.frames {
		f.Release()
	}
	*p = pairing{window: p.window, minInterval: p.minInterval, lastFrame: p.lastFrame}
}

// pulse takes the next pulse of the line and returns the slots that it settles.
func (p *pairing) pulse(t trigger.Pulse) []slot {
	if p.anyPulse && t.Time-p.lastPulse < p.minInterval {
		p.seen[doubledPulse]++
		return nil
	}
	p.anyPulse, p.lastPulse = true, t.Time
	var lost []slot
	for range t.Missed {
		lost = append(lost, slot{outcome: missedPulse, time: t.Time})
	}
	p.pulses = append(p.pulses, t)
	return append(lost, p.settle()...)
}

// frame takes the camera's next frame and returns the slots that it settles.
func (p *pairing) frame(f *camera.Frame) []slot {
	p.frames = append(p.frames, f)
	return p.settle()
}

// settle decides as much as the heads of both queues allow.
func (p *pairing) settle() []slot {
	var slots []slot
	for len(p.pulses) > 0 && len(p.frames) > 0 {
		pulse, f := p.pulses[0], p.frames[0]
		switch latency := f.Time - pulse.Time; {
		case latency < p.window.Min:
			slots = append(slots, p.orphan()...)
		case latency <= p.window.Max:
			p.pulses, p.missing = p.pulses[1:], 0
			slots = append(slots, slot{paired, p.takeFrame(), pulse.Time})
		default:
			slots = append(slots, p.giveUp())
		}
	}
	return slots
}

// giveUp settles the first pulse without a frame.
func (p *pairing) giveUp() slot {
	t := p.pulses[0].Time
	p.pulses = p.pulses[1:]
	p.missing++
	return slot{outcome: missingFrame, time: t}
}

// orphan settles the first frame, which no pulse claims. Frames that the camera
// lost before it, by its own count, account for as many of the missing ones.
func (p *pairing) orphan() []slot {
	lost := 0
	if next := p.frames[0].Sequence; p.lastFrame != 0 && next > p.lastFrame {
		lost = int(next - p.lastFrame - 1)
	}
	f := p.takeFrame()
	defer f.Release()
	if p.missing > lost {
		p.missing -= lost + 1
		p.seen[lateFrame]++
		return nil
	}
	p.missing = 0
	return []slot{{outcome: missedPulse, time: f.Time}}
}

// takeFrame removes the first frame and remembers its number.
func (p *pairing) takeFrame() *camera.Frame {
	f := p.frames[0]
	p.frames, p.lastFrame = p.frames[1:], f.Sequence
	return f
}

// waiting is how many pulses still wait for a frame.
func (p *pairing) waiting() int { return len(p.pulses) }

// expire gives up every waiting pulse: the camera has had its time.
func (p *pairing) expire() []slot {
	var slots []slot
	for len(p.pulses) > 0 {
		slots = append(slots, p.giveUp())
	}
	return slots
}

// finish settles everything left at the end of a wafer.
func (p *pairing) finish() []slot {
	slots := p.expire()
	for len(p.frames) > 0 {
		slots = append(slots, p.orphan()...)
	}
	return slots
}
