package sparkplug

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"kensa/bus/sparkplug/payload"
)

// board holds the present value of every declared metric, and which of them
// changed since they were last told.
type board struct {
	mu     sync.Mutex
	points []point // in the order of declaration
	index  map[string]int
}

type point struct {
	Metric
	alias   uint64 // from 1, over node and device
	value   payload.Value
	told    payload.Value // last
	taken   time.Time     // zero before the first update
	changed bool
}

// reserved names belong to the node itself.
var reserved = []string{bdSeqName, rebirthName}

func newBoard(metrics []Metric) (*board, error) {
	b := &board{index: make(map[string]int)}
	seen := make(map[string]bool)
	for _, name := range reserved {
		seen[strings.ToLower(name)] = true
	}
	for _, m := range metrics {
		// Hosts on systems that ignore case must not take two metrics for one.
		if key := strings.ToLower(m.Name); m.Name == "" || seen[key] {
			return nil, fmt.Errorf("metric %q: empty, reserved or declared twice (case does not count)", m.Name)
		} else {
			seen[key] = true
		}
		p, err := newPoint(m)
		if err != nil {
			return nil, fmt.Errorf("metric %s: %w", m.Name, err)
		}
		b.index[m.Name] = len(b.points)
		p.alias = uint64(len(b.points) + 1)
		b.points = append(b.points, p)
	}
	return b, nil
}

func newPoint(m Metric) (point, error) {
	switch {
	case m.Scope != NodeScope && m.Scope != DeviceScope:
		return point{}, fmt.Errorf("scope %q; want %q or %q", m.Scope, NodeScope, DeviceScope)
	case m.Type < payload.TypeInt8 || m.Type > payload.TypeBytes:
		return point{}, fmt.Errorf("%v; want Int8 to Bytes", m.Type)
	case m.Type != payload.TypeDataSet:
		return point{Metric: m, value: payload.Null(m.Type)}, nil
	}
	empty, err := payload.NewDataSet(m.Columns...)
	if err != nil {
		return point{}, err
	}
	return point{Metric: m, value: empty.Value()}, nil
}

// check refuses values of undeclared names or of other types than declared.
func (b *board) check(values map[string]payload.Value) error {
	for name, v := range values {
		i, ok := b.index[name]
		switch {
		case !ok:
			return fmt.Errorf("metric %q: not declared", name)
		case v.Type() != b.points[i].Type:
			return fmt.Errorf("metric %s: a value of type %v; declared as %v", name, v.Type(), b.points[i].Type)
		case v.IsNull() && v.Type() == payload.TypeDataSet:
			return fmt.Errorf("metric %s: null; peers fail on a null data set, so give an empty one", name)
		}
	}
	return nil
}

// set takes checked values. Those that differ from the present ones are to be
// told later if tell is set. It says whether there is anything to tell.
func (b *board) set(values map[string]payload.Value, at time.Time, tell bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	news := false
	for name, v := range values {
		p := &b.points[b.index[name]]
		differs := !p.value.Equal(v)
		if differs || !tell {
			p.value, p.taken = v, at
		}
		if tell {
			p.changed = p.changed || differs
			p.changed = p.changed && p.beyond()
			news = news || p.changed
		}
	}
	return news
}

// all are the metrics of a birth, which leaves nothing to be told.
func (b *board) all(scope Scope, now time.Time) []payload.Metric {
	return b.take(scope, func(p point) (payload.Metric, bool) {
		m := p.data()
		m.Description = p.Description
		if p.Unit != "" {
			m.Properties = []payload.Property{payload.Unit(p.Unit)}
		}
		if p.taken.IsZero() {
			m.Timestamp = now
		}
		return m, true
	})
}

// changes are the metrics to be told, which are then told.
func (b *board) changes(scope Scope) []payload.Metric {
	return b.take(scope, func(p point) (payload.Metric, bool) { return p.data(), p.changed })
}

func (b *board) take(scope Scope, pick func(point) (payload.Metric, bool)) []payload.Metric {
	b.mu.Lock()
	defer b.mu.Unlock()
	var metrics []payload.Metric
	for i := range b.points {
		p := &b.points[i]
		if p.Scope != scope {
			continue
		}
		if m, ok := pick(*p); ok {
			metrics = append(metrics, m)
			p.changed, p.told = false, p.value
		}
	}
	return metrics
}

// beyond tells that the present value is further from the one last told than the
// dead-band is wide.
func (p *point) beyond() bool {
	now, ok := p.value.Number()
	before, was := p.told.Number()
	return p.DeadBand == 0 || !ok || !was || math.Abs(now-before) >= p.DeadBand
}

// named is the declaration that a metric of a command means, by its name or by
// its alias.
func (b *board) named(m payload.Metric, scope Scope) (Metric, error) {
	i, known := b.index[m.Name]
	switch {
	case m.Name == "" && m.Alias == nil:
		return Metric{}, errors.New("a metric without name and alias")
	case m.Name == "":
		if i, known = int(*m.Alias)-1, *m.Alias >= 1 && *m.Alias <= uint64(len(b.points)); !known {
			return Metric{}, fmt.Errorf("alias %d; the births give 1 to %d", *m.Alias, len(b.points))
		}
	case known && m.Alias != nil && *m.Alias != b.points[i].alias:
		return Metric{}, fmt.Errorf("metric %q with alias %d; the births give %d", m.Name, *m.Alias, b.points[i].alias)
	}
	if !known || b.points[i].Scope != scope {
		return Metric{}, fmt.Errorf("metric %.80q: no metric of this %s", m.Name, scope)
	}
	return b.points[i].Metric, nil
}

// data are checked values as metrics, in the order of declaration.
func (b *board) data(values map[string]payload.Value, at time.Time) []payload.Metric {
	metrics := make([]payload.Metric, 0, len(values))
	for i := range b.points {
		name := b.points[i].Name
		if v, ok := values[name]; ok {
			metrics = append(metrics, payload.Metric{Name: name, Alias: &b.points[i].alias, Timestamp: at, Value: v})
		}
	}
	return metrics
}

func (p point) data() payload.Metric {
	return payload.Metric{Name: p.Name, Alias: &p.alias, Timestamp: p.taken, Value: p.value}
}
