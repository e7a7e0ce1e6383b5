package ledger_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
	"kensa/bus/session/sessiontest"
)

// made commits records that differ from each other, so that the receiver can be
// asked for each by its time.
func made(t *testing.T, o *ledgertest.Outbox, i *ledger.Identity, from, n int) {
	t.Helper()
	for k := from; k < from+n; k++ {
		r := ledgertest.Record()
		r.Time = time.Unix(1_900_000_000+int64(k), 0).UTC()
		if err := o.Add(func(epoch string, seq uint64) ([]byte, error) { return i.Seal(r, epoch, seq) }); err != nil {
			t.Fatal(err)
		}
	}
}

// collected notes each record's time as it is committed.
type collected struct {
	ledger.Store
	got chan int64
}

func (c collected) Commit(ctx context.Context, records []ledger.Received) error {
	err := c.Store.Commit(ctx, records)
	if err == nil {
		for _, r := range records {
			c.got <- r.Record.Time.Unix() - 1_900_000_000
		}
	}
	return err
}

// A database that is put back to an older state uses numbers twice. Whatever
// was made before and after, and however much of it waited, the receiver gets
// every record, and each once.
func TestRestoredDatabase(t *testing.T) {
	address := sessiontest.FreeAddress(t)
	b := &embedded{address: address}
	b.start(t)
	defer b.kill(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	restores := 12
	if testing.Short() {
		restores = 4
	}
	for round := range restores {
		restore(t, dice, address, fmt.Sprintf("node-%d", round))
	}
}

func restore(t *testing.T, dice *rand.Rand, address, node string) {
	i, o := identity(t, node), ledgertest.NewOutbox()
	store := collected{ledgertest.NewStore(), make(chan int64, 1000)}
	receiver := startReceiver(t, address, store, keys{node: i.Public()}, newSeen(), faults{})
	kept, lost, after := dice.IntN(30), dice.IntN(30), dice.IntN(60)
	made(t, o, i, 0, kept)
	if dice.IntN(2) == 0 { // the backup was made with all acknowledged
		sender, p := startSender(t, address, o, i, faults{})
		drain(t, sender)
		p.close()
	}
	backup := o.Copy()
	made(t, o, i, kept, lost)
	sender, p := startSender(t, address, o, i, faults{})
	drain(t, sender)
	p.close()
	made(t, backup, i, 1000, after) // before the receiver is heard
	f := faults{lose: .01, double: .05, swap: .02}
	sender, p = startSender(t, address, backup, i, f)
	if dice.IntN(2) == 0 { // or is away at first
		receiver.close()
		receiver = startReceiver(t, address, store, keys{node: i.Public()}, newSeen(), f)
	}
	drain(t, sender)
	made(t, backup, i, 2000, 5)
	sender.Notify()
	drain(t, sender)
	p.close()
	receiver.close()
	close(store.got)
	wantEachOnce(t, store.got, append(span(0, kept+lost), append(span(1000, after), span(2000, 5)...)...))
	if fork := lost > 0 && after > 0; fork && sender.Stats().Epochs == 0 {
		t.Errorf("%d kept, %d lost, %d after: no new epoch", kept, lost, after)
	}
}

func wantEachOnce(t *testing.T, got <-chan int64, want []int64) {
	t.Helper()
	counts := map[int64]int{}
	for k := range got {
		counts[k]++
	}
	for _, k := range want {
		if counts[k] != 1 {
			t.Errorf("record %d is there %d times", k, counts[k])
		}
	}
	if len(counts) != len(want) {
		t.Errorf("%d records; want %d", len(counts), len(want))
	}
}

func span(from, n int) []int64 {
	all := make([]int64, n)
	for k := range all {
		all[k] = int64(from + k)
	}
	return all
}
