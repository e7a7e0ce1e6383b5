package defect

import "fmt"

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

// Pattern classes defects by what they do to the golden die's pattern. Extra
// material that touches none makes an island (Copper), that touches one piece
// a Spur, that touches two a Short. Missing material is the same with material
// and ground exchanged: PinHole, MouseBite, Open. Pieces are those within a
// few pixels around the defect, so that a line counts as two where it is cut,
// though its ends may meet elsewhere.
type Pattern struct {
	width, height int
	threshold     uint8
	bright        bool
	material      []bool // by rows
	clear         float64
	window        window
}

// NewPattern divides the golden mean, width × height by rows, into material and
// ground at Otsu's threshold.
func NewPattern(mean []uint8, width, height int, m Material) *Pattern {
	p := &Pattern{width: width, height: height, bright: m == BrightMaterial}
	p.threshold, p.clear = otsu(mean)
	p.material = make([]bool, len(mean))
	for n, v := range mean {
		p.material[n] = p.isMaterial(v)
	}
	return p
}

func (p *Pattern) isMaterial(grey uint8) bool { return (grey > p.threshold) == p.bright }

// otsu is the threshold that divides the values into two groups of least
// scatter (N. Otsu, 1979), and the share of all scatter that the division
// explains, 0 to 1.
func otsu(values []uint8) (threshold uint8, share float64) {
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
			best, threshold = n*(total-n)*d*d, uint8(v)
		}
	}
	if scatter := total*square - sum*sum; scatter > 0 {
		share = best / scatter
	}
	return threshold, share
}

// Confidence of a class, before it is multiplied by how clearly the golden
// divides into material and ground. Measured in TestPatternConfidence.
const (
	sureChange  = 0.95 // the pattern has visibly changed
	faintChange = 0.5  // the defect is too faint to tell how far it reaches
	noChange    = 0.3  // brighter material, darker ground: no change of pattern
)

// Classify names the class of a blob found on a die. die holds the die's grey
// values, by rows, registered and brightness-matched to the golden. The
// confidence is 0 to 1. It is used from one goroutine.
func (p *Pattern) Classify(b Blob, die []uint8) (Class, float64) {
	w := &p.window
	w.open(p, b)
	gap, confidence := 1, sureChange
	if !w.measure(p, die, b.Area) {
		gap, confidence = 2, faintChange
		if !w.assume(b.Polarity(), p.bright) {
			return Unclassified, noChange
		}
	}
	added := w.dominant()
	pieces := min(w.contacts(added, gap), 2)
	if added {
		return [3]Class{Copper, Spur, Short}[pieces], confidence * p.clear
	}
	return [3]Class{PinHole, MouseBite, Open}[pieces], confidence * p.clear
}
