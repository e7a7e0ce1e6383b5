package station_test

import (
	"image"
	"slices"
	"testing"

	"kensa/firmware/alarm"
	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/inspect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// specked is an inspector of bare wafers whose camera has a speck for some fields.
type specked struct {
	blind
	fields int // that still show it
}

func (s *specked) Inspect(img frame.Image, dies []image.Rectangle) ([]inspect.Die, error) {
	found, err := s.blind.Inspect(img, dies)
	speck := defect.Defect{Box: image.Rect(60, 70, 66, 76), CX: 63, CY: 73, Area: 30, Contrast: 20, Class: defect.Particle}
	s.fields--
	for n := range found {
		if s.fields >= 0 && speck.Box.In(found[n].Rect) {
			found[n].Defects = []defect.Defect{speck}
		}
	}
	return found, err
}

// TestDustIsToldAndLeftOut: the wafers before the alarm keep their defects, those
// after it have none, and the alarm goes after the speck has.
func TestDustIsToldAndLeftOut(t *testing.T) {
	const wafers, dirty = 25, 20 // four fields a wafer
	b := newBench(t, wafers, &specked{fields: dirty}, watcher{})
	b.run(t.Context(), t)
	if len(b.store.wafers) != wafers {
		t.Fatalf("%d wafers; want %d", len(b.store.wafers), wafers)
	}
	findings, bad := 0, 0
	told := make([]bool, wafers)
	for n, w := range b.store.wafers {
		findings += len(w.Defects)
		for _, d := range w.Dies {
			if d.Bin != wafer.Good {
				bad++
			}
		}
		told[n] = slices.ContainsFunc(w.Alarms, func(a alarm.Alarm) bool { return a.ID == alarm.OpticsDust.ID })
	}
	// Five sightings make it dust, and the fifth is left out already.
	if findings != 4 || bad != 4 {
		t.Errorf("%d findings on %d bad dies; want 4 on 4", findings, bad)
	}
	if told[0] || !told[dirty/4] || told[wafers-1] {
		t.Errorf("alarm by wafer: %v; want it from the fifth sighting until long after the last", told)
	}
	for _, a := range b.alarms.Since(0) {
		if a.ID == alarm.OpticsDust.ID && a.Detail != "at camera pixel (63, 73)" {
			t.Errorf("detail %q", a.Detail)
		}
	}
}

// TestDustOverARestart: what a station has recognised is left out by the next one
// from its first field on, told at once, and forgotten when the operator says
// that the optics were cleaned; dust that is still there comes back.
func TestDustOverARestart(t *testing.T) {
	kept := &optics{}
	first := newBenchWith(t, 100*length.Millimetre, 5, &specked{fields: 20}, watcher{}, kept)
	first.run(t.Context(), t)
	if len(kept.spots) != 1 {
		t.Fatalf("%d spots kept; want 1", len(kept.spots))
	}
	second := newBenchWith(t, 100*length.Millimetre, 2, &specked{fields: 8}, watcher{}, kept)
	if !slices.ContainsFunc(second.alarms.Active(), func(a alarm.Alarm) bool { return a.ID == alarm.OpticsDust.ID }) {
		t.Error("no alarm at the start")
	}
	second.run(t.Context(), t)
	for _, w := range second.store.wafers {
		if len(w.Defects) > 0 {
			t.Errorf("%s: %d defects; want none, the dust was known", w.Material.Substrate, len(w.Defects))
		}
	}
	third := newBenchWith(t, 100*length.Millimetre, 4, &specked{fields: 16}, watcher{}, kept)
	cleaned := make(chan error, 1)
	go func() { cleaned <- third.OpticsCleaned(t.Context()) }()
	third.run(t.Context(), t)
	if err := <-cleaned; err != nil {
		t.Fatal(err)
	}
	findings := 0
	for _, w := range third.store.wafers {
		findings += len(w.Defects)
	}
	if findings == 0 || findings > 4 || len(kept.spots) != 1 {
		t.Errorf("%d findings, %d spots after a cleaning that did not help; want some, until five show it again", findings, len(kept.spots))
	}
}

// TestDustLeavesTheWaferThatShowedIt: the fields before the recognition are of the
// same wafer, whose result is not made yet.
func TestDustLeavesTheWaferThatShowedIt(t *testing.T) {
	b := newBenchFor(t, 200*length.Millimetre, 1, &specked{fields: 100}, watcher{})
	b.run(t.Context(), t)
	w := b.store.wafers[0]
	if w.FieldsInspected < 6 {
		t.Fatalf("%d fields; want more than recognition takes", w.FieldsInspected)
	}
	if len(w.Defects) != 0 || w.Summary.Good != w.Summary.Inspected || w.Summary.Defects != 0 {
		t.Errorf("%d defects, %d of %d inspected dies good; want dust to cost none", len(w.Defects), w.Summary.Good, w.Summary.Inspected)
	}
}
