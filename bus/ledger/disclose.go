package ledger

import (
	"fmt"
	"math"
	"time"
)

// Wafer is what a node knows of a finished wafer.
type Wafer struct {
	Finished  time.Time
	Product   string // whose wafers are compared with each other: the recipe's product
	Lot       string
	Substrate string
	Recipe    string
	// Calibration that the result rests on; empty where there was none.
	Calibration string
	Dies        int // of the layout
	Inspected   int
	Good        int
	Density     float64        // defects per inspected cm²; NaN where none was inspected
	Bins        map[string]int // dies by bin code
}

func (w Wafer) complete() bool { return w.Inspected == w.Dies && w.Dies > 0 }

// Record makes the wafer's record, still without a number, and the baseline as
// it stands after it. Both must be committed in one transaction.
func (i *Identity) Record(w Wafer, d Disclosure, b Baseline) (Record, Baseline, error) {
	if w.Good < 0 || w.Good > w.Inspected || w.Inspected > w.Dies {
		return Record{}, b, fmt.Errorf("ledger: wafer %s: %d good, %d inspected, %d dies; want 0 ≤ good ≤ inspected ≤ dies",
			w.Substrate, w.Good, w.Inspected, w.Dies)
	}
	next, deviation := b.Observe(w.Good, w.Inspected, w.complete())
	r := Record{
		Time: w.Finished.UTC(), Disclosure: d, Product: i.Pseudonym(w.Product),
		Complete: w.complete(), Deviation: deviation,
	}
	switch d {
	case Full:
		r.Detail = w.detail()
	case Relative:
		r.Time, r.Deviation = r.Time.Truncate(time.Second), coarse(deviation)
	default:
		return Record{}, b, fmt.Errorf("ledger: disclosure: %q; want %q or %q", d, Full, Relative)
	}
	return r, next, nil
}

// coarse rounds to 0.01: the steps between exact deviations would tell how many
// dies a wafer has.
func coarse(deviation *float64) *float64 {
	if deviation == nil {
		return nil
	}
	d := math.Round(*deviation*100) / 100
	return &d
}

func (w Wafer) detail() *Detail {
	d := &Detail{
		Lot: w.Lot, Substrate: w.Substrate, Recipe: w.Recipe, Calibration: w.Calibration,
		Dies: w.Dies, Inspected: w.Inspected, Good: w.Good, Bins: w.Bins,
	}
	if w.Inspected > 0 {
		y := float64(w.Good) / float64(w.Inspected)
		d.Yield = &y
	}
	if !math.IsNaN(w.Density) && !math.IsInf(w.Density, 0) {
		d.Density = &w.Density
	}
	return d
}
