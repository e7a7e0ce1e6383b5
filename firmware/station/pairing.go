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
	missedPulse          // a stop whose pulse never came
)

// slot is one stop of the stage, as far as pulses and frames tell. Slots come
// in the order of the stops.
type slot struct {
	number  int // of the stop, from 0, as it seems so far; trusted says at the end whether it holds
	outcome outcome
	frame   *camera.Frame // of a paired slot only; whoever takes the slot releases it
	pulsed  time.Duration // of a paired slot only: the pulse
}

// anomaly counts what pairing noticed. None of it is silent: the station raises
// an alarm for each.
type anomaly int

const (
	doubledPulse    anomaly = iota
	lateFrame               // of a pulse that was given up
	extraFrame              // which no pulse explains
	cameraRestarted         // its numbering began anew
	contestedFrame          // which two pulses could claim
	unanswered              // a pulse given up, told before its slot is
	anomalies
)

// pairing joins pulses and frames into slots, by their time stamps alone: the
// order in which the two streams arrive means nothing, each stream is in order.
//
// A pulse and a frame belong together when the frame's exposure began within
// the window after the pulse: the stage stood still then, so the picture is of
// that stop. A pulse is given up when a frame beyond its window shows that the
// camera went on without it, or when expire says so. What remains leaves a
// trace, and a trace may mean more than one thing:
//
//   - a pulse without a frame is a stop that the camera missed, or noise;
//   - a frame without a pulse is an exposure by noise, or late, or a stop whose
//     pulse was lost;
//   - an edge that the line tells as lost is a stop, or the bounce of one.
//
// What came between two pairs is judged when the second is there, and numbered
// by what is likeliest, so that inspection need not wait. When the wafer has
// ended and the number of its fields is known, trusted says which of these
// numbers are the only ones possible.
type pairing struct {
	window      Window
	minInterval time.Duration // no two stops are closer than this

	pulses []trigger.Pulse
	frames []*camera.Frame

	began     time.Duration // the wafer's arrival: no stop was before
	fields    int           // of the wafer; 0 where that is not known
	accepted  time.Duration // the latest pulse that counted, for bounce
	anyPulse  bool
	told      uint64 // edges lost beside pulses that did not count
	lastFrame uint64 // the camera's number of the latest frame taken
	pairedAt  time.Duration
	anyPair   bool

	stops  int // numbered so far
	gap    gap // since the latest pair
	ledger ledger
	steps  steps
	seen   [anomalies]int
}

// gap is what was seen between two pairs.
type gap struct {
	pulses  []time.Duration // without a frame
	orphans []time.Duration // exposures that no pulse claimed
	told    uint64          // edges that the line lost
}

// reset forgets the wafer before and releases frames that it left. fields is how
// many stops the new one has, 0 where that is not known.
func (p *pairing) reset(began time.Duration, fields int) {
	for _, f := range p.frames {
		f.Release()
	}
	*p = pairing{window: p.window, minInterval: p.minInterval, lastFrame: p.lastFrame, steps: p.steps,
		began: began, fields: fields, ledger: ledger{stops: p.ledger.stops[:0]}, gap: gap{pulses: p.gap.pulses[:0], orphans: p.gap.orphans[:0]}}
}

// pulse takes the next pulse of the line and returns the slots that it settles.
func (p *pairing) pulse(t trigger.Pulse) []slot {
	p.told += t.Missed
	if p.anyPulse && t.Time-p.accepted < p.minInterval {
		p.seen[doubledPulse]++
		return nil
	}
	t.Missed, p.told = p.told, 0
	p.anyPulse, p.accepted = true, t.Time
	p.pulses = append(p.pulses, t)
	return p.settle()
}

// frame takes the camera's next frame and returns the slots that it settles.
func (p *pairing) frame(f *camera.Frame) []slot {
	p.frames = append(p.frames, f)
	return p.settle()
}

// settle decides as much as the heads of both queues allow.
func (p *pairing) settle() []slot {
	var slots []slot
	for len(p.pulses) > 0 {
		p.contest(p.pulses[0])
		if len(p.frames) == 0 {
			break
		}
		switch latency := p.frames[0].Time - p.pulses[0].Time; {
		case latency < p.window.Min:
			p.orphan()
		case latency <= p.window.Max:
			slots = p.pair(slots)
		default:
			p.giveUp()
		}
	}
	return slots
}

