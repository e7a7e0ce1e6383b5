package ledger_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kensa/bus/ledger"
	"kensa/bus/ledger/ledgertest"
)

func wafer() ledger.Wafer {
	return ledger.Wafer{
		Finished: time.Date(2026, 3, 4, 5, 6, 7, 891_234_567, time.UTC),
		Product:  "secretchip", Lot: "LOT4711", Substrate: "WAFER09", Recipe: "secretrecipe",
		Dies: 613, Inspected: 613, Good: 577, Density: 1.2345, Bins: map[string]int{"1": 577, "7": 36},
	}
}

// A relative record holds these fields and nothing else, and none of the wafer's
// names or figures in any of them.
func TestRelativeRecordHoldsNothingAbsolute(t *testing.T) {
	i := identity(t, "node-1")
	for _, b := range []ledger.Baseline{{}, learn(t, 90, 92, 95)} {
		r, _, err := i.Record(wafer(), ledger.Relative, b)
		if err != nil {
			t.Fatal(err)
		}
		envelope := seal(t, i, r, 1)
		var e ledger.Envelope
		var fields map[string]json.RawMessage
		if err := errors.Join(json.Unmarshal(envelope, &e), json.Unmarshal(e.Body, &fields)); err != nil {
			t.Fatal(err)
		}
		allowed := map[string]bool{"schema": true, "node": true, "epoch": true, "seq": true, "time": true,
			"disclosure": true, "product": true, "complete": true, "deviation": true}
		for name := range fields {
			if !allowed[name] {
				t.Errorf("a relative record has %s", name)
			}
		}
		for _, secret := range []string{"secretchip", "LOT4711", "WAFER09", "secretrecipe", "613", "577", "36", "0.94", "1.2345", "891"} {
			if strings.Contains(string(e.Body), secret) && !strings.Contains(r.Product+ledgertest.EpochA, secret) {
				t.Errorf("a relative record holds %s: %s", secret, e.Body)
			}
		}
		if d := r.Deviation; d != nil && *d != math.Round(*d*100)/100 {
			t.Errorf("deviation %v is finer than 0.01", *d)
		}
	}
}

func TestFullRecordHoldsAll(t *testing.T) {
	i := identity(t, "node-1")
	r, next, err := i.Record(wafer(), ledger.Full, ledger.Baseline{})
	if err != nil {
		t.Fatal(err)
	}
	seal(t, i, r, 1)
	if d := r.Detail; d == nil || d.Lot != "LOT4711" || d.Good != 577 || *d.Yield != 577./613 || *d.Density != 1.2345 {
		t.Errorf("detail %+v", d)
	}
	if len(next.Values) != 1 {
		t.Errorf("baseline after it: %+v", next)
	}
	w := wafer()
	w.Good = 614
	if _, _, err := i.Record(w, ledger.Full, ledger.Baseline{}); err == nil {
		t.Error("more good dies than dies passed")
	}
}

// Whatever the wafer, its relative record is made of nothing but a pseudonym, a
// flag, a second and a rounded deviation: two wafers that agree in these are not
// told apart, however their names and counts differ.
func TestRelativeRecordsOfAnyWafer(t *testing.T) {
	i, b := identity(t, "node-1"), learn(t, 90, 92, 95)
	name := rapid.StringMatching(`[A-Za-z0-9 ._-]{6,24}`)
	rapid.Check(t, func(t *rapid.T) {
		w := ledger.Wafer{
			Finished: time.Unix(rapid.Int64Range(1e9, 4e9).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")),
			Product:  name.Draw(t, "product"), Lot: name.Draw(t, "lot"), Substrate: name.Draw(t, "substrate"), Recipe: name.Draw(t, "recipe"),
			Dies: rapid.IntRange(1, 100_000).Draw(t, "dies"), Density: rapid.Float64Range(0, 1e4).Draw(t, "density"),
		}
		w.Inspected = rapid.IntRange(0, w.Dies).Draw(t, "inspected")
		w.Good = rapid.IntRange(0, w.Inspected).Draw(t, "good")
		w.Bins = map[string]int{"1": w.Good, "7": w.Inspected - w.Good}
		r, _, err := i.Record(w, ledger.Relative, b)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Time.Equal(w.Finished.Truncate(time.Second)) {
			t.Errorf("time %v of a wafer of %v", r.Time, w.Finished)
		}
		if d := r.Deviation; d != nil && *d != math.Round(*d*100)/100 {
			t.Errorf("deviation %v is finer than 0.01", *d)
		}
		same := ledger.Record{Time: r.Time, Disclosure: ledger.Relative, Product: i.Pseudonym(w.Product), Complete: r.Complete, Deviation: r.Deviation}
		if !reflect.DeepEqual(r, same) {
			t.Errorf("record %+v holds more than %+v", r, same)
		}
		body, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{w.Product, w.Lot, w.Substrate, w.Recipe} {
			if strings.Contains(string(body), secret) {
				t.Errorf("%q is in %s", secret, body)
			}
		}
	})
}
