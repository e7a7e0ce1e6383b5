package station_test

import (
	"image"
	"slices"
	"testing"

	"kensa/firmware/alarm"
	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/inspect"
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
