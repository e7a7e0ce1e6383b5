package record

import (
	"fmt"
	"math"
	"time"

	"kensa/vision/wafer"
)

// name is how errors call the wafer.
func (w *Wafer) name() string {
	if w.Material.Substrate != "" {
		return fmt.Sprintf("%q", w.Material.Substrate)
	}
	return fmt.Sprintf("of lot %q slot %d", w.Material.Lot, w.Material.Slot)
}

// check reports what could not be stored or would contradict itself.
func (w *Wafer) check() error {
	for _, t := range []time.Time{w.Started, w.Finished} {
		if t.Year() < 1970 || t.Year() > 2200 {
			return fmt.Errorf("started %v, finished %v: want years 1970 to 2200", w.Started, w.Finished)
		}
	}
	if !finite(w.Summary.Area) {
		return fmt.Errorf("area: %v cm²; want a number", w.Summary.Area)
	}
	dies := make(map[wafer.DieIndex]bool, len(w.Dies))
	inspected := 0
	for _, d := range w.Dies {
		if dies[d.Index] {
			return fmt.Errorf("die %v is there twice", d.Index)
		}
		dies[d.Index] = true
		if d.Bin != wafer.NotInspected {
			inspected++
		}
	}
	if s := w.Summary; s.Dies != len(w.Dies) || s.Inspected != inspected || s.Defects != len(w.Defects) {
		return fmt.Errorf("summary of %d dies, %d inspected, %d defects; the lists have %d, %d, %d",
			s.Dies, s.Inspected, s.Defects, len(w.Dies), inspected, len(w.Defects))
	}
	if w.Summary.Verdict == wafer.Pass && inspected < len(w.Dies) {
		return fmt.Errorf("verdict %q with %d of %d dies inspected; an incomplete wafer is never good", w.Summary.Verdict, inspected, len(w.Dies))
	}
	return w.checkDefects(dies)
}

func (w *Wafer) checkDefects(dies map[wafer.DieIndex]bool) error {
	for n, d := range w.Defects {
		if d.Number != n+1 {
			return fmt.Errorf("defect %d has number %d; want numbers from 1 in order", n+1, d.Number)
		}
		if !dies[d.Die] {
			return fmt.Errorf("defect %d: die %v is not on the wafer", d.Number, d.Die)
		}
		if !finite(d.CX, d.CY, d.Confidence, d.Contrast, d.X.Micrometres(), d.Y.Micrometres(), d.SizeX.Micrometres(), d.SizeY.Micrometres(),
			d.Size.Micrometres(), d.SizeUncertainty.Micrometres()) {
			return fmt.Errorf("defect %d: %+v; want finite numbers", d.Number, d.Defect)
		}
	}
	return nil
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