// contest takes back the latest pair where the next pulse could claim its frame
// too: the window is wider than the pulses are apart, and nothing tells whose
// picture it is.
func (p *pairing) contest(t trigger.Pulse) {
	if p.anyPair && p.pairedAt >= t.Time+p.window.Min && !p.ledger.contested() {
		p.ledger.contest()
		p.seen[contestedFrame]++
	}
}

// pair settles the first pulse with the first frame.
func (p *pairing) pair(slots []slot) []slot {
	t := p.pulses[0]
	p.gap.told += t.Missed
	slots = p.bridge(slots, t.Time, true)
	f := p.takeFrame()
	p.pulses = p.pulses[1:]
	p.anyPair, p.pairedAt = true, f.Time
	p.ledger.add(stop{number: p.stops, time: t.Time})
	slots = append(slots, slot{number: p.stops, outcome: paired, frame: f, pulsed: t.Time})
	p.stops++
	return slots
}

// giveUp leaves the first pulse without a frame.
func (p *pairing) giveUp() {
	p.gap.told += p.pulses[0].Missed
	p.gap.pulses = append(p.gap.pulses, p.pulses[0].Time)
	p.pulses = p.pulses[1:]
	p.seen[unanswered]++
}

// orphan notes the first frame, which no pulse claims.
func (p *pairing) orphan() {
	f := p.takeFrame()
	p.gap.orphans = append(p.gap.orphans, f.Time)
	f.Release()
}

// takeFrame removes the first frame and remembers its number.
func (p *pairing) takeFrame() *camera.Frame {
	f := p.frames[0]
	if f.Sequence <= p.lastFrame {
		p.seen[cameraRestarted]++
	}
	p.frames, p.lastFrame = p.frames[1:], f.Sequence
	return f
}

// waiting is how many pulses still wait for a frame.
func (p *pairing) waiting() int { return len(p.pulses) }

// expire gives up every waiting pulse: the camera has had its time.
func (p *pairing) expire() {
	for len(p.pulses) > 0 {
		p.giveUp()
	}
}

// finish settles everything left at the end of a wafer.
func (p *pairing) finish() []slot {
	p.expire()
	for len(p.frames) > 0 {
		p.orphan()
	}
	return p.bridge(nil, 0, false)
}

// bridge closes the gap before a pair, or before the wafer's end: it counts the
// stops that were likely in it, and tells what was none.
func (p *pairing) bridge(slots []slot, next time.Duration, pulse bool) []slot {
	if len(p.gap.pulses)+len(p.gap.orphans)+int(p.gap.told) == 0 && pulse {
		p.ledger.between(0, p.bounds(next, pulse).room)
		return slots
	}
	b := p.bounds(next, pulse)
	most := min(b.pack(&p.gap, b.least)+int(p.gap.told), b.room)
	p.ledger.between(most, b.room)
	n := p.likely(b, most)
	stood := min(n, len(p.gap.pulses))
	for k := range n {
		what := missedPulse
		if k < stood {
			what = missingFrame
		}
		slots = append(slots, slot{number: p.stops, outcome: what})
		p.stops++
	}
	p.explain(stood, n-stood)
	p.gap = gap{pulses: p.gap.pulses[:0], orphans: p.gap.orphans[:0]}
	return slots
}

// likely is how many stops there were in the gap: as many as the motion has had
// there before, as far as traces bear it out; where that is not known, as many
// as the traces show if stops are as far apart as usual.
func (p *pairing) likely(b bounds, most int) int {
	if n, known := p.steps.fit(b, most); known {
		return n
	}
	n := min(max(b.pack(&p.gap, b.usual*7/10), int(p.gap.told)), most)
	if !b.toStop && p.fields > 0 {
		n = min(n, max(p.fields-p.stops, 0))
	}
	return n
}

// explain tells what the gap's traces were, when so many of its pulses were stops
// and so many more stops had lost their pulse.
func (p *pairing) explain(stood, lost int) {
	orphans, told := len(p.gap.orphans), int(p.gap.told)
	rest := max(orphans-lost, 0)
	late := min(rest, stood)
	p.seen[lateFrame] += late
	p.seen[extraFrame] += rest - late
	p.seen[doubledPulse] += len(p.gap.pulses) - stood + max(told-lost, 0)
}
