package inspect_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"kensa/vision/defect"
	"kensa/vision/inspect"
)

// TestChipLengths draws chips of several shapes on straight and round edges, sharp
// and out of focus, turned and at any fraction of a pixel, and compares their
// lengths with what is said of them.
func TestChipLengths(t *testing.T) {
	r := rand.New(rand.NewPCG(81, 82))
	var s sizing
	for n := range frames(60) {
		b := usualWafer()
		b.seed = uint64(n)
		angle, radius, soft := 2*math.Pi*r.Float64(), 3000.0, 0.8+2.5*r.Float64()
		length, depth := 40+60*r.Float64(), 18+25*r.Float64()
		sin, cos := math.Sincos(angle)
		cx, cy := 320+20*r.Float64(), 240+20*r.Float64()
		wedge := n%2 == 0 // else a bay with straight sides
		b.paint = func(x, y, g float64) float64 {
			along, out := (x-cx)*-sin+(y-cy)*cos, (x-cx)*cos+(y-cy)*sin
			inside := -out - along*along/(2*radius)
			bay := max(math.Abs(along)-length/2, -inside-depth, inside-depth)
			if wedge {
				bay = max(2*math.Abs(along)*depth/length+inside-depth, -inside-depth) / math.Hypot(1, 2*depth/length)
			}
			return 15 + (g-15)/(1+math.Exp(-min(inside, bay)/soft))
		}
		var chips []defect.Defect
		for _, d := range inspectBare(t, b.picture(), inspect.DefaultUnpatternedParams()).Defects {
			if d.Class == defect.Chip {
				chips = append(chips, d)
			}
		}
		if len(chips) == 1 {
			s.add(chips[0].Measures.Size, chips[0].Measures.SizeUncertainty, length)
		} else if len(chips) > 1 || depth > 20 {
			t.Errorf("edge turned by %.0f°, wedge %v, %.0f × %.0f px: %d chips; want one", angle*180/math.Pi, wedge, length, depth, len(chips))
		}
	}
	s.check(t, "chips", frames(60)*9/10)
}
