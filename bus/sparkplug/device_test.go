package sparkplug_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
)

func TestTheDeviceDiesAndComesBack(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h := newHost(t, to)
		n := newNode(t, newWire(t, to), &memory{})
		h.births(t, 0)
		n.SetDevice(false)
		checkSent(t, h.expect(t, ddeath), 2)

		update(t, n, sparkplug.JobRecipe, payload.String("logic-28"))
		update(t, n, sparkplug.HealthFrames, payload.UInt64(9))
		checkSent(t, h.expect(t, ndata), 3) // the node lives on
		if err := n.Deliver(t.Context(), one(wafer("W1"))); !errors.Is(err, sparkplug.ErrOffline) {
			t.Errorf("a wafer of a dead device: %v, want ErrOffline", err)
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if err := n.Await(cancelled); !errors.Is(err, sparkplug.ErrOffline) {
			t.Errorf("await a dead device: %v, want ErrOffline", err)
		}

		n.SetDevice(true)
		m := h.expect(t, dbirth)
		checkSent(t, m, 4)
		checkValue(t, m, sparkplug.JobRecipe, payload.String("logic-28"))
		publish(t, n, wafer("W1"))
		checkSent(t, h.expect(t, ddata), 5)
	})
}

func TestARebirthLeavesADeadDeviceDead(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h := newHost(t, to)
		n := newNode(t, newWire(t, to), &memory{})
		h.births(t, 0)
		n.SetDevice(false)
		h.expect(t, ddeath)
		h.order(t, payload.Metric{Name: rebirth, Value: payload.Boolean(true)})
		checkSent(t, h.expect(t, nbirth), 0)
		update(t, n, sparkplug.HealthFrames, payload.UInt64(9))
		checkSent(t, h.expect(t, ndata), 1)
	})
}

func TestAlarmsAreToldOneByOne(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h := newHost(t, to)
		n := newNode(t, newWire(t, to), &memory{})
		h.births(t, 0)
		if err := n.Await(t.Context()); err != nil {
			t.Fatal(err)
		}
		const alarms = 20
		at := time.Now()
		for i := range alarms {
			a := sparkplug.Alarm{ID: i + 1, Text: fmt.Sprintf("alarm %d", i+1), Category: 6, Set: i%2 == 0, Time: at, Active: i % 2}
			if err := n.Deliver(t.Context(), one(a)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range alarms {
			m := h.expect(t, ddata)
			checkSent(t, m, uint8(i+2))
			checkValue(t, m, "Alarm/ALID", payload.UInt32(uint32(i+1)))
			checkValue(t, m, "Alarm/Text", payload.String(fmt.Sprintf("alarm %d", i+1)))
			checkValue(t, m, "Alarm/Category", payload.UInt8(6))
			checkValue(t, m, "Alarm/Set", payload.Boolean(i%2 == 0))
			checkValue(t, m, "Alarm/Time", payload.DateTime(at))
			checkValue(t, m, "Alarm/Active", payload.UInt32(uint32(i%2)))
		}
	})
}

func TestImpossibleAlarmsAndWafersAreRefused(t *testing.T) {
	n := newNode(t, brokenWire(t), &memory{})
	now := time.Now()
	for _, a := range []sparkplug.Alarm{
		{ID: -1, Category: 1, Time: now}, {ID: 1, Time: now}, {ID: 1, Category: 9, Time: now},
		{ID: 1, Category: 1, Active: -1, Time: now}, {ID: 1, Category: 1},
	} {
		if err := n.Deliver(t.Context(), one(a)); err == nil || errors.Is(err, sparkplug.ErrOffline) {
			t.Errorf("alarm %+v was taken", a)
		}
	}
	wafers := []sparkplug.Wafer{{Finished: now, Slot: -1}, {Finished: now, Map: []sparkplug.Die{{Bin: 256}}}, {}}
	if tooMany := int64(1) << 32; strconv.IntSize > 32 {
		wafers = append(wafers, sparkplug.Wafer{Finished: now, Good: int(tooMany)})
	}
	for _, w := range wafers {
		if err := n.Deliver(t.Context(), one(w)); err == nil || errors.Is(err, sparkplug.ErrOffline) {
			t.Errorf("wafer %+v: %v", w, err)
		}
	}
}

