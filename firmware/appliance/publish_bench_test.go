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

// BenchmarkPublishWafer is what it costs the appliance's processors to tell a wafer
// of 1,000 dies on both planes: its rows in the outboxes with the ledger's signature,
// its values, Sparkplug with the die map, the ledger, the answers of mosquitto and
// kensa-warning, the rows' leaving. What storing the wafer costs without all that is
// left out, and so is the collection of garbage, but not how much there is of it. The
// aim is 2 ms.
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
	m := newMeter(b)
	publish := func(number uint64) {
		result, seq := largeWafer(number), uint64(0)
		if err := w.store.Commit(b.Context(), result, func(tx *record.Tx) (err error) {
			m.on()
			seq, err = k.publish(tx)
			m.off()
			return err
		}); err != nil {
			b.Fatal(err)
		}
		runtime.GC() // of what storing left behind
		m.on()
		k.tell(seq, result)
		for {
			const pause = 5 * time.Millisecond
			time.Sleep(pause)
			m.off()
			if nothingWaits(b, w) { // to ask is no part of it
				break
			}
			m.on()
		}
	}
	publish(1) // all are connected after it
	*m = *newMeter(b)
	for n := range b.N {
		publish(uint64(n + 2))
	}
	b.ReportMetric(float64(m.time)/float64(time.Microsecond)/float64(b.N), "cpu-us/wafer")
	b.ReportMetric(float64(m.bytes)/1000/float64(b.N), "kB/wafer")
	b.ReportMetric(float64(m.objects)/float64(b.N), "allocs/wafer")
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
	b              *testing.B
	time           time.Duration // of processors
	bytes, objects uint64        // allocated
}

func newMeter(b *testing.B) *meter { return &meter{b: b} }

func (m *meter) on() {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	m.bytes, m.objects = m.bytes-s.TotalAlloc, m.objects-s.Mallocs
	m.time -= processorTime(m.b)
}

func (m *meter) off() {
	m.time += processorTime(m.b)
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
