package pairing

import (
	"cmp"
	"slices"
	"time"
)

// bounds is what stops there may have been between two times.
type bounds struct {
	from, to time.Duration
	stop     int  // the number of the stop at from
	fromStop bool // from is a stop, not the wafer's arrival
	toStop   bool // to is a stop; else there is no end
	window   Window
	least    time.Duration // no two stops are closer
	usual    time.Duration // nor were any so far; 0: not known
	room     int           // stops that fit
}

// endless is more stops than any wafer has.
const endless = 1 << 20

// bounds are those of the present gap.
func (p *Machine) bounds(next time.Duration, pulse bool) bounds {
	b := bounds{from: p.began, to: next, toStop: pulse, window: p.window, least: p.minInterval, usual: p.steps.shortest, room: endless}
	if last, any := p.ledger.last(); any {
		b.from, b.fromStop, b.stop = last.time, true, last.number
	}
	if b.toStop && b.least > 0 {
		fences := 0
		if b.fromStop {
			fences = 1
		}
		b.room = min(max(int((b.to-b.from)/b.least)-fences, 0), endless)
	}
	return b
}

// trace is when a stop may have been that left it.
type trace struct{ earliest, latest time.Duration }

// pack is the most stops that a gap's traces can show when stops are so far apart:
// two traces closer than that are of one stop.
func (b bounds) pack(g *gap, apart time.Duration) int {
	traces := make([]trace, 0, len(g.pulses)+len(g.orphans))
	for _, t := range g.pulses {
		traces = append(traces, trace{t, t})
	}
	for _, exposed := range g.orphans {
		traces = append(traces, trace{exposed - b.window.Max, exposed - b.window.Min})
	}
	// Which of two overlapping ones came first is open; the greater count is safe.
	slices.SortFunc(traces, func(x, y trace) int { return cmp.Compare(x.latest, y.latest) })
	n := b.greedy(traces, apart)
	slices.SortFunc(traces, func(x, y trace) int { return cmp.Compare(x.earliest, y.earliest) })
	return max(n, b.greedy(traces, apart))
}

// greedy places stops one after the other, each as early as it can be.
func (b bounds) greedy(traces []trace, apart time.Duration) (n int) {
	free := b.from
	if b.fromStop {
		free += apart
	}
	for _, t := range traces {
		at := max(t.earliest, free)
		if at > t.latest || b.toStop && b.to-at < apart {
			continue
		}
		n++
		free = at + apart
	}
	return n
}

// steps are the shortest times that the motion took from stop to stop, over all
// wafers: it is the same motion for each.
type steps struct {
	from     []time.Duration // stop n to stop n+1; 0: not known
	shortest time.Duration   // of them all
}

// learn takes a wafer's stops whose fields are certain.
func (k *steps) learn(stops []stop, fieldOf map[int]int) {
	for i := 1; i < len(stops); i++ {
		n, before := fieldOf[stops[i-1].number]
		m, after := fieldOf[stops[i].number]
		if !before || !after || m != n+1 {
			continue
		}
		k.from = append(k.from, make([]time.Duration, max(n+1-len(k.from), 0))...)
		took := stops[i].time - stops[i-1].time
		if k.from[n] == 0 || took < k.from[n] {
			k.from[n] = took
		}
		if k.shortest == 0 || took < k.shortest {
			k.shortest = took
		}
	}
}

// fit is how many stops, and no more than most, make the motion take what the gap
// took, as nearly as can be.
func (k *steps) fit(b bounds, most int) (n int, known bool) {
	if !b.fromStop || !b.toStop || b.stop+most >= len(k.from) {
		return 0, false
	}
	var took, off time.Duration
	for i := 0; i <= most; i++ {
		step := k.from[b.stop+i]
		if step == 0 {
			return 0, false
		}
		took += step
		if d := (b.to - b.from - took).Abs(); i == 0 || d < off {
			n, off = i, d
		}
	}
	return n, true
}

// stop is a pulse with its frame.
type stop struct {
	number    int
	time      time.Duration
	contested bool // another pulse could claim its frame
	most      int  // stops that there may have been between the one before and this, by their traces
	room      int  // stops that fit there at all
}

// ledger keeps what is needed to say, when a wafer has ended, which of its
// fields' numbers are certain.
type ledger struct {
	stops []stop
	// Of the gap that the next stop, or the wafer's end, closes.
	most, room int
	doubt      bool // there was a gap that may have held stops
}

// between notes what may have been in the gap before the next stop.
func (l *ledger) between(most, room int) {
	l.most, l.room = l.most+most, room
	l.doubt = l.doubt || most > 0
}

func (l *ledger) add(s stop) {
	s.most, s.room = l.most, l.room
	l.most, l.room = 0, 0
	l.stops = append(l.stops, s)
}

func (l *ledger) last() (stop, bool) {
	if len(l.stops) == 0 {
		return stop{}, false
	}
	return l.stops[len(l.stops)-1], true
}

func (l *ledger) contested() bool { return l.stops[len(l.stops)-1].contested }
func (l *ledger) contest()        { l.stops[len(l.stops)-1].contested = true }

// trusted calls hold with the number of each paired stop that can only have been
// one field, and with that field. fields is how many stops the wafer had in truth; 0
// means that nobody knows, as after a stop of the appliance in mid-wafer.
//
// A stop's number is bounded from both ends: by what may have been before it,
// and by what may have come after it when all had to come to fields. So one
// fault, or several at one place, puts nothing else in doubt. What no trace
// tells of, such as a stop of which neither pulse nor frame was seen, shows in
// the count; then nothing is trusted, unless the wafer was broken off: more
// stops are missing than could have passed unseen in the time. What can deceive it
// is two faults in one wafer that cancel out in the count: a loss without a trace
// beside a trace that looks like one stop more than there was, or beside the wafer
// being broken off; noise that exposes as a stop does beside a stop whose trace is
// taken for none. To refuse those as well would be to refuse every wafer with one
// fault, for each of them looks like one.
func (l *ledger) trusted(fields int, hold func(number, field int)) {
	most := l.most
	for _, s := range l.stops {
		most += s.most
	}
	least, closed := len(l.stops), fields > 0
	if closed && fields < least {
		return
	}
	if closed && fields > least+most {
		if fields-least-most <= l.unseen() {
			return
		}
		closed = false
	}
	before := 0 // at most, of the stops that only traces tell of
	for n, s := range l.stops {
		before += s.most
		low, high := n, n+before
		if closed {
			// From the end: so many pairs come after it, and as many more as traces tell of.
			after := least - 1 - n
			low, high = max(low, fields-1-after-(most-before)), min(high, fields-1-after)
		}
		if !s.contested && low == high {
			hold(s.number, low)
		}
	}
}

// unseen is how many stops can have passed without a trace between those seen.
func (l *ledger) unseen() int {
	n := 0
	for _, s := range l.stops {
		n = min(n+s.room, endless)
	}
	return n
}
