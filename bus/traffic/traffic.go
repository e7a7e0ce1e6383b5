// Package traffic reads what goes over the broker on both planes: Sparkplug B
// payloads, with the names that births gave to aliases, states of hosts, ledger
// messages, and the plain JSON of the unified namespace.
//
// It judges nothing: what cannot be read is shown as it is, with the reason. Its
// JSON form is what bus/asyncapi.yaml describes for messages that are not JSON on
// the wire.
package traffic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kensa/bus/sparkplug/payload"
)

// Message is one message, decoded.
type Message struct {
	Time     time.Time `json:"time"` // when it was heard
	Topic    string    `json:"topic"`
	Plane    Plane     `json:"plane"`
	Retained bool      `json:"retained,omitempty"`
	Bytes    int       `json:"bytes"`
	// Sparkplug is the content of a Sparkplug B payload.
	Sparkplug *Sparkplug `json:"sparkplug,omitempty"`
	// JSON is the content where that is JSON on the wire.
	JSON json.RawMessage `json:"json,omitempty"`
	// Text is the content of a host's state before version 3.0.
	Text string `json:"text,omitempty"`
	// Problem is why it could not be read.
	Problem string `json:"problem,omitempty"`
}

// Plane is what a topic belongs to.
type Plane string

// Planes.
const (
	MES     Plane = "mes"
	Ledger  Plane = "ledger"
	Unified Plane = "unified" // the unified namespace, or anything else
)

// Sparkplug is a payload with what its topic says.
type Sparkplug struct {
	Type      string     `json:"type"` // such as DDATA
	Group     string     `json:"group"`
	Node      string     `json:"node"`
	Device    string     `json:"device,omitempty"`
	Timestamp *time.Time `json:"timestamp,omitempty"`
	Seq       *uint8     `json:"seq,omitempty"`
	Metrics   []Metric   `json:"metrics"`
}

// Metric is one value.
type Metric struct {
	Name       string     `json:"name,omitempty"` // empty where no birth was heard that tells it
	Alias      *uint64    `json:"alias,omitempty"`
	Type       string     `json:"type"`
	Value      any        `json:"value"` // null, number, string, boolean, or Table
	Timestamp  *time.Time `json:"timestamp,omitempty"`
	Historical bool       `json:"historical,omitempty"`
	Unit       string     `json:"unit,omitempty"`
}

// Table is a data set; in JSON {"columns": names, "rows": arrays of values}.
type Table struct{ *payload.DataSet }

// MarshalJSON implements json.Marshaler.
func (t Table) MarshalJSON() ([]byte, error) {
	names, err := json.Marshal(t.names())
	if err != nil {
		return nil, err
	}
	b := append(append([]byte(`{"columns":`), names...), `,"rows":[`...)
	for i := range t.Rows() {
		b = append(b, '[')
		for _, cell := range t.Row(i) {
			if b, err = appendJSON(b, cell); err != nil {
				return nil, err
			}
			b = append(b, ',')
		}
		b = append(b[:len(b)-1], "],"...) // a data set has a column at least
	}
	return append(bytes.TrimSuffix(b, []byte(",")), "]}"...), nil
}

func (t Table) names() []string {
	var names []string
	for _, c := range t.Columns() {
		names = append(names, c.Name)
	}
	return names
}

// appendJSON appends what json.Marshal makes of Plain; whole numbers, of which a die
// map has thousands, without it.
func appendJSON(b []byte, v payload.Value) ([]byte, error) {
	if n, ok := v.Int(); ok {
		return strconv.AppendInt(b, n, 10), nil
	}
	if n, ok := v.Uint(); ok {
		return strconv.AppendUint(b, n, 10), nil
	}
	text, err := json.Marshal(Plain(v))
	return append(b, text...), err
}

// Decoder remembers the births. It is used from one goroutine.
type Decoder struct {
	births map[string]map[uint64]born // by group and node
}

type born struct {
	name string
	typ  payload.Type
}

