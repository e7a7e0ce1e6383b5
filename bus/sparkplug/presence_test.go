package sparkplug_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"kensa/bus/sparkplug"
	"kensa/bus/sparkplug/payload"
)

const (
	hostTopic   = "spBv1.0/STATE/mes 1"
	legacyTopic = "STATE/mes 1"
)

// hosted is a node that waits for the host "mes 1".
func hosted() sparkplug.Config {
	c := names
	c.PrimaryHost = "mes 1"
	return c
}

// says has the host tell its state, retained, as hosts do.
func (h *host) says(t *testing.T, online bool, stamp int64) {
	t.Helper()
	must(t, h.client.Publish(hostTopic, 1, true, fmt.Sprintf(`{"online":%v,"timestamp":%d}`, online, stamp)))
}

// until waits for a condition that the node reaches by itself.
func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if reached() {
			return
		}
	}
	t.Fatalf("%s did not happen", what)
}

func TestBirthsWaitForThePrimaryHost(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, w := newHost(t, to), newWire(t, to)
		n := makeNode(t, hosted(), &memory{}, w)
		n.Start(t.Context())
		until(t, "waiting for the host", func() bool { return n.State().WaitsForHost })
		// Another host's word, and none of this one's that says online, are no births.
		must(t, h.client.Publish("spBv1.0/STATE/other", 1, false, `{"online":true,"timestamp":9}`))
		for _, text := range []string{``, `true`, `{"online":true}`, `{"timestamp":5}`, `{"online":1,"timestamp":5}`,
			`{"online":true,"timestamp":-1}`, `{"online":true,"timestamp":5} {}`, `{"online":false,"timestamp":5}`, `ONLINE`} {
			must(t, h.client.Publish(hostTopic, 1, false, text))
		}
		must(t, h.client.Publish(legacyTopic, 1, false, "online"))
		until(t, "refusal", func() bool { return n.State().Refused == 9 })
		if err := n.Deliver(t.Context(), one(wafer("W1"))); !errors.Is(err, sparkplug.ErrOffline) {
			t.Errorf("a wafer without host: %v, want ErrOffline", err)
		}
		h.silence(t)
		h.says(t, true, 4) // older than the word before
		h.silence(t)
		h.says(t, true, 5)
		h.births(t, 0)
		update(t, n, sparkplug.MaterialSlot, payload.UInt32(3))
		checkSent(t, h.expect(t, ddata), 2)
	})
}

// A node whose host goes offline takes leave and comes back to wait; what was
// reported meanwhile comes after the births, as history, in order.
func TestReportsWaitForThePrimaryHost(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, w := newHost(t, to), newWire(t, to)
		n := makeNode(t, hosted(), &memory{}, w)
		n.Start(t.Context())
		h.says(t, true, 10)
		h.births(t, 0)
		h.says(t, false, 9) // the late will of an earlier connection
		update(t, n, sparkplug.MaterialSlot, payload.UInt32(1))
		checkSent(t, h.expect(t, ddata), 2)

		h.says(t, false, 11)
		checkDeath(t, h.expect(t, ndeath), 0)
		var waiting []sparkplug.Numbered
		for number := range uint64(3) {
			r := wafer(fmt.Sprint("W", number+1))
			r.Number = int64(number + 1)
			waiting = append(waiting, sparkplug.Numbered{Number: number + 1, Report: r})
			if err := n.Current(waiting[number]); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "coming back", func() bool { return n.State().WaitsForHost })
		if err := n.Deliver(t.Context(), waiting...); !errors.Is(err, sparkplug.ErrOffline) {
			t.Fatalf("without host: %v, want ErrOffline", err)
		}
		h.silence(t)

		h.says(t, true, 12)
		_, device := h.births(t, 1)
		checkValue(t, device, "Wafer/Number", payload.Int64(3)) // the present value
		if err := n.Await(t.Context()); err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, sparkplug.Numbered{Number: 4, Report: wafer("W4")})
		if err := n.Deliver(t.Context(), waiting...); err != nil {
			t.Fatal(err)
		}
		for i := range waiting {
			m := h.expect(t, ddata)
			checkSent(t, m, uint8(i+2))
			for _, metric := range m.Metrics {
				if metric.Historical != (i < 3) {
					t.Errorf("report %d: %s historical %v", i+1, metric.Name, metric.Historical)
				}
			}
		}
	})
}

