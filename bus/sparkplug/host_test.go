package sparkplug_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
)

// model is what a host application makes of the messages, as strict as the
// specification lets it be.
type model struct {
	alive, device bool
	bdSeq         int64
	seq           uint8
	values        map[string]payload.Value // of both births and all data since
	births        int
	wafers        []int64 // Wafer/Number in the order of the results, each once
}

// hear takes the node's next message and says what is wrong with it.
func (m *model) hear(h heard) error {
	switch h.topic {
	case nbirth:
		return m.birth(h)
	case ndeath:
		metric, _ := h.Find("bdSeq")
		if n, _ := metric.Value.Int(); n == m.bdSeq {
			m.alive, m.device = false, false
		}
		return nil
	}
	m.seq++
	if !slices.IsSortedFunc(h.Metrics, func(a, b payload.Metric) int { return a.Timestamp.Compare(b.Timestamp) }) {
		return fmt.Errorf("%s: metrics are not in the order of their times", h.topic)
	}
	switch {
	case !m.alive:
		return fmt.Errorf("%s without NBIRTH", h.topic)
	case h.Seq == nil || *h.Seq != m.seq:
		return fmt.Errorf("%s: seq %v, want %d", h.topic, h.Seq, m.seq)
	case h.topic == dbirth:
		m.device = true
		m.declare(h)
		return nil
	case h.topic == ddeath:
		m.device = false
		return nil
	case h.topic == ddata && !m.device:
		return fmt.Errorf("%s without DBIRTH", h.topic)
	}
	return m.data(h)
}

func (m *model) birth(h heard) error {
	metric, _ := h.Find("bdSeq")
	n, ok := metric.Value.Int()
	if !ok || h.Seq == nil || *h.Seq != 0 {
		return fmt.Errorf("NBIRTH with bdSeq %v, seq %v", metric.Value, h.Seq)
	}
	*m = model{alive: true, bdSeq: n, values: make(map[string]payload.Value), births: m.births + 1, wafers: m.wafers}
	m.declare(h)
	return nil
}

func (m *model) declare(h heard) {
	for _, metric := range h.Metrics {
		m.values[metric.Name] = metric.Value
	}
}

func (m *model) data(h heard) error {
	for _, metric := range h.Metrics {
		if old, ok := m.values[metric.Name]; !ok || old.Type() != metric.Value.Type() {
			return fmt.Errorf("%s: %s of type %v, born as %v", h.topic, metric.Name, metric.Value.Type(), old.Type())
		}
		if !metric.Historical {
			m.values[metric.Name] = metric.Value
		}
		if n, _ := metric.Value.Int(); metric.Name == "Wafer/Number" && !slices.Contains(m.wafers, n) {
			m.wafers = append(m.wafers, n)
		}
	}
	return nil
}

// knows tells that the model has these values, and the device alive.
func (m *model) knows(want map[string]payload.Value) bool {
	for name, v := range want {
		if got, ok := m.values[name]; !ok || !got.Equal(v) {
			return false
		}
	}
	return m.device
}

// plant is an appliance that things happen to, and a host that must keep up.
type plant struct {
	t    *testing.T
	rand *rand.Rand
	node *sparkplug.Node
	wire *wire
	host *host
	want map[string]payload.Value // what the appliance knows
	model
	sent, cuts int
	number     uint64
	outbox     []sparkplug.Numbered
}

// Whatever happens to the connection, a strict host never hears a message that
// it must refuse, and in the end it knows what the appliance knows.
func TestAStrictHostIsNeverMisled(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, w := newHost(t, to), newWire(t, to)
		p := &plant{t: t, rand: rand.New(rand.NewPCG(1, 2)), node: newNode(t, w, &memory{}), wire: w, host: h,
			want: make(map[string]payload.Value)}
		p.settle()
		for range 600 {
			p.act()
		}
		p.settle()
		p.checkOrder()
	})
}

// act does one thing that may happen.
func (p *plant) act() {
	switch p.rand.IntN(30) {
	case 0:
		p.wire.cut()
		p.cuts++
	case 1:
		request := payload.Payload{Metrics: []payload.Metric{{Name: rebirth, Value: payload.Boolean(true)}}}
		must(p.t, p.host.client.Publish(ncmd, 0, false, request.Encode()))
	case 2:
		p.node.SetDevice(p.rand.IntN(2) == 0)
	case 3:
		a := sparkplug.Alarm{ID: p.rand.IntN(99), Category: 7, Set: true, Time: time.Now()}
		p.report(a)
		p.want["Alarm/ALID"] = payload.UInt32(uint32(a.ID))
	case 4, 5:
		p.settle()
	case 6, 7, 8, 9, 10:
		p.sent++
		result := wafer("W")
		result.Number = int64(p.sent)
		p.report(result)
		p.want["Wafer/Number"] = payload.Int64(result.Number)
	case 11, 12, 13, 14:
		p.set(sparkplug.HealthOutbox, payload.UInt64(p.rand.Uint64N(5)))
	default:
		p.set(sparkplug.MaterialSlot, payload.UInt32(p.rand.Uint32N(5)))
	}
}

// report is what the appliance does with results and alarms: it keeps them until
// they are delivered.
func (p *plant) report(r sparkplug.Report) {
	p.number++
	n := sparkplug.Numbered{Number: p.number, Report: r}
	if err := p.node.Current(n); err != nil {
		p.t.Fatal(err)
	}
	p.outbox = append(p.outbox, n)
	p.deliver()
}

func (p *plant) deliver() {
	if len(p.outbox) > 0 && p.node.Deliver(p.t.Context(), p.outbox...) == nil {
		p.outbox = nil
	}
}

// deliverAll does not give up.
func (p *plant) deliverAll() {
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	for len(p.outbox) > 0 {
		if err := p.node.Await(ctx); err != nil {
			p.t.Fatal(err)
		}
		p.deliver()
	}
}

func (p *plant) set(name string, v payload.Value) {
	p.want[name] = v
	update(p.t, p.node, name, v)
}

// settle waits until the host knows everything.
func (p *plant) settle() {
	p.node.SetDevice(true)
	p.set(sparkplug.HealthDisk, payload.UInt64(p.rand.Uint64()))
	defer func() {
		if p.t.Failed() {
			p.t.Logf("node %+v; want %v", p.node.State(), p.want)
		}
	}()
	for !p.knows(p.want) || len(p.wafers) < p.sent {
		p.deliverAll()
		if err := p.hear(p.host.next(p.t)); err != nil {
			p.t.Fatal(err)
		}
	}
}

// checkOrder allows a result to come twice, but not to be lost or out of turn.
func (p *plant) checkOrder() {
	p.t.Logf("%d cuts, %d births, %d wafer results handed over, %d heard", p.cuts, p.births, p.sent, len(p.wafers))
	for i, n := range p.wafers {
		if n != int64(i+1) {
			p.t.Fatalf("result %d came in place %d", n, i+1)
		}
	}
	if p.births < p.cuts/2 || len(p.wafers) != p.sent || p.cuts < 5 || p.sent < 20 {
		p.t.Error("too little happened for a test")
	}
}
