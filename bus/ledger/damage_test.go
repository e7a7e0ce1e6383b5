package ledger_test

import (
	"bytes"
	"slices"
	"testing"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
	"kensa/bus/session/sessiontest"
)

// Rows that a bad disk has damaged, each in another way, are told as void, and
// everything else arrives once and in order.
func TestDamagedRowsDoNotBlock(t *testing.T) {
	flipped := func(o *ledgertest.Outbox, seq uint64) []byte {
		rows, err := o.Pending(t.Context(), seq-1, 1)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Replace(rows[0].Envelope, []byte(`"complete":true`), []byte(`"complete":null`), 1)
	}
	for _, c := range []struct {
		name   string
		damage func(o *ledgertest.Outbox)
		void   []uint64
	}{
		{"no JSON", func(o *ledgertest.Outbox) { o.Damage(5, []byte("\x00\x01")) }, []uint64{5}},
		{"empty", func(o *ledgertest.Outbox) { o.Damage(5, []byte{}) }, []uint64{5}},
		{"no longer as signed", func(o *ledgertest.Outbox) { o.Damage(5, flipped(o, 5)) }, []uint64{5}},
		{"a row of another number", func(o *ledgertest.Outbox) { o.Damage(5, flipped(o, 7)) }, []uint64{5}},
		{"gone", func(o *ledgertest.Outbox) { o.Damage(5, nil) }, []uint64{5}},
		{"first", func(o *ledgertest.Outbox) { o.Damage(1, flipped(o, 1)) }, []uint64{1}},
		{"first gone", func(o *ledgertest.Outbox) { o.Damage(1, nil) }, []uint64{1}},
		{"last", func(o *ledgertest.Outbox) { o.Damage(20, flipped(o, 20)) }, []uint64{20}},
		{"last gone", func(o *ledgertest.Outbox) { o.Damage(20, nil) }, []uint64{20}},
		{"several", func(o *ledgertest.Outbox) {
			for seq := uint64(3); seq <= 18; seq += 3 {
				o.Damage(seq, flipped(o, seq))
			}
			o.Damage(7, nil)
			o.Damage(8, []byte("?"))
		}, []uint64{3, 6, 7, 8, 9, 12, 15, 18}},
	} {
		t.Run(c.name, func(t *testing.T) { damaged(t, c.damage, c.void) })
	}
}

func damaged(t *testing.T, damage func(o *ledgertest.Outbox), void []uint64) {
	const records = 20
	address := sessiontest.FreeAddress(t)
	b := &embedded{address: address}
	b.start(t)
	defer b.kill(t)
	i, o, store, s := identity(t, "node-1"), ledgertest.NewOutbox(), ledgertest.NewStore(), newSeen()
	produce(t, o, i, records)
	damage(o)
	receiver := startReceiver(t, address, store, keys{"node-1": i.Public()}, s, faults{})
	defer receiver.close()
	if _, err := receiver.session.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	sender, p := startSender(t, address, o, i, faults{})
	defer p.close()
	drain(t, sender)
	wantOnce(t, s, "node-1", records)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.void, void) {
		t.Errorf("void are %v; want %v", s.void, void)
	}
	if st := sender.Stats(); st.Voids != uint64(len(void)) || st.Epochs != 0 {
		t.Errorf("%+v; want %d voids and no new epoch", st, len(void))
	}
	for seq := uint64(1); seq <= records; seq++ {
		_, held, err := store.Digest(t.Context(), ledger.Stream{Node: "node-1", Epoch: ledgertest.EpochA}, seq)
		if want := !slices.Contains(void, seq); held != want || err != nil {
			t.Errorf("record %d held: %v, %v; want %v", seq, held, err, want)
		}
	}
}

// The receiver may have a record whose acknowledgement was lost before its row was
// damaged. It keeps it, and no epoch begins.
func TestRecordOutlivesItsDamagedRow(t *testing.T) {
	address := sessiontest.FreeAddress(t)
	b := &embedded{address: address}
	b.start(t)
	defer b.kill(t)
	i, o, store, s := identity(t, "node-1"), ledgertest.NewOutbox(), ledgertest.NewStore(), newSeen()
	receiver := startReceiver(t, address, store, keys{"node-1": i.Public()}, s, faults{})
	defer receiver.close()
	produce(t, o, i, 10)
	before := o.Copy()
	sender, p := startSender(t, address, o, i, faults{})
	drain(t, sender)
	p.close()
	before.Damage(4, []byte("?"))
	before.Damage(10, []byte("?"))
	produce(t, before, i, 5)
	sender, p = startSender(t, address, before, i, faults{})
	defer p.close()
	drain(t, sender)
	wantOnce(t, s, "node-1", 15)
	wantAll(t, store, "node-1", 15)
	if st := sender.Stats(); st.Epochs != 0 {
		t.Errorf("%+v; want no new epoch", st)
	}
}

// A database that is older than its epoch may be damaged as well.
func TestDamagedRowsOfANewEpoch(t *testing.T) {
	address := sessiontest.FreeAddress(t)
	b := &embedded{address: address}
	b.start(t)
	defer b.kill(t)
	i, o, store, s := identity(t, "node-1"), ledgertest.NewOutbox(), ledgertest.NewStore(), newSeen()
	receiver := startReceiver(t, address, store, keys{"node-1": i.Public()}, s, faults{})
	defer receiver.close()
	backup := o.Copy()
	made(t, o, i, 0, 10)
	sender, p := startSender(t, address, o, i, faults{})
	drain(t, sender)
	p.close()
	made(t, backup, i, 1000, 10)
	backup.Damage(3, []byte("?"))
	backup.Damage(6, nil)
	sender, p = startSender(t, address, backup, i, faults{})
	defer p.close()
	drain(t, sender)
	st := sender.Stats()
	stream := ledger.Stream{Node: "node-1", Epoch: sender.Epoch()}
	if at, err := store.Position(t.Context(), stream); st.Epochs != 1 || at != 10 || err != nil {
		t.Errorf("%+v, %d records in the new epoch (%v); want 10 in one", st, at, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.void, []uint64{3, 6}) {
		t.Errorf("void are %v; want 3 and 6", s.void)
	}
}
