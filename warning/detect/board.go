package detect

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"kensa/bus/ledger"
)

// State is what a stream's chart does now.
type State string

// States.
const (
	Learning State = "learning" // the node has no baseline for the product yet
	Watching State = "watching"
	Alarmed  State = "warning" // the average is below its lower limit
)

// Point is one wafer on a chart.
type Point struct {
	Seq       uint64    `json:"seq"`
	Time      time.Time `json:"time"`
	Complete  bool      `json:"complete"`
	Deviation float64   `json:"deviation"`
	Average   float64   `json:"average"`
	Limit     float64   `json:"limit"` // the average is expected within ±Limit
}

// Stream is the chart of a node's product.
type Stream struct {
	Node    string `json:"node"`
	Product string `json:"product"`
	Epoch   string `json:"epoch"`
	State   State  `json:"state"`
	Wafers  int    `json:"wafers"` // of this epoch
	// Learnt counts the complete wafers of the baseline, out of Baseline.
	Learnt   int       `json:"learnt"`
	Baseline int       `json:"baseline"`
	Last     time.Time `json:"last"`
	Points   []Point   `json:"points"` // the latest, the oldest first
}

// Warning is a time during which a chart was below its lower limit.
type Warning struct {
	Node     string     `json:"node"`
	Product  string     `json:"product"`
	Epoch    string     `json:"epoch"`
	Since    time.Time  `json:"since"` // the wafer that made it
	Seq      uint64     `json:"seq"`
	Average  float64    `json:"average"` // at its lowest so far
	Limit    float64    `json:"limit"`   // at Since
	Until    *time.Time `json:"until"`   // nil while it lasts
	Wafers   int        `json:"wafers"`  // within it
	Replaced bool       `json:"replaced"`
}

// Limits of what a board keeps.
const (
	maxPoints   = 300
	maxWarnings = 1000
)

// incompleteWeight is what an incomplete wafer counts for: its dies may not be
// typical of the wafer.
const incompleteWeight = 0.5

// Board holds all charts. It may be used from several goroutines.
type Board struct {
	mu       sync.Mutex
	charts   map[key]*chart
	warnings []*Warning // the oldest first
}

type key struct{ node, product string }

type chart struct {
	Stream
	ewma EWMA
	open *Warning
}

// NewBoard is empty.
func NewBoard() *Board { return &Board{charts: make(map[key]*chart)} }

// Add takes a node's next record. It returns the warning that this record began,
// or nil.
func (b *Board) Add(r ledger.Record) *Warning {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.chart(r)
	c.Wafers++
	c.Last = r.Time
	if r.Deviation == nil {
		if r.Complete && c.State == Learning {
			c.Learnt++
		}
		return nil
	}
	weight := 1.0
	if !r.Complete {
		weight = incompleteWeight
	}
	c.ewma.Add(*r.Deviation, weight)
	c.Points = append(c.Points, Point{r.Seq, r.Time, r.Complete, *r.Deviation, c.ewma.Value(), c.ewma.Limit()})
	if len(c.Points) > maxPoints {
		c.Points = slices.Delete(c.Points, 0, len(c.Points)-maxPoints)
	}
	return b.judge(c, r)
}

// chart finds the record's chart. A new epoch is a new database, and so a new
// baseline: its deviations have nothing to do with the earlier ones.
func (b *Board) chart(r ledger.Record) *chart {
	k := key{r.Node, r.Product}
	c := b.charts[k]
	if c != nil && c.Epoch == r.Epoch {
		return c
	}
	if c != nil && c.open != nil {
		c.open.Until, c.open.Replaced = &r.Time, true
	}
	c = &chart{ewma: Default(), Stream: Stream{
		Node: r.Node, Product: r.Product, Epoch: r.Epoch, State: Learning, Baseline: ledger.BaselineWafers, Points: []Point{},
	}}
	b.charts[k] = c
	return c
}

// judge begins, goes on with, or ends the chart's warning.
func (b *Board) judge(c *chart, r ledger.Record) *Warning {
	switch {
	case c.ewma.Low() && c.open == nil:
		c.State = Alarmed
		c.open = &Warning{
			Node: c.Node, Product: c.Product, Epoch: c.Epoch, Since: r.Time, Seq: r.Seq,
			Average: c.ewma.Value(), Limit: c.ewma.Limit(), Wafers: 1,
		}
		b.warnings = append(b.warnings, c.open)
		if len(b.warnings) > maxWarnings {
			b.warnings = slices.Delete(b.warnings, 0, 1)
		}
		begun := *c.open
		return &begun
	case c.ewma.Low():
		c.open.Average = min(c.open.Average, c.ewma.Value())
		c.open.Wafers++
	default:
		c.State = Watching
		if c.open != nil {
			until := r.Time
			c.open.Until, c.open = &until, nil
		}
	}
	return nil
}

// Streams are all charts: those with a warning first, then by node and product.
func (b *Board) Streams() []Stream {
	b.mu.Lock()
	defer b.mu.Unlock()
	streams := []Stream{}
	for _, c := range b.charts {
		s := c.Stream
		s.Points = slices.Clone(s.Points)
		streams = append(streams, s)
	}
	calm := func(s Stream) int {
		if s.State == Alarmed {
			return 0
		}
		return 1
	}
	slices.SortFunc(streams, func(x, y Stream) int {
		return cmp.Or(cmp.Compare(calm(x), calm(y)), cmp.Compare(x.Node, y.Node), cmp.Compare(x.Product, y.Product))
	})
	return streams
}

// Warnings are the latest maxWarnings, the newest first.
func (b *Board) Warnings() []Warning {
	b.mu.Lock()
	defer b.mu.Unlock()
	warnings := make([]Warning, 0, len(b.warnings))
	for _, w := range slices.Backward(b.warnings) {
		warnings = append(warnings, *w)
	}
	return warnings
}
