package calibrationtest

import (
	"kensa/calibration/product"
	"kensa/hw/simulator"
	"kensa/hw/simulator/stand"
	"kensa/vision/inspect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

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
		truth.Wafers.Program = Program(p.Plan)
	}
	return truth, p, err
}

// Program is a simulated tool's for a plan.
func Program(plan *wafer.Plan) simulator.Program {
	p := simulator.Program{Width: plan.Width, Height: plan.Height, PixelSize: plan.Layout.PixelSize.Micrometres(), Radius: plan.Layout.Diameter.Micrometres() / 2}
	for _, f := range plan.Fields {
		s := simulator.Stop{X: f.Center.X.Micrometres(), Y: f.Center.Y.Micrometres()}
		for _, d := range f.Dies {
			at := plan.Dies[d.Die]
			s.Dies = append(s.Dies, simulator.DieAt{Column: at.Index.Column, Row: at.Index.Row, X: at.Center.X.Micrometres(), Y: at.Center.Y.Micrometres(), Rect: d.Rect})
		}
		p.Stops = append(p.Stops, s)
	}
	return p
}
