// Package pairing joins the pulses of the trigger line and the camera's frames
// into the stops of the stage, and says which of them can be trusted.
//
// It is a machine without a clock and without goroutines: events go in, each with
// the time at which it happened, in any order that the two streams' own orders
// allow, and slots come out.
package pairing

import (
	"slices"
	"time"

	"kensa/hw/camera"
	"kensa/hw/trigger"
)

// Window is how long after its pulse a field's exposure begins. It comes from
// calibration; the tool's motion is still as long as it lasts.
type Window struct{ Min, Max time.Duration }

// Outcome is what became of one field trigger.
type Outcome int

const (
	Paired       Outcome = iota
	MissingFrame         // a pulse whose frame never came
	MissedPulse          // a stop whose pulse never came
)

// Slot is one stop of the stage, as far as pulses and frames tell. Slots come
// in the order of the stops.
type Slot struct {
	Number  int // of the stop, from 0, as it seems so far; trusted says at the end whether it holds
	Outcome Outcome
	Frame   *camera.Frame // of a paired slot only; whoever takes the slot releases it
	Pulsed  time.Duration // of a paired slot only: the pulse
}

// Anomaly is something that pairing noticed. None of it is silent: the station raises
// an alarm for each.
type Anomaly int

const (
	DoubledPulse    Anomaly = iota
	LateFrame               // of a pulse that was given up
	ExtraFrame              // which no pulse explains
	CameraRestarted         // its numbering began anew
	ContestedFrame          // which two pulses could claim
	Unanswered              // a pulse given up, told before its slot is
	Anomalies
)

// Machine joins pulses and frames into slots, by their time stamps alone: the
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
// A line tells of a lost edge with its next one, which after a wafer's last pulse
// is another wafer's. So the machine is also given what the numbering of
// WAFER-PRESENT shows, whose edge ends the wafer: Beside.
//
// What came between two pairs is judged when the second is there, and numbered
// by what is likeliest, so that inspection need not wait. When the wafer has
// ended and the number of its fields is known, Fields says which field each was,
// where only one is possible.
//
// Before that nobody can say it. A stage that is held for just the time of a step
// while noise exposes, and a stop that lost its pulse, give the same pulses and
// frames until the wafer's end shows one stop too many or none: whatever number is
// given meanwhile is wrong for one of them. So inspection under a number that is in
// doubt has to be kept such that it can be given to another field.
type Machine struct {
	window      Window
	minInterval time.Duration // no two stops are closer than this
	keep        int           // frames that may wait for their pulses; 0: any number
	free        bool          // the camera exposes by itself

	pulses []trigger.Pulse
	frames []*camera.Frame

	began     time.Duration // the wafer's arrival: no stop was before
	fields    int           // of the wafer; 0 where that is not known
	accepted  time.Duration // the latest pulse that counted, for bounce
	anyPulse  bool
	unsure    []time.Duration // pulses that may be noise before a stop's own, which then did not count
	told      uint64          // edges lost beside pulses that did not count
	beside    beside
	slots     []Slot // the memory of what settle returns
	lastFrame uint64 // the camera's number of the latest frame taken
	pairedAt  time.Duration
	anyPair   bool

	stops  int // numbered so far
	gap    gap // since the latest pair
	ledger ledger
	steps  steps
	seen   [Anomalies]int
}

// New makes a machine. Pulses closer than minInterval are one, doubled: it is the
// least time in which the stage makes a step, and the nearer it is to the truth
// the more a trace tells.
func New(w Window, minInterval time.Duration) *Machine {
	return &Machine{window: w, minInterval: minInterval}
}

// Keep limits the frames that wait for a pulse: a camera has few buffers, and one
// that runs without a trigger would fill them. The oldest goes then, without one.
// Where pulses may come late by much, as in a simulation, there is no limit.
func (p *Machine) Keep(frames int) { p.keep = frames }

// Free tells that the camera exposes by itself, all the time: a frame without a
// pulse means nothing then, and of several in a pulse's window the first is its.
// A stop whose pulse was lost shows by the line's numbering and by the count only,
// and a pulse by noise finds a frame as any other does: one of each in a wafer
// cannot be seen. A camera that is triggered shows it.
func (p *Machine) Free() { p.free = true }

// Stops is how many stops have been numbered since Reset.
func (p *Machine) Stops() int { return p.stops }

