package register

import (
	"math"
	"slices"

	"kensa/vision/internal/plane"
)

// mainLobe is how far around the truth, pixels, a golden resembles itself
// whatever its pattern; tracking moves uphill there.
const mainLobe = 2

// Alias is how well the golden's marks, at worst, match the golden itself at a
// shift of mainLobe to reach pixels: as Match.Support, −1 to 1. A pattern that
// repeats within reach comes near 1. Track at such a shift from the truth finds
// about this support. It takes some milliseconds.
func (t *Template) Alias(reach float64) float64 {
	worst, n := -1.0, int(math.Ceil(reach))
	for dy := -n; dy <= n; dy++ {
		for dx := -n; dx <= n; dx++ {
			if max(dx, -dx, dy, -dy) >= mainLobe {
				worst = max(worst, t.likeness(dx, dy))
			}
		}
	}
	return worst
}

// likeness is the support of the marks, correlated with the golden at a
// shift. It is 1, the worst, where half of them leave the golden.
func (t *Template) likeness(dx, dy int) float64 {
	golden := t.levels[0]
	var values []float64
	for k := range t.all.marks {
		p := &t.all.marks[k]
		if x, y := p.x+dx, p.y+dy; x >= 0 && y >= 0 && x+p.side <= golden.Width && y+p.side <= golden.Height {
			values = append(values, p.resembles(golden, x, y))
		}
	}
	if 2*len(values) <= len(t.all.marks) {
		return 1
	}
	slices.Sort(values)
	return values[len(values)/4]
}

// resembles is the patch's correlation with the golden at (x, y).
func (p *patch) resembles(golden plane.Plane, x, y int) float64 {
	var cross, sum, square float32
	for row := range p.side {
		pattern := p.pattern[row*p.side:][:p.side]
		for n, v := range golden.Row(y + row)[x : x+p.side] {
			cross, sum, square = cross+pattern[n]*v, sum+v, square+v*v
		}
	}
	variance := float64(square) - float64(sum)*float64(sum)/float64(p.side*p.side)
	if variance <= 0 {
		return 0
	}
	return float64(cross) / math.Sqrt(variance*p.energy)
}
