package sparkplug_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
)

// A node's whole life: birth, data, rebirth, death by a cut, the next birth,
// orderly death, and the number that goes on after a restart.
func TestLifeOfANode(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, w, store := newHost(t, to), newWire(t, to), &memory{n: 6, found: true}
		n := newNode(t, w, store)
		h.births(t, 7)

		update(t, n, sparkplug.EquipmentState, payload.String("PRODUCTIVE"))
		m := h.expect(t, ddata)
		checkSent(t, m, 2)
		checkValue(t, m, sparkplug.EquipmentState, payload.String("PRODUCTIVE"))
		if len(m.Metrics) != 1 {
			t.Errorf("%d metrics, want only the one that changed", len(m.Metrics))
		}

		h.order(t, payload.Metric{Name: rebirth, Value: payload.Boolean(true)})
		h.births(t, 7)
		update(t, n, sparkplug.HealthDisk, payload.UInt64(1<<40))
		m = h.expect(t, ndata)
		checkSent(t, m, 2)
		checkValue(t, m, sparkplug.HealthDisk, payload.UInt64(1<<40))

		checkDeath(t, w.kill(t, h), 7)
		node, device := h.births(t, 8)
		checkValue(t, node, sparkplug.HealthDisk, payload.UInt64(1<<40))
		checkValue(t, device, sparkplug.EquipmentState, payload.String("PRODUCTIVE"))

		n.Close()
		checkDeath(t, h.expect(t, ndeath), 8)
		h.silence(t) // the broker forgot the will

		newNode(t, w, store)
		h.births(t, 9)
		checkPeerReads(t, h)
	})
}

func TestConnectCarriesTheWill(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, w := newHost(t, to), newWire(t, to)
		newNode(t, w, &memory{n: 254, found: true})
		for _, bdSeq := range []int64{255, 0, 1} {
			p := w.connect(t).Connect
			if !p.Clean || !p.WillFlag || p.WillQos != 1 || p.WillRetain || p.WillTopic != ndeath {
				t.Errorf("clean session %v, will %v on %s with QoS %d, retained %v", p.Clean, p.WillFlag, p.WillTopic, p.WillQos, p.WillRetain)
			}
			will, err := payload.Decode(p.WillPayload)
			if err != nil {
				t.Fatal(err)
			}
			checkDeath(t, heard{topic: "will", Payload: will}, bdSeq)
			h.births(t, bdSeq)
			checkDeath(t, w.kill(t, h), bdSeq)
		}
	})
}

func TestBirthsDeclareEveryMetric(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h := newHost(t, to)
		newNode(t, newWire(t, to), &memory{})
		node, device := h.births(t, 0)
		checkValue(t, node, rebirth, payload.Boolean(false))
		if m, _ := node.Find(rebirth); m.Alias != nil {
			t.Errorf("%s has an alias", rebirth)
		}
		aliases := map[uint64]string{}
		for _, m := range sparkplug.Fab() {
			birth := map[sparkplug.Scope]heard{sparkplug.NodeScope: node, sparkplug.DeviceScope: device}[m.Scope]
			got, ok := birth.Find(m.Name)
			unit, _ := got.Property(payload.EngUnit)
			if got.Alias == nil || aliases[*got.Alias] != "" {
				t.Errorf("%s: alias %v; want one of its own", m.Name, got.Alias)
			} else {
				aliases[*got.Alias] = m.Name
			}
			if text, _ := unit.Text(); !ok || got.Value.Type() != m.Type || got.Description != m.Description || text != m.Unit {
				t.Errorf("%s in %s: %v, %q, unit %v; declared %+v", m.Name, birth.topic, got.Value.Type(), got.Description, unit, m)
			}
		}
		if n := len(sparkplug.Fab()) + 2; len(node.Metrics)+len(device.Metrics) != n {
			t.Errorf("%d + %d metrics in the births, want %d", len(node.Metrics), len(device.Metrics), n)
		}
	})
}

func TestSequenceNumbersWrapAfter255(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h := newHost(t, to)
		n := newNode(t, newWire(t, to), &memory{})
		h.births(t, 0)
		for i := range 600 {
			update(t, n, sparkplug.MaterialSlot, payload.UInt32(uint32(i)))
			checkSent(t, h.expect(t, ddata), uint8(i+2))
		}
	})
}

func TestOnlyChangesAreTold(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h := newHost(t, to)
		n := newNode(t, newWire(t, to), &memory{})
		h.births(t, 0)
		state := map[string]payload.Value{sparkplug.EquipmentState: payload.String("STANDBY"), sparkplug.JobLot: payload.Null(payload.TypeString)}
		for range 3 {
			if err := n.Update(state); err != nil {
				t.Fatal(err)
			}
		}
		if m := h.expect(t, ddata); len(m.Metrics) != 1 {
			t.Errorf("%d metrics told, want the one that changed", len(m.Metrics))
		}
		update(t, n, sparkplug.JobLot, payload.String("L1"))
		m := h.expect(t, ddata)
		checkSent(t, m, 3)
		checkValue(t, m, sparkplug.JobLot, payload.String("L1"))
	})
}

func TestUpdateRefusesWhatIsNotDeclared(t *testing.T) {
	n := newNode(t, brokenWire(t), &memory{})
	for name, v := range map[string]payload.Value{
		"Equipment/Sate":         payload.String("PRODUCTIVE"),
		"bdSeq":                  payload.Int64(3),
		sparkplug.EquipmentState: payload.Int32(1),
		sparkplug.DieMap:         payload.Null(payload.TypeDataSet),
	} {
		if err := n.Update(map[string]payload.Value{name: v}); err == nil {
			t.Errorf("%s = %v %v was taken", name, v.Type(), v)
		}
	}
}

