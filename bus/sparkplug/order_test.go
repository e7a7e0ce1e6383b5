package sparkplug_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
)

// orders is a node whose commands go to a channel, with a host that has heard the
// births.
func orders(t *testing.T, to dialer) (*host, *sparkplug.Node, chan sparkplug.Command) {
	t.Helper()
	h := newHost(t, to)
	n := makeNode(t, names, &memory{}, newWire(t, to))
	got := make(chan sparkplug.Command, 100)
	n.OnCommand(func(c sparkplug.Command) { got <- c })
	n.Start(t.Context())
	h.births(t, 0)
	if err := n.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h, n, got
}

func (h *host) write(t *testing.T, metrics ...payload.Metric) {
	t.Helper()
	p := payload.Payload{Timestamp: time.Now(), Metrics: metrics}
	must(t, h.client.Publish(dcmd, 0, false, p.Encode()))
}

// byAlias is the metrics as hosts write them that use the births' aliases.
func (h *host) byAlias(metrics []payload.Metric) []payload.Metric {
	for i, m := range metrics {
		for alias, name := range h.names {
			if name == m.Name {
				metrics[i].Name, metrics[i].Alias = "", &alias
			}
		}
	}
	return metrics
}

// untyped is the metrics without their datatypes, as the specification prefers in
// commands.
func untyped(metrics []payload.Metric) []payload.Metric {
	for i, m := range metrics {
		metrics[i].Value = m.Value.Untyped()
	}
	return metrics
}

func TestCommandsReachTheApplianceAndAreAnswered(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, n, got := orders(t, to)
		for name, c := range map[string]sparkplug.Command{
			"recipe": {ID: "a-1", Name: "PP-SELECT", Host: "mes 1", Recipe: "logic-28", RecipeVersion: "4"},
			"alarm":  {ID: "a-2", Name: "ACK-ALARM", ALID: 401},
			"wafer":  {ID: "検査", Name: "REINSPECT", Substrate: "W-7"},
		} {
			for form, metrics := range map[string][]payload.Metric{
				"by name": sparkplug.CommandMetrics(c), "by alias": h.byAlias(sparkplug.CommandMetrics(c)),
				"untyped": untyped(sparkplug.CommandMetrics(c)), "untyped by alias": untyped(h.byAlias(sparkplug.CommandMetrics(c))),
			} {
				h.write(t, metrics...)
				select {
				case taken := <-got:
					if !reflect.DeepEqual(taken, c) {
						t.Errorf("%s %s: got %+v, want %+v", name, form, taken, c)
					}
				case <-time.After(patience):
					t.Fatalf("%s %s: the command did not arrive; refused: %s", name, form, n.State().Refusal)
				}
			}
		}
		// The smallest STOP, as the integrator's guide has it.
		must(t, h.client.Publish(dcmd, 0, false, "\x12\x14\x0a\x0cCommand/Name\x7a\x04STOP\x12\x11\x0a\x0aCommand/Id\x7a\x03x-1"))
		if c := <-got; c != (sparkplug.Command{ID: "x-1", Name: "STOP"}) {
			t.Errorf("the guide's STOP was read as %+v", c)
		}
		at := time.Now()
		a := sparkplug.Answer{ID: "a-1", Name: "PP-SELECT", Code: sparkplug.NotNow, Reason: "control is local", Time: at}
		for range 2 { // the same answer again is told again
			n.Answer(a)
			m := h.expect(t, ddata)
			for name, want := range map[string]payload.Value{
				"Id": payload.String("a-1"), "Name": payload.String("PP-SELECT"), "HCACK": payload.UInt8(2),
				"Reason": payload.String("control is local"), "Time": payload.DateTime(at),
			} {
				checkValue(t, m, "CommandResult/"+name, want)
			}
		}
		h.order(t, payload.Metric{Name: rebirth, Value: payload.Boolean(true)})
		_, device := h.births(t, 0)
		checkValue(t, device, "CommandResult/Id", payload.String("a-1"))
		checkValue(t, device, sparkplug.CommandName, payload.Null(payload.TypeString))
		checkPeerReads(t, h)
	})
}

