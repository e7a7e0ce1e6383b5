package appliance

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/vision/wafer"
)

// BenchmarkPublishWafer is what it costs the appliance's processors, all threads of the
// process, to tell a wafer of 1,000 dies on both planes: its rows in the outboxes with
// the ledger's signature, its values, Sparkplug with the die map, the ledger, the
// answers of mosquitto and kensa-warning, and the rows' leaving. Left out is what storing
// the wafer costs without it, the collection of garbage, most of which is of that, and
// what a process costs that only waits as long (waiting-us). The aim is 2 ms.
func BenchmarkPublishWafer(b *testing.B) {
	b.Run("both planes", func(b *testing.B) { publishWafers(b, testConfig(b)) })
	b.Run("and the namespace", func(b *testing.B) {
		c := testConfig(b)
		c.UNS.Enabled = true
		publishWafers(b, c)
	})
}

func publishWafers(b *testing.B, c config.Config) {
	c.MQTT.Brokers = []string{mosquittoBroker(b)}
	start(b, serviceCommand(b, c.Storage.State, strings.TrimPrefix(c.MQTT.Brokers[0], "tcp://"))())
	w := watch(b, c)
	k := &keeper{w.store, w.identity, c, w.notify, w.committed}
	const pause = 40 * time.Millisecond
	var spent, waited time.Duration
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	publish := func(number uint64) {
		runtime.GC()
		time.Sleep(pause) // it gives memory back for a while
		waited -= processorTime(b)
		time.Sleep(pause)
		waited += processorTime(b)
		result, seq := largeWafer(number), uint64(0)
		if err := w.store.Commit(b.Context(), result, func(tx *record.Tx) (err error) {
			spent -= processorTime(b)
			seq, err = k.publish(tx)
			spent += processorTime(b)
			return err
		}); err != nil {
			b.Fatal(err)
		}
		spent -= processorTime(b)
		k.tell(seq, result)
		for {
			time.Sleep(pause)
			spent += processorTime(b)
			if nothingWaits(b, w) { // to ask is no part of it
				break
			}
			spent -= processorTime(b)
		}
	}
	publish(1) // all are connected after it
	spent, waited = 0, 0
	const round = 100 // wafers; a few say little
	for n := range b.N * round {
		publish(uint64(n + 2))
	}
	wafers := float64(b.N * round)
	b.ReportMetric((spent-waited).Seconds()*1e6/wafers, "cpu-us/wafer")
	b.ReportMetric(waited.Seconds()*1e6/wafers, "waiting-us/wafer")
	b.ReportMetric(0, "ns/op") // most of it was waited
}

func nothingWaits(b *testing.B, w watched) bool {
	b.Helper()
	for _, plane := range []record.Plane{record.MES, record.Ledger} {
		n, err := w.store.Numbering(b.Context(), plane)
		if err != nil {
			b.Fatal(err)
		}
		if n.Waiting() > 0 {
			return false
		}
	}
	return true
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
