// Package uns is the unified namespace: the values of the MES plane once more, as
// plain JSON under topics after ISA-95, for programs that know no Sparkplug.
//
//	<enterprise>/<site>/<area>/<line>/<cell>/<folder>/<name>   such as …/kensa-01/Wafer/Yield
//	<enterprise>/<site>/<area>/<line>/<cell>/Status            whether the rest can be believed
//
// Every message is retained, QoS 1, and an object:
//
//	{"value": 0.97, "timestamp": "2026-03-01T08:00:00.000Z", "quality": "good", "unit": "1"}
//
// quality is good, or bad where there is no value. Status is "online" or
// "offline"; the broker says offline, as the last will, when the connection dies.
// Values of a whole (a wafer's result) have the same timestamp. It is a mirror:
// nothing is kept while there is no connection but the present values, which are
// told anew with the next.
package uns

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"kensa/bus/session"
	"kensa/bus/sparkplug/payload"
	"kensa/bus/traffic"
)

// Names are the levels above the values.
type Names struct{ Enterprise, Site, Area, Line, Cell string }

func (n Names) topic(rest string) string {
	return strings.Join([]string{n.Enterprise, n.Site, n.Area, n.Line, n.Cell, rest}, "/")
}

// Check reports the first name that cannot stand in a topic.
func (n Names) Check() error {
	for _, l := range []struct{ key, name string }{
		{"enterprise", n.Enterprise}, {"site", n.Site}, {"area", n.Area}, {"line", n.Line}, {"cell", n.Cell},
	} {
		if l.name == "" || len(l.name) > 64 || strings.ContainsAny(l.name, "/+#\x00") {
			return fmt.Errorf("%s: %q; want 1 to 64 bytes without / + #", l.key, l.name)
		}
	}
	if n.Enterprise == "spBv1.0" || n.Enterprise == "STATE" || n.Enterprise == "kensa" || strings.HasPrefix(n.Enterprise, "$") {
		return fmt.Errorf("enterprise: %q; want another name, that one belongs to other topics", n.Enterprise)
	}
	return nil
}

// Sample is what a topic says.
type Sample struct {
	Value     any       `json:"value"`
	Timestamp time.Time `json:"timestamp"`
	Quality   string    `json:"quality"`
	Unit      string    `json:"unit,omitempty"`
}

// text is the sample in JSON. Its value is written apart: json.Marshal reads what a
// table has written a second time, and a die map is long.
func (s Sample) text() ([]byte, error) {
	write := func() ([]byte, error) { return json.Marshal(s.Value) }
	if table, ok := s.Value.(traffic.Table); ok {
		write = table.MarshalJSON
	}
	value, err := write()
	if err != nil {
		return nil, err
	}
	s.Value = nil
	rest, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	const before, null = `{"value":`, `null`
	return slices.Concat([]byte(before), value, rest[len(before+null):]), nil
}

// Mirror publishes values. Make one with New.
type Mirror struct {
	names   Names
	units   map[string]string // by metric
	session *session.Session
	log     *slog.Logger

	mu     sync.Mutex
	values map[string]Sample
	dirty  map[string]bool
	link   *session.Link

	wake   chan struct{} // holds one
	cancel context.CancelFunc
	wait   sync.WaitGroup
}

// status is the topic beside the values.
const status = "Status"

// New makes a mirror over a session whose last will and life it takes over. units
// are those of the metrics that have one.
func New(names Names, units map[string]string, line *session.Session, log *slog.Logger) (*Mirror, error) {
	if err := names.Check(); err != nil {
		return nil, err
	}
	m := &Mirror{names: names, units: units, session: line, log: log,
		values: map[string]Sample{}, dirty: map[string]bool{}, wake: make(chan struct{}, 1)}
	line.Will(func(context.Context) (*session.Message, error) {
		will, err := m.message(status, Sample{Value: "offline", Timestamp: now(), Quality: "good"})
		return &will, err
	})
	line.OnUp(m.up)
	line.OnDown(func(error) { m.mu.Lock(); m.link = nil; m.mu.Unlock() })
	return m, nil
}

// Start connects and returns at once; Close says offline, disconnects, and waits.
func (m *Mirror) Start(ctx context.Context) {
	ctx, m.cancel = context.WithCancel(ctx)
	m.session.Start(context.WithoutCancel(ctx)) // it outlives ctx by the goodbye
	m.wait.Go(func() { m.run(ctx) })
}

// Close ends the mirror.
func (m *Mirror) Close() {
	if m.cancel != nil {
		m.cancel()
	}
	m.wait.Wait()
	m.session.Close()
}

// Update sets values, by the metrics' names, as of a time. Those that changed are
// told soon, several changes of one as one. It never waits.
func (m *Mirror) Update(values map[string]payload.Value, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, v := range values {
		s := Sample{Value: traffic.Plain(v), Timestamp: at.UTC().Truncate(time.Millisecond), Quality: "good", Unit: m.units[name]}
		if v.IsNull() {
			s.Quality = "bad"
		}
		m.values[name], m.dirty[name] = s, true
	}
	m.poke()
}

func (m *Mirror) up(_ context.Context, l *session.Link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.link = l
	for name := range m.values {
		m.dirty[name] = true
	}
	m.values[status], m.dirty[status] = Sample{Value: "online", Timestamp: now(), Quality: "good"}, true
	m.poke()
}

func (m *Mirror) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// run is the only one that publishes.
func (m *Mirror) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			m.leave()
			return
		case <-m.wake:
			if err := m.tell(ctx); err != nil && ctx.Err() == nil {
				m.log.Debug("unified namespace not told", "error", err)
			}
		}
	}
}

// tell publishes what is to be told. What fails is told again over the next
// connection, with everything else.
func (m *Mirror) tell(ctx context.Context) error {
	m.mu.Lock()
	link, news := m.link, make(map[string]Sample, len(m.dirty))
	if link != nil {
		for name := range m.dirty {
			news[name] = m.values[name]
		}
		clear(m.dirty)
	}
	m.mu.Unlock()
	for name, s := range news {
		message, err := m.message(name, s)
		if err == nil {
			_, err = link.Send(ctx, message)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// leave says that the values are not kept up any more.
func (m *Mirror) leave() {
	const lastWords = 3 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	m.mu.Lock()
	link := m.link
	m.mu.Unlock()
	message, err := m.message(status, Sample{Value: "offline", Timestamp: now(), Quality: "good"})
	if err == nil && link != nil {
		err = link.Publish(ctx, message)
	}
	if err != nil {
		m.log.Warn("unified namespace not told that this ends", "error", err)
	}
}

func (m *Mirror) message(name string, s Sample) (session.Message, error) {
	text, err := s.text()
	return session.Message{Topic: m.names.topic(name), QoS: 1, Retained: true, Payload: text}, err
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