func TestHostsBeforeVersion3AreFollowed(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, w := newHost(t, to), newWire(t, to)
		n := makeNode(t, hosted(), &memory{}, w)
		n.Start(t.Context())
		until(t, "waiting for the host", func() bool { return n.State().WaitsForHost })
		must(t, h.client.Publish(legacyTopic, 1, true, "ONLINE"))
		h.births(t, 0)
		must(t, h.client.Publish(legacyTopic, 1, true, "OFFLINE"))
		checkDeath(t, h.expect(t, ndeath), 0)
	})
}

// With several brokers the node goes on to the next where the host is offline,
// and is never connected to two.
func TestTheNodeLooksForItsHostOnTheNextBroker(t *testing.T) {
	onEachBroker(t, func(t *testing.T, first dialer) {
		second := startEmbedded(t)
		h1, h2, w1, w2 := newHost(t, first), newHost(t, second), newWire(t, first), newWire(t, second)
		h1.says(t, false, 100)
		h2.says(t, true, 5) // each broker has its own time
		n := makeNode(t, hosted(), &memory{}, w1, w2)
		n.Start(t.Context())
		h2.births(t, 1)
		h1.silence(t)

		h1.says(t, true, 101)
		h2.says(t, false, 6)
		checkDeath(t, h2.expect(t, ndeath), 1)
		h1.births(t, 2)
		until(t, "one connection only", func() bool { return w1.open() == 1 && w2.open() == 0 })
	})
}

// A host that goes offline while the broker is asked has not got the report.
func TestAReportIsDeliveredOnlyWhenTheBrokerHasReadIt(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, w := newHost(t, to), newWire(t, to)
		n := newNode(t, w, &memory{})
		h.births(t, 0)
		if err := n.Await(t.Context()); err != nil {
			t.Fatal(err)
		}
		result := wafer("W1")
		w.hold()
		ended := make(chan error, 1)
		go func() { ended <- n.Deliver(t.Context(), sparkplug.Numbered{Number: 1, Report: result}) }()
		until(t, "handing over", func() bool { return n.State().Messages == 3 })
		select {
		case err := <-ended:
			t.Fatalf("delivered while the broker had read nothing: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		w.cut() // the report is lost with the connection
		if err := <-ended; !errors.Is(err, sparkplug.ErrOffline) {
			t.Fatalf("lost with the connection: %v; want ErrOffline", err)
		}
		w.release()
		checkDeath(t, h.expect(t, ndeath), 0)
		h.births(t, 1)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := n.Await(ctx); err != nil {
			t.Fatal(err)
		}
		if err := n.Deliver(ctx, sparkplug.Numbered{Number: 1, Report: result}); err != nil {
			t.Fatal(err)
		}
		m := h.expect(t, ddata)
		checkWafer(t, m, result)
	})
}

func TestReportsOfAnEarlierRunAreHistory(t *testing.T) {
	onEachBroker(t, func(t *testing.T, to dialer) {
		h, w := newHost(t, to), newWire(t, to)
		n := makeNode(t, names, &memory{}, w)
		n.Reached(7)
		n.Start(t.Context())
		h.births(t, 0)
		if err := n.Await(t.Context()); err != nil {
			t.Fatal(err)
		}
		for number := range uint64(2) {
			if err := n.Deliver(t.Context(), sparkplug.Numbered{Number: 7 + number, Report: wafer("W")}); err != nil {
				t.Fatal(err)
			}
			if m := h.expect(t, ddata); m.Metrics[0].Historical != (number == 0) {
				t.Errorf("report %d: historical %v", 7+number, m.Metrics[0].Historical)
			}
		}
	})
}
