package record

import (
	"bytes"
	"math"
	"reflect"
	"testing"
	"time"

	"kensa/vision/export"
)

// TestStoredWaferReachesTheExport follows a wafer through the store and a KLARF
// file, and compares what comes out with what went in.
func TestStoredWaferReachesTheExport(t *testing.T) {
	s := open(t)
	w := sample(1, 220, 60, 20)
	commit(t, s, w, nil)
	read, err := s.Find(ctx, "W001")
	if err != nil {
		t.Fatal(err)
	}
	exported := read.Export(export.Station{Vendor: "Kensa", Model: "K1", ID: "line-3"})
	var file bytes.Buffer
	if err := export.WriteKLARF(&file, exported, time.Now()); err != nil {
		t.Fatal(err)
	}
	k, err := export.ReadKLARF(&file)
	if err != nil {
		t.Fatal(err)
	}
	if k.WaferID != "W001" || k.Lot != "LOT-1" || len(k.TestPlan) != 220 || len(k.Defects) != 60 {
		t.Errorf("file %+v", k)
	}
	for n, d := range w.Defects {
		center := w.Layout.DieCenter(d.Die)
		x, y := k.OnWafer(k.Defects[n])
		wantX, wantY := float64(center.X-w.Layout.DieWidth/2+d.X), float64(center.Y-w.Layout.DieHeight/2+d.Y)
		if math.Hypot(x-wantX, y-wantY) > 0.001 {
			t.Errorf("defect %d at (%v, %v); want (%v, %v)", d.Number, x, y, wantX, wantY)
		}
	}
}

// TestNothingIsForgotten checks that each field that both sides have is filled.
func TestNothingIsForgotten(t *testing.T) {
	w := sample(1, 3, 1, 0)
	w.Run = 4
	e := reflect.ValueOf(w.Export(export.Station{Vendor: "Kensa"}))
	for i := range e.NumField() {
		name := e.Type().Field(i).Name
		if known := name == "Device" || name == "Step"; e.Field(i).IsZero() != known {
			t.Errorf("%s is %v", name, e.Field(i))
		}
	}
}