// brokenWire leads nowhere.
func brokenWire(t *testing.T) *wire {
	w := newWire(t, dialer{"unix", "/nonexistent"})
	w.broken.Store(true)
	return w
}

func TestTheNextBirthTellsWhatHappenedOffline(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, w := newHost(t, to), newWire(t, to)
		w.broken.Store(true)
		n := newNode(t, w, &memory{})
		update(t, n, sparkplug.JobLot, payload.String("L1"))
		update(t, n, sparkplug.JobLot, payload.String("L2"))
		update(t, n, sparkplug.HealthDisk, payload.UInt64(5))
		if err := n.Current(one(sparkplug.Alarm{ID: 7, Category: 8, Text: "disk full", Set: true, Time: time.Now(), Active: 1})); err != nil {
			t.Fatal(err)
		}
		if err := n.Deliver(t.Context(), one(wafer("W1"))); !errors.Is(err, sparkplug.ErrOffline) {
			t.Fatalf("a wafer without connection: %v, want ErrOffline", err)
		}
		w.broken.Store(false)
		node, device := h.expect(t, nbirth), h.expect(t, dbirth)
		checkSent(t, node, 0)
		checkSent(t, device, 1)
		checkValue(t, node, sparkplug.HealthDisk, payload.UInt64(5))
		checkValue(t, node, sparkplug.HealthOutbox, payload.Null(payload.TypeUInt64))
		checkValue(t, device, sparkplug.JobLot, payload.String("L2"))
		checkValue(t, device, "Alarm/Text", payload.String("disk full"))
		checkValue(t, device, "Wafer/Substrate", payload.Null(payload.TypeString))
	})
}

func wafer(substrate string) sparkplug.Wafer {
	return sparkplug.Wafer{
		Carrier: "C1", Lot: "L1", Substrate: substrate, Slot: 3, Recipe: "logic-28", RecipeVersion: "4", Calibration: "5x/0007 281cefdd7e832cf3",
		Finished: time.Now().Add(-time.Minute), Dies: 3, Inspected: 2, Good: 1, Defects: 5,
		Yield: 0.5, DefectDensity: 1.25, Verdict: "incomplete", Notch: "left",
		Map: []sparkplug.Die{{Column: -1, Row: 0, Bin: 1}, {Column: 0, Row: 0, Bin: 2}, {Column: 1, Row: 0, Bin: 0}},
	}
}

// one is a report that came into being just now.
func one(r sparkplug.Report) sparkplug.Numbered { return sparkplug.Numbered{Report: r} }

func publish(t *testing.T, n *sparkplug.Node, w sparkplug.Wafer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := n.Await(ctx); err != nil {
		t.Fatal(err)
	}
	if err := n.Deliver(ctx, one(w)); err != nil {
		t.Fatal(err)
	}
}

func TestAWaferIsToldWholeInOneMessage(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, w := newHost(t, to), newWire(t, to)
		n := newNode(t, w, &memory{})
		h.births(t, 0)
		first := wafer("W1")
		publish(t, n, first)
		m := h.expect(t, ddata)
		checkSent(t, m, 2)
		checkWafer(t, m, first)
		checkValue(t, m, "Wafer/Notch", payload.String("left"))
		checkValue(t, m, "Wafer/Columns", payload.UInt32(3)) // -1 to 1
		checkValue(t, m, "Wafer/Rows", payload.UInt32(1))

		second := wafer("W2") // equal in all but its name: told whole all the same
		second.Yield, second.DefectDensity = math.NaN(), math.NaN()
		publish(t, n, second)
		m = h.expect(t, ddata)
		checkSent(t, m, 3)
		checkWafer(t, m, second)

		w.kill(t, h)
		_, device := h.births(t, 1)
		checkWafer(t, device, second)
		checkPeerReads(t, h)
	})
}

func checkWafer(t *testing.T, m heard, w sparkplug.Wafer) {
	t.Helper()
	for name, want := range map[string]payload.Value{
		"Carrier": payload.String(w.Carrier), "Lot": payload.String(w.Lot), "Substrate": payload.String(w.Substrate),
		"Slot": payload.UInt32(uint32(w.Slot)), "Recipe": payload.String(w.Recipe), "RecipeVersion": payload.String(w.RecipeVersion), "Calibration": payload.String(w.Calibration),
		"Finished": payload.DateTime(w.Finished), "Dies": payload.UInt32(uint32(w.Dies)), "Inspected": payload.UInt32(uint32(w.Inspected)),
		"Good": payload.UInt32(uint32(w.Good)), "Defects": payload.UInt32(uint32(w.Defects)), "Verdict": payload.String(w.Verdict),
		"Yield": nullable(w.Yield), "DefectDensity": nullable(w.DefectDensity),
	} {
		checkValue(t, m, "Wafer/"+name, want)
	}
	metric, _ := m.Find(sparkplug.DieMap)
	set, ok := metric.Value.DataSet()
	if !ok || set.Rows() != len(w.Map) {
		t.Fatalf("%s: die map %v, want %d dies", m.topic, metric.Value, len(w.Map))
	}
	for i, die := range w.Map {
		if got, want := fmt.Sprint(set.Row(i)), fmt.Sprintf("[%d %d %d]", die.Column, die.Row, die.Bin); got != want {
			t.Errorf("die %d is %s, want %s", i, got, want)
		}
	}
}

func nullable(v float64) payload.Value {
	if math.IsNaN(v) {
		return payload.Null(payload.TypeDouble)
	}
	return payload.Double(v)
}
