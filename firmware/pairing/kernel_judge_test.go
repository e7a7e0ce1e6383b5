package pairing

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// report is something told of a wafer, and between which times it was.
type report struct {
	what     string
	field    int
	from, to time.Duration
}

var anomalyNames = [Anomalies]string{"doubled pulse", "late frame", "extra frame", "camera restarted", "contested frame", "unanswered"}

// judgement is what became of a wafer.
type judgement struct {
	run
	// unsteady are the stops at which the bench itself was late, with its pulse or with
	// its exposure: they lie apart as the window does not allow, so that nothing can be
	// said of the wafer.
	unsteady []int
	paired   []Slot
	reports  []report
	fieldOf  map[int]int
	settled  time.Duration // the latest pair's exposure
}

// steady notes where the bench was late, by the kernel's stamp of a frame and the
// bench's own clock. There is no telling at the stop of a fault, nor after one for
// which the stream was started again: it takes some frames to find its phase.
func (j *judgement) steady(frame time.Duration) {
	for n, due := range j.due {
		p, moot := j.pulsed[n], slices.ContainsFunc(j.faults, func(f hurt) bool { return f.stop == n || f.kind == broken && f.stop < n })
		if late := frame - due - ahead; late.Abs() > period/3 || moot {
			continue
		}
		if frame-p.to < benchWindow.Min || frame-p.from > benchWindow.Max {
			j.unsteady = append(j.unsteady, n)
		}
	}
}

// compare lists the trusted fields whose frame was exposed at another stop, and
// counts those that are right.
func (j judgement) compare() (wrong []int, right int) {
	for _, s := range j.paired {
		field, certain := j.fieldOf[s.Number]
		if !certain {
			continue
		}
		if late := s.Frame.Time - j.due[field]; late > 0 && late < period/2 {
			right++
		} else {
			wrong = append(wrong, field)
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
	if len(j.unsteady) > 0 {
		fmt.Fprintf(&b, "the bench itself was late at stops %v; ", j.unsteady)
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
