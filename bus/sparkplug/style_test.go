package sparkplug_test

import (
	"strings"
	"testing"

	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
)

// Names instead of aliases, and datatypes in the births alone, are the plant's
// choice.
func TestDataFollowTheConfiguredStyle(t *testing.T) {
	for _, style := range []struct{ aliases, types bool }{{true, true}, {true, false}, {false, true}, {false, false}} {
		onEachBroker(t, func(t *testing.T, to dialer) {
			h, w := newHost(t, to), newWire(t, to)
			c := names
			c.Aliases, c.DataTypes = style.aliases, style.types
			n := makeNode(t, c, &memory{}, w)
			n.Start(t.Context())
			_, device := h.births(t, 0)
			born, _ := device.Find(sparkplug.DieMap)
			if (born.Alias != nil) != style.aliases || born.Value.Type() != payload.TypeDataSet {
				t.Errorf("born with alias %v, type %v", born.Alias, born.Value.Type())
			}
			result := wafer("W1")
			publish(t, n, result)
			m := h.expect(t, ddata)
			told, _ := m.Find(sparkplug.DieMap)
			if (told.Alias != nil) != style.aliases {
				t.Errorf("told with alias %v; want one %v", told.Alias, style.aliases)
			}
			for i, metric := range m.Metrics {
				if (metric.Value.Type() != payload.TypeUnknown) != style.types {
					t.Fatalf("%s told with type %v; want one %v", metric.Name, metric.Value.Type(), style.types)
				}
				declared, _ := device.Find(metric.Name)
				v, err := metric.Value.As(declared.Value.Type())
				if err != nil {
					t.Fatal(err)
				}
				m.Metrics[i].Value = v
			}
			checkWafer(t, m, result)
		})
	}
}

// A dead-band is measured from the value last told, so that slow drift is told too.
func TestADeadBandHoldsSmallChangesBack(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, w := newHost(t, to), newWire(t, to)
		n := newNode(t, w, &memory{})
		const mib = 1 << 20
		update(t, n, sparkplug.HealthDisk, payload.UInt64(1000*mib))
		node, _ := h.births(t, 0)
		if v, _ := node.Find(sparkplug.HealthDisk); v.Value.IsNull() { // the births were made before
			checkValue(t, h.expect(t, ndata), sparkplug.HealthDisk, payload.UInt64(1000*mib))
		}
		for _, free := range []uint64{999, 995, 1010, 1015} {
			update(t, n, sparkplug.HealthDisk, payload.UInt64(free*mib))
		}
		update(t, n, sparkplug.HealthDisk, payload.UInt64(984*mib))
		checkValue(t, h.expect(t, ndata), sparkplug.HealthDisk, payload.UInt64(984*mib))
		update(t, n, sparkplug.HealthDisk, payload.UInt64(990*mib))
		h.order(t, payload.Metric{Name: rebirth, Value: payload.Boolean(true)})
		node, _ = h.births(t, 0)
		checkValue(t, node, sparkplug.HealthDisk, payload.UInt64(990*mib)) // births tell the present value
	})
}

func TestASecondNodeOfTheNameIsNoticed(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, w := newHost(t, to), newWire(t, to)
		n := newNode(t, w, &memory{})
		h.births(t, 0)
		h.order(t, payload.Metric{Name: rebirth, Value: payload.Boolean(true)})
		h.births(t, 0)
		if why := n.State().Namesake; why != "" {
			t.Fatalf("it takes itself for another: %s", why)
		}
		newNode(t, newWire(t, to), &memory{})
		until(t, "noticing", func() bool { return strings.Contains(n.State().Namesake, "births under this node's name") })
	})
}

// Two clients of one id throw each other out for ever.
func TestASecondClientOfTheIDIsNoticed(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, w := newHost(t, to), newWire(t, to)
		n := newNode(t, w, &memory{})
		for bdSeq := range int64(4) {
			h.births(t, bdSeq)
			until(t, "live", func() bool { return n.State().Live })
			w.kill(t, h)
		}
		until(t, "noticing", func() bool { return strings.Contains(n.State().Namesake, "client_id") })
	})
}