// The largest map must pass the session's and the brokers' limits; a larger one
// must not keep the rest of the result from the host.
func TestLargeDieMaps(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h := newHost(t, to)
		n := newNode(t, newWire(t, to), &memory{})
		h.births(t, 0)
		for _, dies := range []int{sparkplug.MaxMapDies, sparkplug.MaxMapDies + 1} {
			w := wafer("W")
			w.Map = make([]sparkplug.Die, dies)
			for i := range w.Map {
				w.Map[i] = sparkplug.Die{Column: -1 - i, Row: -1 - i, Bin: 255} // negative numbers are the longest
			}
			publish(t, n, w)
			if dies > sparkplug.MaxMapDies {
				w.Map = nil
			}
			checkWafer(t, h.expect(t, ddata), w)
		}
	})
}

func TestRebirthsAreAskedForInSeveralWays(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h := newHost(t, to)
		n := newNode(t, newWire(t, to), &memory{})
		h.births(t, 0)
		must(t, h.client.Publish(ncmd, 1, false, untypedTrue))
		h.births(t, 0)

		// None of these is a request.
		h.order(t, payload.Metric{Name: rebirth, Value: payload.Boolean(false)})
		h.order(t, payload.Metric{Name: rebirth, Value: payload.Int32(1)})
		h.order(t, payload.Metric{Name: rebirth, Value: payload.Null(payload.TypeBoolean)})
		h.order(t, payload.Metric{Name: "Node Control/Reboot", Value: payload.Boolean(true)})
		update(t, n, sparkplug.HealthFrames, payload.UInt64(1))
		checkSent(t, h.expect(t, ndata), 2)
		if s := n.State(); s.Rebirths != 1 || s.Births != 2 || !s.Live || s.Messages < 4 {
			t.Errorf("state %+v, want 1 rebirth, 2 births, live, 4 messages or more", s)
		}
	})
}

// Not on the embedded broker: mochi, when a client comes back within microseconds
// of its loss, may take the new connection's subscriptions for the old one's.
func TestRebirthIsGrantedAfterAReconnect(t *testing.T) {
	to := startMosquitto(t)
	h, w := newHost(t, to), newWire(t, to)
	newNode(t, w, &memory{})
	h.births(t, 0)
	for bdSeq := range int64(5) {
		w.kill(t, h)
		h.births(t, bdSeq+1)
		h.order(t, payload.Metric{Name: rebirth, Value: payload.Boolean(true)})
		h.births(t, bdSeq+1)
	}
}

// untypedTrue is Node Control/Rebirth = true without datatype, as the
// specification prefers in commands.
var untypedTrue = []byte("\x12\x18\x0a\x14Node Control/Rebirth\x70\x01")

func TestRefusedCommandsAreCounted(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h := newHost(t, to)
		n := newNode(t, newWire(t, to), &memory{})
		h.births(t, 0)
		for _, b := range [][]byte{{0xff}, make([]byte, 65<<10), payload.Payload{Metrics: []payload.Metric{{Name: "x", Value: payload.Int8(1)}}}.Encode()} {
			must(t, h.client.Publish(ncmd, 0, false, b))
		}
		must(t, h.client.Publish(ncmd, 0, false, untypedTrue))
		for m := range h.messages { // the births that were asked for last
			if m.Topic() == dbirth {
				break
			}
		}
		if s := n.State(); s.Refused != 3 {
			t.Errorf("%d commands refused, want 3", s.Refused)
		}
	})
}

func TestNoConnectionWithoutADurableNumber(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, w := newHost(t, to), newWire(t, to)
		store := &memory{err: errors.New("disk full")}
		n := newNode(t, w, store)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := n.Await(ctx); !errors.Is(err, sparkplug.ErrOffline) {
			t.Errorf("await: %v, want ErrOffline", err)
		}
		if len(w.connects) != 0 {
			t.Error("the node connected with a number that was not saved")
		}
		store.mu.Lock()
		store.err = nil
		store.mu.Unlock()
		h.births(t, 0)
	})
}

func TestAClosedNodeRefusesAtOnce(t *testing.T) {
	n := newNode(t, brokenWire(t), &memory{})
	n.Close()
	n.Close()
	if err := n.Deliver(t.Context(), one(wafer("W1"))); !errors.Is(err, sparkplug.ErrOffline) {
		t.Errorf("publish: %v, want ErrOffline", err)
	}
	if err := n.Await(t.Context()); err == nil {
		t.Error("await: nil, want an error")
	}
	update(t, n, sparkplug.JobLot, payload.String("L1"))
}
