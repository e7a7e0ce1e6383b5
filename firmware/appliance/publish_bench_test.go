package appliance

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"kensa/firmware/record"
	"kensa/vision/wafer"
)

// BenchmarkPublishWafer is what it costs the appliance's processors to tell a wafer
// of 1,000 dies on both planes, from the moment in which it is stored to that in which
// its rows have left the outboxes: Sparkplug with the die map, the ledger, the answers
// of mosquitto and kensa-warning. (What storing it has of this, the signature, is
// BenchmarkSeal of bus/ledger.) The aim is 2 ms.
func BenchmarkPublishWafer(b *testing.B) {
	c := testConfig(b)
	c.MQTT.Brokers = []string{mosquittoBroker(b)}
	start(b, serviceCommand(b, c.Storage.State, strings.TrimPrefix(c.MQTT.Brokers[0], "tcp://"))())
	w := watch(b, c)
	k := &keeper{w.store, w.identity, c, func() {}, w.committed}
	spent := time.Duration(0)
	publish := func(number uint64) {
		if err := k.Commit(b.Context(), largeWafer(number)); err != nil {
			b.Fatal(err)
		}
		runtime.GC() // of what storing left behind
		before := processorTime(b)
		w.notify()
		drainLedger(b, w)
		eventuallyTold(b, w)
		spent += processorTime(b) - before
	}
	publish(1) // all are connected after it
	spent = 0
	for n := range b.N {
		publish(uint64(n + 2))
	}
	b.ReportMetric(float64(spent)/float64(time.Microsecond)/float64(b.N), "cpu-us/wafer")
	b.ReportMetric(0, "ns/op") // most of it was waited
}

func largeWafer(number uint64) *record.Wafer {
	w := killedWafer(number)
	w.Dies = nil
	for n := range 1000 {
		w.Dies = append(w.Dies, record.Die{Index: wafer.DieIndex{Column: n%40 - 20, Row: n/40 - 12}, Bin: wafer.Good})
	}
	w.Summary = wafer.Summary{Dies: 1000, Inspected: 1000, Good: 1000, Area: 600, Verdict: wafer.Pass}
	return w
}
