package defect

import (
	"fmt"
	"math"
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
// What is long and thin is a Scratch. Of the rest, what has gone only a part of
// the way between ground and material, over an area too wide for the optic's
// blur to be the reason, is a Stain; what has gone further than that way, or away
// from the other side, lies on top and is a Particle.
type Pattern struct {
	width, height int
	mean          []uint8
	threshold     uint8
	step          float64 // grey levels between ground and material, as means
	ground, metal float64 // grey values: ground that differs most from material, usual material
	bright        bool
	clear         float64 // how well the golden divides, 0 to 1
	optic         float64 // standard deviation of the optic's blur, pixels
	short         int     // pixels
	window        window
	measurer      Measurer
	around        Surroundings
}

// NewPattern divides the golden mean, width × height by rows, into material and
// ground at Otsu's threshold. It keeps mean.
func NewPattern(mean []uint8, width, height int, m Material) *Pattern {
	p := &Pattern{width: width, height: height, mean: mean, bright: m == BrightMaterial}
	p.threshold, p.step, p.clear = otsu(mean)
	p.ground, p.metal = p.quantile(false, extreme), p.quantile(true, 0.5)
	p.optic = p.blur()
	return p
}

// quantile is the grey value that the share q of all material, or ground, is
// further from the other side than.
func (p *Pattern) quantile(material bool, q float64) float64 {
	var values histogram
	for n, v := range p.mean {
		if p.isMaterial(n) == material {
			values.add(int(v))
		}
	}
	if values.total == 0 {
		return float64(p.threshold)
	}
	if material == p.bright {
		q = 1 - q
	}
	return float64(values.quantile(q))
}

// histogram counts whole numbers from 0 to 255.
type histogram struct {
	count [256]int
	total int
}

func (h *histogram) add(v int) {
	h.count[v]++
	h.total++
}

// quantile is the number that the share q of all is at most.
func (h *histogram) quantile(q float64) int {
	rest := int(q * float64(h.total-1))
	for v, n := range h.count {
		if rest -= n; rest < 0 {
			return v
		}
	}
	return len(h.count) - 1
}

// extreme is the share of the ground that lies further from material.
const extreme = 0.1

// blur is what the optic makes of a sharp edge, by the steepest of the golden's:
// a Gaussian of standard deviation σ rises by step/(σ√2π) in a pixel.
func (p *Pattern) blur() float64 {
	var twice histogram // of the rise across two pixels
	for n := range p.mean {
		if x := n % p.width; x > 0 && x < p.width-1 {
			rise := int(p.mean[n+1]) - int(p.mean[n-1])
			if rise = max(rise, -rise); float64(rise) > math.Abs(p.step)/4 {
				twice.add(rise)
			}
		}
	}
	if twice.total == 0 {
		return leastOptic
	}
	rise := float64(twice.quantile(0.9)) / 2
	return min(max(math.Abs(p.metal-p.ground)/(rise*math.Sqrt(2*math.Pi)), leastOptic), mostOptic)
}

// The optic's blur is within these standard deviations, pixels.
const leastOptic, mostOptic = 0.5, 1.5

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

// Limits between the classes, found on simulated dies of four layouts.
const (
	scratchRatio  = 6    // length over mean width
	scratchLength = 20   // pixels
	strokeRatio   = 3.5  // of what lies on top: longer side of its outline over the shorter
	strokeLength  = 10   // pixels
	beyond        = 1.15 // of the way to the other side, from which it lies on top
	blurred       = 0.4  // more of that, where the optic took all of the contrast
	part          = 0.55 // of the way, below which it is a stain
	dimmed        = 0.45 // of the expected grey value, likewise, where it goes away from the other side
	aboveMetal    = 0.82 // of material's grey value: what is taken for the way from it to white
	stainArea     = 20   // pixels
	leastWay      = 20   // grey levels
	leastPassed   = 0.6  // of its contrast, that the optic is taken to leave of a defect
)

// Confidence of a class; of pattern classes before it is multiplied by how
// clearly the golden divides.
const (
	surePattern = 0.95
	sureOnTop   = 0.95
	// How far views of one defect, each with its own shift, light and noise, have it
	// from its mean, standard deviations: way; area and proportions, relatively.
	wayScatter  = 0.06
	areaScatter = 0.15
)

// Classify names the class of a blob found on a die, and measures it. die holds
// the die's grey values, by rows, registered and brightness-matched to the
// golden; only those in Window are read. The confidence is 0 to 1. It is used
// from one goroutine.
func (p *Pattern) Classify(b Blob, die []uint8) (Class, float64, Measures) {
	measures := p.measure(b, die)
	w := &p.window
	w.open(p, b, die)
	length, _ := b.Axes()
	if length >= scratchLength && math.Pi/4*length*length >= scratchRatio*float64(b.Area) {
		return Scratch, sureOnTop, measures
	}
	class, confidence := p.layer(w.strongest(p), measures, b.Area)
	if class == Particle {
		if long := longish(measures); long >= 0.5 {
			class, confidence = Scratch, confidence*long
		} else {
			confidence *= 1 - long
		}
	}
	if class == Unclassified {
		var share float64
		class, share = w.topology()
		confidence *= share
	}
	return class, alike(confidence), measures
}

// alike takes off what differs from CPU to CPU: their exponentials and logarithms
// do in the last bits, and what is found is to be the same on all.
func alike(confidence float64) float64 { return math.Round(confidence*1e6) / 1e6 }

// layer is Particle or Stain for what lies on the pattern, and Unclassified for
// what may be a change of the pattern itself; and how sure that is.
func (p *Pattern) layer(s strongest, m Measures, area int) (Class, float64) {
	passed := p.passed(m)
	wide := normal(math.Log(float64(area)/(stainArea-0.5)) / areaScatter)
	if s.toward <= 0 {
		room := s.expected
		if s.brighter {
			room = aboveMetal * p.metal
		}
		way := -s.toward / passed / max(room, leastWay)
		stain := wide * below(way, dimmed)
		if area >= stainArea && way < dimmed {
			return Stain, sureOnTop * max(stain, 0.5)
		}
		return Particle, sureOnTop * max(1-stain, 0.5)
	}
	way := s.toward / passed / max(leastWay, math.Abs(s.other-s.expected))
	top := beyond + blurred*(1-passed)
	particle, stain := 1-below(way, top), wide*below(way, part)
	switch {
	case way > top:
		return Particle, sureOnTop * particle
	case area >= stainArea && way < part:
		return Stain, sureOnTop * max(stain, 0.5)
	}
	return Unclassified, p.clear * surePattern * max(1-particle-stain, 0.5)
}

// longish is how likely it is that another view has what lies on top as a stroke.
func longish(m Measures) float64 {
	return normal(math.Log(m.Size/max(strokeLength, strokeRatio*m.Width)) / areaScatter)
}

// below is how likely it is that another view of a defect has its way below a
// limit.
func below(way, limit float64) float64 { return normal((limit - way) / (math.Sqrt2 * wayScatter)) }

// normal is the standard normal distribution.
func normal(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// passed is the part of a defect's contrast that the optic leaves in its middle:
// that of a disc under a Gaussian, 1 − exp(−D²/8σ²). The optic's own width is
// taken out of the measured one as far as small defects on simulated dies ask.
func (p *Pattern) passed(m Measures) float64 {
	const point = 0.5
	width := 2.355 * p.optic
	square := max(0, m.Size*m.Width-point*width*width)
	return max(leastPassed, 1-math.Exp(-square/(8*p.optic*p.optic)))
}

// measure measures a blob found on a die; see Classify.
func (p *Pattern) measure(b Blob, die []uint8) Measures {
	at := &p.around
	at.Box, at.Grey, at.Expected = p.Window(b), at.Grey[:0], at.Expected[:0]
	for y := at.Box.Min.Y; y < at.Box.Max.Y; y++ {
		for n := y*p.width + at.Box.Min.X; n < y*p.width+at.Box.Max.X; n++ {
			at.Grey, at.Expected = append(at.Grey, float32(die[n])), append(at.Expected, float32(p.mean[n]))
		}
	}
	return p.measurer.Measure(b, *at)
}

// FallShort says by how many pixels the outline of a blob may fall short of the
// change that it is part of, as where edges may wander and the change begins at
// one.
func (p *Pattern) FallShort(pixels int) { p.short = pixels }

// Clear is how well material and ground are told apart, 0 to 1: the share of all
// scatter of grey values that lies between the two, after Otsu.
func (p *Pattern) Clear() float64 { return p.clear }
