package ledger_test

import (
	"bytes"
	"context"
	"runtime"
	"sync/atomic"
	"testing"

	"kensa/bus/ledger"
	"kensa/bus/session/sessiontest"
)

// queue is an outbox with so many rows on its disk, of which it counts the
// readings.
type queue struct {
	ledger.Outbox
	last       uint64
	asked      atomic.Int64
	mostAtOnce atomic.Int64
}

func (q *queue) Bounds(context.Context) (acknowledged, last uint64, err error) { return 0, q.last, nil }

func (q *queue) Pending(_ context.Context, after uint64, limit int) ([]ledger.Entry, error) {
	q.asked.Add(1)
	q.mostAtOnce.Store(max(q.mostAtOnce.Load(), int64(limit)))
	rows := make([]ledger.Entry, 0, limit)
	for seq := after + 1; seq <= q.last && len(rows) < limit; seq++ {
		rows = append(rows, ledger.Entry{Seq: seq, Envelope: bytes.Repeat([]byte("1"), 600)})
	}
	return rows, nil
}

// However many records wait on the disk while there is no broker, the sender
// keeps none of them in memory.
func TestMemoryIsFlatWhileOffline(t *testing.T) {
	i, q := identity(t, "node-1"), &queue{last: 100_000}
	sender, err := ledger.NewSender(connect(t, sessiontest.FreeAddress(t), "node-1", faults{}), q, i, trusting(t),
		"000102030405060708090a0b0c0d0e0f", ledger.SenderConfig{}, silent)
	if err != nil {
		t.Fatal(err)
	}
	sender.Start(t.Context())
	defer sender.Close()
	turns := func(n int64) {
		for before := q.asked.Load(); q.asked.Load() < before+n; runtime.Gosched() {
			sender.Notify()
		}
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	turns(10)
	before := heap()
	turns(1000)
	const records, least = 100_000, 600 // bytes each, had they been kept
	if grown := heap() - before; grown > records*least/20 {
		t.Errorf("the heap grew by %d bytes while %d records waited", grown, records)
	}
	if st := sender.Stats(); st.Pending() != records || q.mostAtOnce.Load() > 100 {
		t.Errorf("%d wait, of which up to %d were read at once; want %d and at most a window", st.Pending(), q.mostAtOnce.Load(), records)
	}
}
