package defect

import (
	"fmt"
	"math"
	"slices"
)

// Material says which grey values are material (metal, copper) and which are
// the ground that it lies on.
type Material string

// Materials.
const (
	BrightMaterial Material = "bright"
	DarkMaterial   Material = "dark"
)

// Check reports an unknown material.
func (m Material) Check() error {
	if m != BrightMaterial && m != DarkMaterial {
		return fmt.Errorf("material: %q; want %q or %q", string(m), BrightMaterial, DarkMaterial)
	}
	return nil
}

// Pattern classes defects by what they do to the golden die's pattern.
//
// Extra material that touches none is an island (Copper), that touches one
// piece a Spur, that touches two a Short. Material missing from within a piece
// is a PinHole; from its edge, a MouseBite; so that the piece falls apart, an
// Open. Pieces are those within a few pixels around the defect: a line that is
// cut counts as two, though its ends may meet elsewhere.
//
// What is wide and faint is a Stain, what is long and thin a Scratch. What makes
// material brighter than material, or ground darker than ground, is a Particle
// on top of them.
type Pattern struct {
	width, height int
	mean          []uint8
	threshold     uint8
	step          float64 // grey levels between ground and material, as means
	low, high     float64 // grey levels beyond which neither is
	bright        bool
	clear         float64 // how well the golden divides, 0 to 1
	window        window
}

// NewPattern divides the golden mean, width × height by rows, into material and
// ground at Otsu's threshold. It keeps mean.
func NewPattern(mean []uint8, width, height int, m Material) *Pattern {
	p := &Pattern{width: width, height: height, mean: mean, bright: m == BrightMaterial}
	p.threshold, p.step, p.clear = otsu(mean)
	p.low, p.high = float64(slices.Min(mean))-margin*p.step, float64(slices.Max(mean))+margin*p.step
	return p
}

func (p *Pattern) isMaterial(n int) bool { return (p.mean[n] > p.threshold) == p.bright }

// otsu is the threshold that divides the values into two groups of least
// scatter (N. Otsu, 1979), the distance of their means, and the share of all
// scatter that the division explains, 0 to 1.
func otsu(values []uint8) (threshold uint8, step, share float64) {
	var count [256]float64
	var total, sum, square float64
	for _, v := range values {
		count[v]++
		total, sum, square = total+1, sum+float64(v), square+float64(v)*float64(v)
	}
	best, n, s := 0.0, 0.0, 0.0
	for v := range 255 {
		n, s = n+count[v], s+float64(v)*count[v]
		if n == 0 || n == total {
			continue
		}
		if d := s/n - (sum-s)/(total-n); n*(total-n)*d*d > best {
			best, step, threshold = n*(total-n)*d*d, -d, uint8(v)
		}
	}
	if scatter := total*square - sum*sum; scatter > 0 {
		share = best / scatter
	}
	return threshold, step, share
}

// A defect lies on top when awayShare of its pixels look like neither ground nor
// material should there: they deviate away from the other side, or beyond all
// that the golden has by margin times the step between the sides.
const (
	awayShare = 0.25
	margin    = 0.2
)

// Shapes that decide whatever the pattern below.
const (
	scratchRatio  = 6   // length over mean width
	scratchLength = 20  // pixels
	stainArea     = 60  // pixels
	stainContrast = 0.6 // of the step between ground and material
)

// Confidence of a class; of pattern classes before it is multiplied by how
// clearly the golden divides. On simulated defects of four layouts most wrong
// names were particles beside a line that passed for spurs; what was named as
// lying on top hardly ever was anything else.
const (
	surePattern  = 0.95
	faintPattern = 0.7 // less than half of the step between ground and material
	sureOnTop    = 0.95
)

// Classify names the class of a blob found on a die. die holds the die's grey
// values, by rows, registered and brightness-matched to the golden; only those
// in Window are read. The confidence is 0 to 1. It is used from one goroutine.
func (p *Pattern) Classify(b Blob, die []uint8) (Class, float64) {
	w := &p.window
	w.open(p, b, die)
	away, peak := w.deviation()
	length, _ := b.Axes()
	area := float64(b.Area)
	switch {
	case area >= stainArea && peak < stainContrast*p.step:
		return Stain, sureOnTop
	case length >= scratchLength && math.Pi/4*length*length >= scratchRatio*area:
		return Scratch, sureOnTop
	case away > awayShare:
		return Particle, sureOnTop
	}
	confidence := surePattern * p.clear
	if peak < p.step/2 {
		confidence = faintPattern * p.clear
	}
	if w.change(peak / 2) {
		return w.extra(), confidence
	}
	return w.missing(), confidence
}
