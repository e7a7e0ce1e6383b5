package appliance

import (
	"path/filepath"
	"runtime"
	"testing"

	"kensa/bus/ledger"
	"kensa/firmware/record"
)

// With 100,000 records in its database and no broker, the appliance's heap stays what
// it is without any, however often it looks after them.
func TestMemoryIsFlatWithABacklog(t *testing.T) {
	long(t)
	const records = 100_000
	c := testConfig(t)
	c.MQTT.Brokers = []string{"tcp://127.0.0.1:1"}
	commitWafers(t, c, 1, 1)
	fill(t, c.Storage.State, records)
	w := watch(t, c)
	heap := func(turns int) int64 {
		for range turns {
			w.notify()
			w.watchLinks()
			w.watchBacklog(t.Context())
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap(10)
	after := heap(300)
	if n := waiting(t, w.Appliance); n != records+1 {
		t.Fatalf("%d records wait; want %d", n, records+1)
	}
	const least = 300 // bytes of a record, had it been kept
	if grown := after - before; grown > records*least/20 {
		t.Errorf("the heap grew by %d bytes while %d records waited", grown, records)
	}
	t.Logf("heap %d kB, then %d kB", before>>10, after>>10)
}

func fill(t *testing.T, state string, n int) {
	t.Helper()
	store, err := record.Open(t.Context(), filepath.Join(state, DatabaseName))
	if err != nil {
		t.Fatal(err)
	}
	identity, err := ledger.OpenIdentity(filepath.Join(state, KeysFolder), childNode)
	if err != nil {
		t.Fatal(err)
	}
	backlog(t, store, identity, n)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}
