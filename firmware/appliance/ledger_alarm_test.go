package appliance

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kensa/bus/ledger"
	"kensa/firmware/alarm"
	"kensa/firmware/config"
	"kensa/firmware/display"
	"kensa/firmware/record"
)

// watched is an appliance of which only database, bus and watch were made: a
// station takes long to make, and has no part in this.
type watched struct {
	*Appliance
	t    testing.TB
	stop func()
}

func watch(t testing.TB, c config.Config) watched {
	t.Helper()
	a := bare(Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	for _, build := range []func(context.Context) error{a.openStore, a.openControl, a.openBus} {
		if err := build(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	a.screen = &screen{board: display.NewBoard(display.State{}), log: a.log}
	a.mes.Start(t.Context())
	a.ledger.Start(t.Context())
	a.line.Start(t.Context())
	stop := sync.OnceFunc(func() {
		a.mes.Close()
		a.ledger.Close()
		a.line.Close()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return watched{a, t, stop}
}

// await watches until an alarm is set whose detail has a part, and returns it.
func (w watched) await(kind alarm.Kind, part string) alarm.Alarm {
	w.t.Helper()
	for end := time.Now().Add(hostPatience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		w.watchLinks()
		w.watchHealth(w.t.Context())
		for _, set := range w.alarms.Active() {
			if set.ID == kind.ID && strings.Contains(set.Detail, part) {
				return set
			}
		}
	}
	w.t.Fatalf("no alarm %d about %q; set are %v; the ledger: %+v", kind.ID, part, w.alarms.Active(), w.ledger.Stats())
	return alarm.Alarm{}
}

// eventually waits for something that must become true.
func (w watched) eventually(what string, is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(hostPatience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("no %s", what)
		}
	}
}

// commitWafers puts wafers into the outboxes as the station would, without one.
func commitWafers(t testing.TB, c config.Config, from, n int) {
	t.Helper()
	commitAll(t, c, from, n, killedWafer)
}

func commitAll(t testing.TB, c config.Config, from, n int, make func(number uint64) *record.Wafer) {
	t.Helper()
	if err := os.MkdirAll(c.Storage.State, 0o750); err != nil {
		t.Fatal(err)
	}
	store, err := record.Open(t.Context(), filepath.Join(c.Storage.State, DatabaseName))
	if err != nil {
		t.Fatal(err)
	}
	identity, err := ledger.OpenIdentity(filepath.Join(c.Storage.State, KeysFolder), c.Station.Name)
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{store: store, identity: identity, config: c, notify: func() {}, committed: func(uint64, *record.Wafer) {}}
	for number := range n {
		if err := k.Commit(t.Context(), make(uint64(from+number))); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// damage does to the closed database what a bad disk may.
func damage(t *testing.T, c config.Config, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(c.Storage.State, DatabaseName)+"?_pragma=busy_timeout(60000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// serviced is a configuration with a service behind it.
func serviced(t *testing.T) (config.Config, service) {
	t.Helper()
	c := testConfig(t)
	if _, err := ledger.OpenIdentity(filepath.Join(c.Storage.State, KeysFolder), c.Station.Name); err != nil {
		t.Fatal(err)
	}
	s := startService(t, c)
	c.MQTT.Brokers = []string{s.url}
	return c, s
}

func drainLedger(t testing.TB, w watched) {
	t.Helper()
	if err := w.ledger.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A service with another key than the pinned one empties nothing, and is told (407).
func TestUntrustedReceiverIsAlarmed(t *testing.T) {
	c, _ := serviced(t)
	other, err := ledger.OpenSigner(t.TempDir(), "other")
	if err != nil {
		t.Fatal(err)
	}
	pin, err := ledger.OpenPin(filepath.Join(c.Storage.State, ReceiverKey), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := pin.Admit(other.Public()); err != nil {
		t.Fatal(err)
	}
	commitWafers(t, c, 1, 3)
	w := watch(t, c)
	w.await(alarm.ReceiverUntrusted, ReceiverKey)
	if n := waiting(t, w.Appliance); n != 3 {
		t.Errorf("%d records wait; want all 3", n)
	}
}

// What is beyond the retention goes, by name, and the service knows it lost (408).
func TestDiscardedRecordsAreAlarmed(t *testing.T) {
	c, s := serviced(t)
	url := c.MQTT.Brokers
	c.MQTT.Brokers, c.Ledger.KeepRecords = []string{"tcp://127.0.0.1:1"}, 4
	commitWafers(t, c, 1, 10)
	w := watch(t, c)
	w.await(alarm.RecordsDiscarded, "records 1 to 6 of epoch "+w.store.Epoch())
	w.await(alarm.LedgerBacklog, "10 records wait")
	w.stop()
	c.MQTT.Brokers = url
	again := watch(t, c)
	drainLedger(t, again)
	if at, err := s.store.Position(t.Context(), ledger.Stream{Node: c.Station.Name, Epoch: again.store.Epoch()}); at != 10 || err != nil {
		t.Errorf("the service stands at %d, %v; want 10", at, err)
	}
}

// Records that are too old when the box is switched on are told before they go (402),
// in time to be sent.
func TestOldRecordsAreAlarmedBeforeTheyGo(t *testing.T) {
	c, s := serviced(t)
	url := c.MQTT.Brokers
	c.MQTT.Brokers = []string{"tcp://127.0.0.1:1"}
	commitWafers(t, c, 1, 3)
	damage(t, c, `UPDATE outbox SET committed = 0`) // 1970
	w := watch(t, c)
	w.await(alarm.LedgerBacklog, "3 records wait")
	w.watchHealth(t.Context())
	if n := waiting(t, w.Appliance); n != 3 {
		t.Errorf("%d records wait with the alarm just raised; want all 3", n)
	}
	w.stop()
	c.MQTT.Brokers = url
	again := watch(t, c)
	drainLedger(t, again)
	if at, err := s.store.Position(t.Context(), ledger.Stream{Node: c.Station.Name, Epoch: again.store.Epoch()}); at != 3 || err != nil {
		t.Errorf("the service stands at %d, %v; want 3", at, err)
	}
	again.stop()
	c.MQTT.Brokers = []string{"tcp://127.0.0.1:1"}
	commitWafers(t, c, 4, 2)
	damage(t, c, `UPDATE outbox SET committed = 0`)
	late := watch(t, c)
	late.nearSince = time.Now().Add(-agePatience)
	late.await(alarm.RecordsDiscarded, "records 4 to 5")
}

// A database that was put back begins a new epoch, and says so (409).
func TestRestoredDatabaseIsAlarmed(t *testing.T) {
	c, s := serviced(t)
	commitWafers(t, c, 1, 2)
	path := filepath.Join(c.Storage.State, DatabaseName)
	backup, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	commitWafers(t, c, 3, 3)
	w := watch(t, c)
	drainLedger(t, w)
	before := w.store.Epoch()
	w.stop()
	for _, gone := range []string{path + "-wal", path + "-shm"} {
		if err := os.Remove(gone); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	commitWafers(t, c, 100, 4)
	again := watch(t, c)
	drainLedger(t, again)
	epoch := again.ledger.Epoch()
	again.await(alarm.LedgerRenewed, epoch)
	at, err := s.store.Position(t.Context(), ledger.Stream{Node: c.Station.Name, Epoch: epoch})
	if epoch == before || at != 4 || err != nil {
		t.Errorf("%d records in epoch %s (%v); want the 4 new ones in another than %s", at, epoch, err, before)
	}
}

// Rows that a disk damaged, of either plane, are set aside by name (410), and what
// is behind them flows.
func TestUnreadableRowsAreAlarmed(t *testing.T) {
	c, s := serviced(t)
	commitWafers(t, c, 1, 6)
	damage(t, c, `UPDATE outbox SET payload = x'00ff00' WHERE plane = 'ledger' AND seq = 2`)
	damage(t, c, `UPDATE outbox SET payload = CAST(replace(CAST(payload AS TEXT), 'true', 'null') AS BLOB) WHERE plane = 'ledger' AND seq = 4`)
	damage(t, c, `UPDATE outbox SET payload = x'7b' WHERE plane = 'ledger' AND seq = 6`)
	damage(t, c, `UPDATE outbox SET payload = x'00ff00' WHERE plane = 'mes' AND seq = 3`)
	damage(t, c, `UPDATE outbox SET payload = CAST('{"alarm":{"ID":1,"Category":99}}' AS BLOB) WHERE plane = 'mes' AND seq = 5`)
	w := watch(t, c)
	drainLedger(t, w)
	for _, lost := range []uint64{2, 4, 6} {
		if _, held, err := s.store.Digest(t.Context(), ledger.Stream{Node: c.Station.Name, Epoch: w.store.Epoch()}, lost); held || err != nil {
			t.Errorf("record %d is held: %v, %v", lost, held, err)
		}
	}
	if at, err := s.store.Position(t.Context(), ledger.Stream{Node: c.Station.Name, Epoch: w.store.Epoch()}); at != 6 || err != nil {
		t.Errorf("the service stands at %d, %v; want 6", at, err)
	}
	for name, want := range map[string]string{"aside/ledger/2": "\x00\xff\x00", "aside/ledger/6": "{", "aside/mes/3": "\x00\xff\x00",
		"aside/mes/5": `{"alarm":{"ID":1,"Category":99}}`} {
		w.eventually(name, func() bool {
			kept, err := w.store.Value(t.Context(), name)
			return err == nil && string(kept) == want
		})
	}
	if set := w.await(alarm.RowUnreadable, ""); set.Count != 5 {
		t.Errorf("told %d times; want once for each of 5 rows: %s", set.Count, set.Detail)
	}
}

// An outbox that fails for long needs a person (411).
func TestFailingOutboxIsAlarmed(t *testing.T) {
	c := testConfig(t)
	c.MQTT.Brokers = []string{"tcp://127.0.0.1:1"} // so that the record waits
	commitWafers(t, c, 1, 1)
	w := watch(t, c)
	damage(t, c, `ALTER TABLE outbox RENAME TO lost`)
	w.ledger.Notify()
	w.await(alarm.OutboxFailed, "outbox")
}
