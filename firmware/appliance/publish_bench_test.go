package appliance

import (
	"runtime"
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
// answers of mosquitto and kensa-warning, the rows' leaving, and the collection of what
// all this allocates. Left out is what storing the wafer costs without it, and what a
// process costs that only waits as long (waiting-us). The aim is 2 ms.
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
	var spent, waited meter
	const pause = 40 * time.Millisecond
	publish := func(number uint64) {
		result, seq := largeWafer(number), uint64(0)
		if err := w.store.Commit(b.Context(), result, func(tx *record.Tx) (err error) {
			spent.on(b)
			seq, err = k.publish(tx)
			spent.off(b)
			return err
		}); err != nil {
			b.Fatal(err)
		}
		waited.on(b)
		time.Sleep(pause)
		waited.off(b)
		spent.on(b)
		k.tell(seq, result)
		for {
			time.Sleep(pause)
			spent.off(b)
			if nothingWaits(b, w) { // to ask is no part of it
				break
			}
			spent.on(b)
		}
	}
	publish(1) // all are connected after it
	spent, waited = meter{}, meter{}
	for n := range b.N {
		publish(uint64(n + 2))
	}
	each := float64(b.N)
	b.ReportMetric(float64(spent.time-waited.time)/float64(time.Microsecond)/each, "cpu-us/wafer")
	b.ReportMetric(float64(waited.time)/float64(time.Microsecond)/each, "waiting-us/wafer")
	b.ReportMetric(float64(spent.bytes)/1000/each, "kB/wafer")
	b.ReportMetric(float64(spent.objects)/each, "allocs/wafer")
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

// meter adds up what the process spends between on and off.
type meter struct {
	time           time.Duration // of processors
	bytes, objects uint64        // allocated
}

func (m *meter) on(b *testing.B) {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	m.bytes, m.objects = m.bytes-s.TotalAlloc, m.objects-s.Mallocs
	// The runtime may go on with what was before: it collects what storing left behind,
	// and ReadMemStats has woken all threads.
	const settling = 10 * time.Millisecond
	time.Sleep(settling)
	m.time -= processorTime(b)
}

func (m *meter) off(b *testing.B) {
	m.time += processorTime(b)
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	m.bytes, m.objects = m.bytes+s.TotalAlloc, m.objects+s.Mallocs
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
