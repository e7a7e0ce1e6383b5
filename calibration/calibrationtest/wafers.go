package calibrationtest

import (
	"testing"

	"kensa/calibration/product"
	"kensa/hw/simulator/stand"
	"kensa/vision/inspect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// Station is SmallWafers, or the end of the test.
func Station(t testing.TB, seed uint64) (stand.Truth, *product.Product) {
	t.Helper()
	truth, p, err := SmallWafers(seed)
	if err != nil {
		t.Fatal(err)
	}
	return truth, p
}

// SmallWafers is a station with wafers of small dies, 24 fields of up to four, and
// the product for it.
func SmallWafers(seed uint64) (stand.Truth, *product.Product, error) {
	truth := stand.Defaults(236, 236)
	truth.Seed = seed
	layout := wafer.Layout{
		Kind: wafer.DieGrid, Diameter: 50 * length.Millimetre, EdgeExclusion: 2 * length.Millimetre,
		PitchX: 4.2 * length.Millimetre, PitchY: 4.2 * length.Millimetre, DieWidth: 4 * length.Millimetre, DieHeight: 4 * length.Millimetre,
		Notch: wafer.Down, FieldColumns: 2, FieldRows: 2, Path: wafer.Serpentine, PixelSize: 40 * length.Micrometre,
	}
	p, err := product.New("small", "1", layout, inspect.DefaultGoldenParams(), truth.Station, nil)
	if err == nil {
		truth.Wafers.Program = product.Program(p.Plan)
	}
	return truth, p, err
}
