package simulator

import (
	"math"
	"strings"
	"testing"

	"kensa/hw/simulator/flaw"
)

func TestBadOptionsAreErrors(t *testing.T) {
	for want, spoil := range map[string]func(*Options){
		"layout":            func(o *Options) { o.Layout = "mosaic" },
		"depth":             func(o *Options) { o.Depth = 9 },
		"wafers a lot":      func(o *Options) { o.WafersPerLot = 26 },
		"buffers":           func(o *Options) { o.Buffers = 1 },
		"pace":              func(o *Options) { o.Pace = -1 },
		"pace 1e+12":        func(o *Options) { o.Pace = 1e12 },
		"times":             func(o *Options) { o.Times.Move = 0 },
		"stage":             func(o *Options) { o.Stage.Angle = 1 },
		"drift":             func(o *Options) { o.Drift.PerField = math.NaN() },
		"sizes":             func(o *Options) { o.Defects.Sizes.Min = 0 },
		"class":             func(o *Options) { o.Defects.Mix = map[flaw.Class]float64{"crack": 1} },
		"no class":          func(o *Options) { o.Defects.Mix = nil },
		"signature":         func(o *Options) { o.Defects.Signature = "spiral" },
		"excursion":         func(o *Options) { o.Excursions = []Excursion{{Lot: 1, Factor: 0.5}} },
		"fault":             func(o *Options) { o.Faults.Given = []Fault{{Kind: "fire"}} },
		"rate":              func(o *Options) { o.Faults.Rates = map[FaultKind]float64{LateFrame: 2} },
		"lateness":          func(o *Options) { o.Faults.Lateness = o.Times.Move },
		"exposures lost":    func(o *Options) { o.Faults.Gone = 0 },
		"without a die":     func(o *Options) { o.Program.Stops = nil },
		"pixel size":        func(o *Options) { o.Program.PixelSize = 0 },
		"frame of":          func(o *Options) { o.Program.Width = 0 },
		"off the grid":      func(o *Options) { o.Program.Stops[1].Dies[0].X += 500 },
		"its centre is":     func(o *Options) { o.Program.Stops[1].X += 500 },
		"96 to 4096 a side": func(o *Options) { *o = Defaults(product{320, 280, 40, 20_000, 90, 90, 100, 100, 2, 2}.program()) },
	} {
		o := Defaults(small().program())
		spoil(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