// Seen returns how often each anomaly was noticed since the call before.
func (p *Machine) Seen() (n [Anomalies]int) {
	n, p.seen = p.seen, n
	return n
}

// Fields tells which of a wafer's fields the stops with a frame were, by the number
// that each was given: those for which only one is possible. Where it is not that
// number, what followed showed that the gap before had held other stops than was
// likeliest. known is how many stops the wafer must have had; 0 where nobody knows,
// as after a stop of the appliance in mid-wafer.
func (p *Machine) Fields(known int) map[int]int {
	fieldOf := map[int]int{}
	p.ledger.trusted(known, func(number, field int) { fieldOf[number] = field })
	return fieldOf
}

// Doubt tells that the numbers given from now on may not be the fields', since a
// gap before them could have held more stops than one number, or fewer.
func (p *Machine) Doubt() bool { return p.ledger.doubt }

// Learn takes the steps between the wafer's stops whose fields are certain; by
// them the next wafer's gaps are judged.
func (p *Machine) Learn(fieldOf map[int]int) { p.steps.learn(p.ledger.stops, fieldOf) }

// Forget drops what was learnt of the motion: another one follows.
func (p *Machine) Forget() { p.steps = steps{} }

// gap is what was seen between two pairs.
type gap struct {
	pulses  []time.Duration // without a frame
	orphans []time.Duration // exposures that no pulse claimed
	told    uint64          // edges that the line lost
}

// Reset forgets the wafer before and releases frames that it left. fields is how
// many stops the new one has, 0 where that is not known.
func (p *Machine) Reset(began time.Duration, fields int) {
	for _, f := range p.frames {
		f.Release()
	}
	*p = Machine{window: p.window, minInterval: p.minInterval, keep: p.keep, free: p.free, lastFrame: p.lastFrame, steps: p.steps, beside: p.beside.next(),
		slots: p.slots, pulses: p.pulses[:0], frames: p.frames[:0], unsure: p.unsure[:0],
		began: began, fields: fields, ledger: ledger{stops: p.ledger.stops[:0]}, gap: gap{pulses: p.gap.pulses[:0], orphans: p.gap.orphans[:0]}}
}

// Pulse takes the next pulse of the line and returns the slots that it settles,
// which are valid until the next call.
func (p *Machine) Pulse(t trigger.Pulse) []Slot {
	p.told += t.Missed
	p.beside.pulsed += t.Missed
	if p.anyPulse && t.Time-p.accepted < p.minInterval {
		p.seen[DoubledPulse]++
		if t.Time-p.accepted > bounce {
			p.unsure = append(p.unsure, p.accepted)
			p.takeBackUnsure()
		}
		return nil
	}
	t.Missed, p.told = p.told, 0
	p.anyPulse, p.accepted = true, t.Time
	p.pulses = append(p.pulses, t)
	return p.settle()
}

// Frame takes the camera's next frame and returns the slots that it settles, valid
// as those of Pulse.
func (p *Machine) Frame(f *camera.Frame) []Slot {
	p.frames = append(p.frames, f)
	slots := p.settle()
	for p.keep > 0 && len(p.frames) > p.keep {
		p.orphan()
	}
	return slots
}

// Beside takes how many edges were lost since the latest edge of WAFER-PRESENT, as
// the edge now read shows. It is called for each, before Reset and before Finish.
func (p *Machine) Beside(lost uint64) { p.beside.heard += lost }

// beside compares what two lines of one numbering tell of lost edges. What it
// adds can only raise a doubt.
type beside struct {
	heard  uint64 // by WAFER-PRESENT, since it rose
	pulsed uint64 // by the pulses since then, with what they repeat
	debt   uint64 // heard before, for the next pulse to repeat
	said   uint64 // by untold
}

// untold are the losses that no pulse has told of and untold neither.
func (b *beside) untold() uint64 {
	own := b.pulsed - min(b.pulsed, b.debt)
	n := b.heard - min(b.heard, own+b.said)
	b.said += n
	return n
}

// next begins anew with what the pulses still owe.
func (b beside) next() beside {
	all := b.debt + b.heard
	return beside{debt: all - min(all, b.pulsed)}
}

// settle decides as much as the heads of both queues allow.
func (p *Machine) settle() []Slot {
	slots := p.slots[:0]
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
	p.slots = slots
	return slots
}

