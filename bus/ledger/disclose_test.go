package ledger_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

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
