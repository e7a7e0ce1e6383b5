package ledger_test

import (
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
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
	b.ReportMetric(float64(plain(b, address, i))/float64(records), "x-paho")
}

// plain is how long bare paho takes to have as many messages of a record's size
// acknowledged by the same broker, 100 under way at a time, and nobody listening:
// what "as fast as MQTT" would be with a message for each record.
func plain(b *testing.B, address string, i *ledger.Identity) time.Duration {
	b.Helper()
	const window = 100
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + address).SetClientID("plain").SetAutoReconnect(false))
	wait := func(t mqtt.Token) {
		if t.Wait() && t.Error() != nil {
			b.Fatal(t.Error())
		}
	}
	wait(c.Connect())
	defer c.Disconnect(0)
	payload, started, underWay := seal(b, i, ledgertest.Record(), 1), time.Now(), make([]mqtt.Token, 0, b.N)
	for n := range b.N {
		if n >= window {
			wait(underWay[n-window])
		}
		underWay = append(underWay, c.Publish("plain", 1, false, payload))
	}
	for _, t := range underWay[max(0, b.N-window):] {
		wait(t)
	}
	return time.Since(started)
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
	address := freeAddress(b)
	benchmarkRecords(b, &mosquitto{address: address, program: findMosquitto(b)}, address)
}

func BenchmarkRecordsEmbedded(b *testing.B) {
	address := freeAddress(b)
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