// contest takes back the latest pair where the next pulse could claim its frame
// too: the window is wider than the pulses are apart, and nothing tells whose
// picture it is.
func (p *Machine) contest(t trigger.Pulse) {
	if p.anyPair && p.pairedAt >= t.Time+p.window.Min && !p.ledger.contested() {
		p.ledger.contest()
		p.seen[ContestedFrame]++
	}
}

// bounce is how long after its first edge a contact goes on to bounce. A second
// edge later than that, and too soon for a stop, is noise, or the stop's own after
// noise: whose picture the frame is cannot be told.
const bounce = 10 * time.Millisecond

// takeBackUnsure takes back the latest pair where its pulse may not be the stop's.
func (p *Machine) takeBackUnsure() {
	if last, any := p.ledger.last(); any && !last.contested && slices.Contains(p.unsure, last.time) {
		p.ledger.contest()
		p.seen[ContestedFrame]++
	}
}

// pair settles the first pulse with the first frame.
func (p *Machine) pair(slots []Slot) []Slot {
	t := p.pulses[0]
	p.gap.told += t.Missed
	slots = p.bridge(slots, t.Time, true)
	f := p.takeFrame()
	p.pulses = slices.Delete(p.pulses, 0, 1)
	p.anyPair, p.pairedAt = true, f.Time
	p.ledger.add(stop{number: p.stops, time: t.Time})
	p.takeBackUnsure()
	slots = append(slots, Slot{Number: p.stops, Outcome: Paired, Frame: f, Pulsed: t.Time})
	p.stops++
	return slots
}

// giveUp leaves the first pulse without a frame.
func (p *Machine) giveUp() {
	p.gap.told += p.pulses[0].Missed
	p.gap.pulses = append(p.gap.pulses, p.pulses[0].Time)
	p.pulses = slices.Delete(p.pulses, 0, 1)
	p.seen[Unanswered]++
}

// orphan notes the first frame, which no pulse claims.
func (p *Machine) orphan() {
	f := p.takeFrame()
	if !p.free {
		p.gap.orphans = append(p.gap.orphans, f.Time)
	}
	f.Release()
}

// takeFrame removes the first frame and remembers its number.
func (p *Machine) takeFrame() *camera.Frame {
	f := p.frames[0]
	if f.Sequence <= p.lastFrame {
		p.seen[CameraRestarted]++
	}
	p.frames, p.lastFrame = slices.Delete(p.frames, 0, 1), f.Sequence
	return f
}

// Waiting is how many pulses still wait for a frame.
func (p *Machine) Waiting() int { return len(p.pulses) }

// Expire gives up every waiting pulse: the camera has had its time.
func (p *Machine) Expire() {
	for len(p.pulses) > 0 {
		p.giveUp()
	}
}

// Cease forgets the pulses and frames that still wait for each other, at the end of
// the appliance in mid-wafer: whether they would have met nobody will know.
func (p *Machine) Cease() {
	for _, f := range p.frames {
		f.Release()
	}
	p.pulses, p.frames = p.pulses[:0], p.frames[:0]
}

// Finish settles everything left at the end of a wafer.
func (p *Machine) Finish() []Slot {
	p.Expire()
	for len(p.frames) > 0 {
		p.orphan()
	}
	// Lost beside pulses that did not count, and after the last of all.
	p.gap.told += p.told + p.beside.untold()
	p.told = 0
	return p.bridge(nil, 0, false)
}

// bridge closes the gap before a pair, or before the wafer's end: it counts the
// stops that were likely in it, and tells what was none.
func (p *Machine) bridge(slots []Slot, next time.Duration, pulse bool) []Slot {
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
		what := MissedPulse
		if k < stood {
			what = MissingFrame
		}
		slots = append(slots, Slot{Number: p.stops, Outcome: what})
		p.stops++
	}
	p.explain(stood, n-stood)
	p.gap = gap{pulses: p.gap.pulses[:0], orphans: p.gap.orphans[:0]}
	return slots
}

// likely is how many stops there were in the gap: as many as the motion has had
// there before, as far as traces bear it out; where that is not known, as many
// as the traces show if stops are as far apart as usual.
func (p *Machine) likely(b bounds, most int) int {
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
func (p *Machine) explain(stood, lost int) {
	orphans, told := len(p.gap.orphans), int(p.gap.told)
	rest := max(orphans-lost, 0)
	late := min(rest, stood)
	p.seen[LateFrame] += late
	p.seen[ExtraFrame] += rest - late
	p.seen[DoubledPulse] += len(p.gap.pulses) - stood + max(told-lost, 0)
}