func TestBadCommandsAreRefusedWhole(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, n, got := orders(t, to)
		text := func(name, v string) payload.Metric { return payload.Metric{Name: name, Value: payload.String(v)} }
		id, name := text(sparkplug.CommandID, "x-1"), text(sparkplug.CommandName, "STOP")
		for _, bad := range []struct {
			metrics []payload.Metric
			why     string
			told    bool // to the host
		}{
			{[]payload.Metric{name}, "want both", false},
			{[]payload.Metric{id}, "want both", true},
			{[]payload.Metric{}, "want both", false},
			{[]payload.Metric{id, name, text("Command/Reason", "x")}, "no metric of this device", true},
			{[]payload.Metric{id, name, text("Job/Lot", "x")}, "not for writing", true},
			{[]payload.Metric{id, name, text("Health/SoftwareVersion", "x")}, "no metric of this device", true},
			{[]payload.Metric{id, name, text(rebirth, "x")}, "no metric of this device", true},
			{[]payload.Metric{id, name, name}, "there twice", true},
			{[]payload.Metric{id, name, {Name: sparkplug.CommandALID, Value: payload.String("401")}}, "want UInt32", true},
			{[]payload.Metric{id, {Name: sparkplug.CommandName, Value: payload.Int32(3)}}, "want String", true},
			{[]payload.Metric{id, name, {Alias: new(uint64(9999)), Value: payload.String("x")}}, "alias 9999", true},
			{[]payload.Metric{id, name, {Alias: new(uint64(0)), Value: payload.String("x")}}, "alias 0", true},
			{[]payload.Metric{id, name, {Value: payload.String("x")}}, "without name and alias", true},
			{[]payload.Metric{id, {Name: sparkplug.CommandName, Alias: new(uint64(1)), Value: payload.String("STOP")}}, "with alias 1", true},
			{[]payload.Metric{id, name, text(sparkplug.CommandHost, strings.Repeat("x", 129))}, "want at most 128", true},
			{[]payload.Metric{id, text(sparkplug.CommandName, "STOP\x00")}, "control characters", true},
		} {
			before := n.State().Refused
			h.write(t, bad.metrics...)
			until(t, "refusing", func() bool { return n.State().Refused == before+1 })
			if why := n.State().Refusal; !strings.Contains(why, bad.why) {
				t.Errorf("refused as %q; want %q", why, bad.why)
			}
			if bad.told {
				m := h.expect(t, ddata)
				checkValue(t, m, "CommandResult/Id", payload.String("x-1"))
				checkValue(t, m, "CommandResult/HCACK", payload.UInt8(3))
			}
		}
		good := payload.Payload{Metrics: []payload.Metric{id, name}}
		for _, send := range []func(){
			func() { must(t, h.client.Publish(dcmd, 0, true, good.Encode())) }, // live, so the broker takes the flag off
			func() { must(t, h.client.Publish(dcmd, 0, false, []byte{0xff})) },
			func() { must(t, h.client.Publish(dcmd, 0, false, make([]byte, 65<<10))) },
		} {
			send()
		}
		until(t, "refusing", func() bool { return strings.Contains(n.State().Refusal, "limit is 65536") })
		if len(got) != 1 {
			t.Errorf("%d commands were carried out; want the one good one", len(got))
		}
	})
}

// A command that is wrong in thousands of places is answered in a few words, which the
// births can carry.
func TestRefusalsAreShort(t *testing.T) {
	to := startMosquitto(t)
	h, n, _ := orders(t, to)
	metrics := sparkplug.CommandMetrics(sparkplug.Command{ID: "x-1", Name: "STOP"})
	h.write(t, append(metrics, make([]payload.Metric, 15_000)...)...)
	checkShort := func(m heard) {
		t.Helper()
		checkValue(t, m, "CommandResult/HCACK", payload.UInt8(3))
		for _, metric := range m.Metrics {
			if text, _ := metric.Value.Text(); len(text) > 1000 {
				t.Errorf("%d: %d bytes of text", *metric.Alias, len(text))
			}
		}
	}
	checkShort(h.expect(t, ddata))
	h.write(t, payload.Metric{Name: strings.Repeat("x", 60_000), Value: payload.Null(payload.TypeUnknown)})
	until(t, "refusing", func() bool { return n.State().Refused == 2 })
	must(t, h.client.Publish(dcmd, 0, false, append(append([]byte{0x12, 0xe4, 0xd4, 3, 0x0a, 0xe0, 0xd4, 3}, make([]byte, 60_000)...), 0x20)))
	until(t, "refusing", func() bool { return n.State().Refused == 3 })
	if why := n.State().Refusal; len(why) > 1000 {
		t.Errorf("%d bytes of reason", len(why))
	}
	h.order(t, payload.Metric{Name: rebirth, Value: payload.Boolean(true)})
	_, device := h.births(t, 0)
	checkShort(device)
}

// A broker gives a retained command to every connection anew.
func TestRetainedCommandsAreRefused(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h := newHost(t, to)
		c := payload.Payload{Metrics: sparkplug.CommandMetrics(sparkplug.Command{ID: "r", Name: "STOP"})}
		must(t, h.client.Publish(dcmd, 1, true, c.Encode()))
		// A broker may acknowledge before it has kept the message; what the same
		// connection sends next it takes after that.
		must(t, h.client.Publish("barrier", 1, false, []byte("x")))
		n := makeNode(t, names, &memory{}, newWire(t, to))
		n.OnCommand(func(c sparkplug.Command) { t.Errorf("carried out: %+v", c) })
		n.Start(t.Context())
		until(t, "refusing", func() bool { return strings.Contains(n.State().Refusal, "retained") })
	})
}

func TestANodeWithoutCommandsSaysSo(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h := newHost(t, to)
		newNode(t, newWire(t, to), &memory{})
		h.births(t, 0)
		h.write(t, sparkplug.CommandMetrics(sparkplug.Command{ID: "x", Name: "STOP"})...)
		checkValue(t, h.expect(t, ddata), "CommandResult/HCACK", payload.UInt8(2))
	})
}
