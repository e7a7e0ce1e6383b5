package appliance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"kensa/bus/ledger"
	"kensa/bus/sparkplug"
	"kensa/firmware/config"
	"kensa/firmware/record"
	"kensa/vision/wafer"
)

// keeper commits wafers with the outbox rows that announce them.
type keeper struct {
	store    *record.Store
	identity *ledger.Identity
	config   config.Config
	notify   func() // wakes those who read the outbox; returns at once
	// committed is told each wafer with its number in the MES outbox; it returns at
	// once.
	committed func(seq uint64, w *record.Wafer)
}

// announcement is an outbox row of the MES plane: a wafer, which is read again
// when its turn comes, or an alarm.
type announcement struct {
	Wafer int64            `json:"wafer,omitempty"`
	Alarm *sparkplug.Alarm `json:"alarm,omitempty"`
}

// Commit implements station.Store.
func (k *keeper) Commit(ctx context.Context, w *record.Wafer) error {
	var seq uint64
	err := k.store.Commit(ctx, w, func(tx *record.Tx) (err error) {
		seq, err = k.publish(tx)
		return err
	})
	if err == nil {
		k.tell(seq, w)
	}
	return err
}

// publish puts the wafer into the outboxes, and returns its number in that of the
// MES; 0 where there is none.
func (k *keeper) publish(tx *record.Tx) (seq uint64, err error) {
	if k.config.MES.Enabled {
		seq, err = announce(tx, announcement{Wafer: tx.Wafer().ID})
	}
	if err == nil && k.config.Ledger.Enabled {
		err = k.enter(tx)
	}
	return seq, err
}

// tell has those who read the outboxes see to what is committed.
func (k *keeper) tell(seq uint64, w *record.Wafer) {
	if seq > 0 { // 0 too where the wafer was stored already
		k.committed(seq, w)
	}
	k.notify()
}

// announce puts a report into the MES outbox and returns its number there.
func announce(tx *record.Tx, a announcement) (seq uint64, err error) {
	row, err := json.Marshal(a)
	if err != nil {
		return 0, err
	}
	return tx.Publish(record.MES, func(uint64) ([]byte, error) { return row, nil })
}

// enter puts the wafer into the ledger. Its number, the product's baseline and
// the signed record belong together, so they are made inside the transaction.
func (k *keeper) enter(tx *record.Tx) error {
	w := tx.Wafer()
	name := "baseline/" + w.Recipe
	before, baseline, err := loadBaseline(tx, name)
	if err != nil {
		return err
	}
	entry, baseline, err := k.identity.Record(ledgerWafer(w), k.config.Ledger.Disclosure, baseline)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if _, err := tx.Publish(record.Ledger, func(seq uint64) ([]byte, error) {
		return k.identity.Seal(entry, tx.Epoch(), seq)
	}); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	after, err := json.Marshal(baseline)
	if err != nil || bytes.Equal(after, before) { // it is frozen
		return err
	}
	return tx.SetValue(name, after)
}

func loadBaseline(tx *record.Tx, name string) (kept []byte, b ledger.Baseline, err error) {
	kept, err = tx.Value(name)
	if err != nil || kept == nil {
		return nil, b, err
	}
	if err := json.Unmarshal(kept, &b); err != nil {
		return nil, b, fmt.Errorf("ledger: stored value %s: %w", name, err)
	}
	return kept, b, nil
}

func ledgerWafer(w *record.Wafer) ledger.Wafer {
	counts := map[wafer.Bin]int{}
	for _, d := range w.Dies {
		counts[d.Bin]++
	}
	bins := map[string]int{}
	for bin, dies := range counts {
		bins[strconv.Itoa(int(bin))] = dies
	}
	return ledger.Wafer{
		Finished: w.Finished, Product: w.Recipe, Lot: w.Material.Lot, Substrate: w.Material.Substrate, Recipe: w.Recipe, Calibration: w.Calibration,
		Dies: w.Summary.Dies, Inspected: w.Summary.Inspected, Good: w.Summary.Good,
		Density: float64(w.Summary.Density()), Bins: bins,
	}
}

// outbox is the ledger's plane of the database's outbox.
type outbox struct{ record.Outbox }

// Pending implements ledger.Outbox.
func (o outbox) Pending(ctx context.Context, after uint64, limit int) ([]ledger.Entry, error) {
	rows, err := o.Outbox.Pending(ctx, after, limit)
	entries := make([]ledger.Entry, len(rows))
	for n, row := range rows {
		entries[n] = ledger.Entry{Seq: row.Seq, Envelope: row.Payload}
	}
	return entries, err
}

// Begin implements ledger.Outbox.
func (o outbox) Begin(ctx context.Context, after uint64, reseal ledger.Reseal) (string, error) {
	return o.Outbox.Begin(ctx, after, func(m record.Message, epoch string, seq uint64) ([]byte, error) {
		return reseal(ledger.Entry{Seq: m.Seq, Envelope: m.Payload}, epoch, seq)
	})
}

// bins lists a wafer's bins in the order of its dies.
func bins(dies []record.Die) []wafer.Bin {
	all := make([]wafer.Bin, len(dies))
	for n, d := range dies {
		all[n] = d.Bin
	}
	return all
}
