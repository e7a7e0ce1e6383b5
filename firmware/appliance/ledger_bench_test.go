package appliance

import (
	"log/slog"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
	"kensa/bus/session"
	"kensa/bus/session/sessiontest"
	"kensa/firmware/record"
)

// BenchmarkLedger is the way of a backlog: from the appliance's database over
// mosquitto into that of kensa-warning, a process of its own, each record's
// signature checked, committed and acknowledged, until the last has left the
// outbox. Beside it, in the same run: bare paho publishing as many messages of
// that size with QoS 1, a window of 100, and nobody listening (x-paho is how often
// faster the ledger is).
func BenchmarkLedger(b *testing.B) {
	folder, address := b.TempDir(), sessiontest.FreeAddress(b)
	start(b, brokerCommand(b, folder, address)())
	start(b, serviceCommand(b, folder, address)())
	store, err := record.Open(b.Context(), filepath.Join(folder, DatabaseName))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	identity, err := ledger.OpenIdentity(filepath.Join(folder, KeysFolder), childNode)
	if err != nil {
		b.Fatal(err)
	}
	// One record shows that the service is there, so that none of the others has to
	// be sent twice.
	backlog(b, store, identity, 1)
	empty(b, store, identity, folder, address, ledger.SenderConfig{Patience: 100 * time.Millisecond})
	sample := backlog(b, store, identity, b.N)
	before := processorTime(b)
	b.ResetTimer()
	empty(b, store, identity, folder, address, ledger.SenderConfig{})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(processorTime(b)-before)/float64(time.Microsecond)/float64(b.N), "appliance-cpu-us/record")
	b.ReportMetric(float64(sessiontest.Plain(b, address, sample))/float64(b.Elapsed()), "x-paho")
}

// backlog puts n records into the outbox, and returns one.
func backlog(b testing.TB, store *record.Store, identity *ledger.Identity, n int) (sample []byte) {
	b.Helper()
	const each = 500 // in a transaction
	add := func(tx *record.Tx) error {
		_, err := tx.Publish(record.Ledger, func(seq uint64) (_ []byte, err error) {
			sample, err = identity.Seal(ledgertest.Record(), tx.Epoch(), seq)
			return sample, err
		})
		return err
	}
	for ; n > 0; n -= each {
		if err := store.Update(b.Context(), func(tx *record.Tx) error {
			for range min(each, n) {
				if err := add(tx); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	return sample
}

// empty sends until nothing waits.
func empty(b *testing.B, store *record.Store, identity *ledger.Identity, folder, address string, config ledger.SenderConfig) {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	pin, err := ledger.OpenPin(filepath.Join(folder, ReceiverKey), false)
	if err != nil {
		b.Fatal(err)
	}
	settings := session.Default()
	settings.Brokers, settings.ClientID = []string{"tcp://" + address}, childNode
	line, err := session.New(settings, log)
	if err != nil {
		b.Fatal(err)
	}
	sender, err := ledger.NewSender(line, outbox{store.Outbox(record.Ledger)}, identity, pin, store.Epoch(), config, log)
	if err != nil {
		b.Fatal(err)
	}
	sender.Start(b.Context())
	line.Start(b.Context())
	if err := sender.Drain(b.Context()); err != nil {
		b.Fatal(err)
	}
	sender.Close()
	line.Close()
}

// start runs a program until the test ends.
func start(t testing.TB, c *exec.Cmd) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Process.Kill(); err != nil {
			t.Error(err)
		}
		c.Wait() // killed, so it has an error to tell
	})
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
