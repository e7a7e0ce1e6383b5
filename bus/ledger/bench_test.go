package ledger_test

import (
	"syscall"
	"testing"
	"time"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
	"kensa/bus/session/sessiontest"
)

// From the outbox to the receiver's memory and back as acknowledgement: signed
// once beforehand, verified and deduplicated, over a real broker.
func benchmarkRecords(b *testing.B, s server, address string) {
	s.start(b)
	defer s.kill(b)
	i, o, store := identity(b, "node-1"), ledgertest.NewOutbox(), ledgertest.NewStore()
	produce(b, o, i, b.N)
	receiver := startReceiver(b, address, store, keys{"node-1": i.Public()}, newSeen(), faults{})
	defer receiver.close()
	if _, err := receiver.session.Await(b.Context()); err != nil {
		b.Fatal(err)
	}
	before := used(b)
	b.ResetTimer()
	sender, p := startTuned(b, address, o, i, faults{}, ledger.SenderConfig{})
	defer p.close()
	drain(b, sender)
	b.StopTimer()
	// x-paho is how often faster than a plain publisher, who waits for PUBACKs only.
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(used(b)-before)/float64(time.Microsecond)/float64(b.N), "cpu-us/record")
	b.ReportMetric(float64(sender.Stats().Sent)/float64(b.N), "sent/record")
	records := b.Elapsed()
	b.ReportMetric(float64(sessiontest.Plain(b, address, seal(b, i, ledgertest.Record(), 1)))/float64(records), "x-paho")
}

// used is the CPU time of this process, which has both ends, and not of a broker
// of its own. It says more than the clock on a machine that has other work.
func used(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkRecordsMosquitto(b *testing.B) {
	address := sessiontest.FreeAddress(b)
	benchmarkRecords(b, &mosquitto{address: address}, address)
}

func BenchmarkRecordsEmbedded(b *testing.B) {
	address := sessiontest.FreeAddress(b)
	benchmarkRecords(b, &embedded{address: address}, address)
}

func BenchmarkSeal(b *testing.B) {
	i, r := identity(b, "node-1"), ledgertest.Record()
	for b.Loop() {
		if _, err := i.Seal(r, ledgertest.EpochA, 1); err != nil {
			b.Fatal(err)
		}
	}
}