// maxNodes bounds how many nodes' births are remembered.
const maxNodes = 1000

// NewDecoder has heard no births.
func NewDecoder() *Decoder { return &Decoder{births: map[string]map[uint64]born{}} }

// Decode reads one message.
func (d *Decoder) Decode(at time.Time, topic string, retained bool, content []byte) Message {
	m := Message{Time: at, Topic: topic, Retained: retained, Bytes: len(content), Plane: planeOf(topic)}
	levels := strings.Split(topic, "/")
	switch {
	case m.Plane == MES && (levels[0] == "STATE" || levels[1] == "STATE"):
		m.plain(content)
	case m.Plane == MES && (len(levels) == 4 || len(levels) == 5):
		s, err := d.sparkplug(levels, content)
		if err != nil {
			m.Problem = err.Error()
		} else {
			m.Sparkplug = s
		}
	case m.Plane == MES:
		m.Problem = "no Sparkplug topic"
	default:
		m.plain(content)
	}
	return m
}

func planeOf(topic string) Plane {
	switch {
	case strings.HasPrefix(topic, "spBv1.0/"), strings.HasPrefix(topic, "STATE/"):
		return MES
	case strings.HasPrefix(topic, "kensa/v1/"):
		return Ledger
	}
	return Unified
}

// plain takes JSON, or a short text.
func (m *Message) plain(content []byte) {
	const longest = 256
	switch {
	case json.Valid(content) && utf8.Valid(content):
		m.JSON = append(json.RawMessage(nil), content...)
	case len(content) <= longest && utf8.Valid(content):
		m.Text = string(content)
	default:
		m.Problem = "neither JSON nor a short text"
	}
}

func (d *Decoder) sparkplug(levels []string, content []byte) (*Sparkplug, error) {
	p, err := payload.Decode(content)
	if err != nil {
		return nil, err
	}
	s := &Sparkplug{Group: levels[1], Type: levels[2], Node: levels[3], Seq: p.Seq, Timestamp: instant(p.Timestamp), Metrics: []Metric{}}
	if len(levels) == 5 {
		s.Device = levels[4]
	}
	names := d.names(s)
	for _, metric := range p.Metrics {
		s.Metrics = append(s.Metrics, d.metric(metric, names, strings.HasSuffix(s.Type, "BIRTH")))
	}
	return s, nil
}

// names are the aliases of a node; a new NBIRTH forgets the old ones.
func (d *Decoder) names(s *Sparkplug) map[uint64]born {
	key := s.Group + "/" + s.Node
	if s.Type == "NBIRTH" || d.births[key] == nil {
		if len(d.births) >= maxNodes {
			clear(d.births)
		}
		d.births[key] = map[uint64]born{}
	}
	return d.births[key]
}

func (d *Decoder) metric(m payload.Metric, names map[uint64]born, birth bool) Metric {
	name, v := m.Name, m.Value
	if m.Alias != nil && birth && len(names) < payload.MaxMetrics {
		names[*m.Alias] = born{name, v.Type()}
	}
	if m.Alias != nil && !birth {
		known := names[*m.Alias]
		if name == "" {
			name = known.name
		}
		if typed, err := v.As(known.typ); err == nil {
			v = typed
		}
	}
	unit, _ := m.Property(payload.EngUnit)
	text, _ := unit.Text()
	return Metric{Name: name, Alias: m.Alias, Type: v.Type().String(), Value: Plain(v), Timestamp: instant(m.Timestamp),
		Historical: m.Historical, Unit: text}
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Plain is a value as JSON has it; what JSON has no number for is a text.
func Plain(v payload.Value) any {
	if v.IsNull() {
		return nil
	}
	if n, ok := v.Int(); ok {
		return n
	}
	if n, ok := v.Uint(); ok {
		return n
	}
	if f, ok := v.Float(); ok {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Sprint(f)
		}
		return f
	}
	if b, ok := v.Bool(); ok {
		return b
	}
	if set, ok := v.DataSet(); ok {
		return Table{set}
	}
	return v.String()
}
