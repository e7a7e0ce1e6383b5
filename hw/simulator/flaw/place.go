package flaw

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"

	"kensa/hw/simulator/die"
)

// Bias is how far the edges of conductors move outwards on the widest die and
// inwards on the narrowest, in pixels. A flaw is of its class on both.
const Bias = 0.25

// Sizes bound a flaw's longer side, in pixels.
type Sizes struct{ Min, Max float64 }

// draw is log-uniform: small flaws are the many.
func (s Sizes) draw(random *rand.Rand) float64 {
	return s.Min * math.Exp(random.Float64()*math.Log(s.Max/s.Min))
}

// Placer puts flaws on one design.
type Placer struct {
	design *die.Design
	wires  []die.Shape // thin enough to be cut
	bodies []die.Shape // thick enough for a hole
	solids []die.Shape // every conductor
}

// Limits of the conductors that flaws are put on, in pixels.
const (
	thinnestWire = 3
	thickestWire = 12
	thinnestBody = 7
	widestGap    = 10
)

// NewPlacer looks through a design for places.
func NewPlacer(d *die.Design) *Placer {
	p := &Placer{design: d}
	for _, s := range d.Shapes() {
		if !s.Material.Conducts() {
			continue
		}
		p.solids = append(p.solids, s)
		short, long := min(s.Width(), s.Height()), max(s.Width(), s.Height())
		if !s.Round && short >= thinnestWire && short <= thickestWire && long >= 10 && long >= 2*short {
			p.wires = append(p.wires, s)
		}
		if short >= thinnestBody {
			p.bodies = append(p.bodies, s)
		}
	}
	return p
}

// tries bounds the search for a place. One in a few succeeds on a layout that
// has places at all.
const tries = 400

// Place puts a flaw of a class on a die that has others already, which it keeps
// away from.
func (p *Placer) Place(random *rand.Rand, c Class, sizes Sizes, others []*Flaw) (*Flaw, error) {
	for range tries {
		f := p.propose(random, c, sizes.draw(random))
		if f == nil || !p.fits(f, others) {
			continue
		}
		if !c.Patterned() || p.IsTrue(f) {
			return f, nil
		}
	}
	return nil, fmt.Errorf("flaw: no place for a flaw of class %s on layout %s", c, p.design.Name)
}

// apart is the least distance between two flaws, in pixels: nearer ones would be
// seen as one.
const apart = 12

func (p *Placer) fits(f *Flaw, others []*Flaw) bool {
	if f.Box.Empty() || !f.Box.In(image.Rect(0, 0, p.design.Width, p.design.Height).Inset(1)) {
		return false
	}
	for _, o := range others {
		if o.Box.Inset(-apart).Overlaps(f.Box) {
			return false
		}
	}
	return true
}

// window is how far around a flaw the geometry is looked at, in pixels.
const window = 6

// IsTrue tells whether a flaw is of its class on the narrowest and the widest die.
func (p *Placer) IsTrue(f *Flaw) bool {
	for _, bias := range []float64{-Bias, Bias} {
		r := p.design.Raster(f.Box.Inset(-window), bias)
		before := topologyOf(r)
		f.Carve(r)
		if !f.Class.isTrue(before, topologyOf(r)) {
			return false
		}
	}
	return true
}

func (p *Placer) propose(random *rand.Rand, c Class, size float64) *Flaw {
	f := &Flaw{Class: c, Size: size, Strength: 0.7 + 0.3*random.Float64()}
	switch c {
	case Open:
		p.open(random, f)
	case Short:
		p.short(random, f)
	case MouseBite:
		p.edge(random, f, -1)
	case Spur:
		p.edge(random, f, 1)
	case Copper:
		p.copper(random, f)
	case PinHole:
		p.pinHole(random, f)
	case Particle:
		p.particle(random, f)
	case Scratch:
		p.scratch(random, f)
	case Stain:
		p.stain(random, f)
	}
	return f
}

// side is a place on a wire's long side.
type side struct {
	x, y    float64
	outward float64 // 1 or -1 along the axis across the wire
	width   float64 // of the wire
	upright bool
}

// off is the place d pixels outwards.
func (s side) off(d float64) (x, y float64) {
	if s.upright {
		return s.x + d*s.outward, s.y
	}
	return s.x, s.y + d*s.outward
}

// pick chooses a place on a wire, weighted by length so that flaws spread evenly.
func (p *Placer) pick(random *rand.Rand) (side, bool) {
	if len(p.wires) == 0 {
		return side{}, false
	}
	w := p.wires[random.IntN(len(p.wires))]
	// A long wire is as likely to be hit as its length; short ones are tried again.
	if random.Float64()*120 > max(w.Width(), w.Height()) {
		return side{}, false
	}
	s := side{upright: w.Height() > w.Width(), outward: 1, width: min(w.Width(), w.Height())}
	if random.IntN(2) == 0 {
		s.outward = -1
	}
	middleX, middleY := (w.X0+w.X1)/2, (w.Y0+w.Y1)/2
	run := max(w.Width(), w.Height())/2 - 4
	t := (random.Float64()*2 - 1) * run
	if s.upright {
		s.x, s.y = middleX+s.outward*s.width/2, middleY+t
	} else {
		s.x, s.y = middleX+t, middleY+s.outward*s.width/2
	}
	return s, true
}

// gap measures from a wire's side to the next conductor; ok is false beyond widestGap.
func (p *Placer) gap(s side) (d float64, ok bool) {
	const step = 0.5
	for d = step; d <= widestGap; d += step {
		if x, y := s.off(d); p.inside(x, y) {
			return d, true
		}
	}
	return widestGap, false
}

func (p *Placer) inside(x, y float64) bool { return p.clearance(x, y) <= 0 }

// clearance is the distance from a place to the next conductor; 0 within one.
func (p *Placer) clearance(x, y float64) float64 {
	nearest := math.Inf(1)
	for _, s := range p.solids {
		dx := max(s.X0-x, 0, x-s.X1)
		dy := max(s.Y0-y, 0, y-s.Y1)
		if s.Round {
			r := s.Width() / 2
			nearest = min(nearest, max(math.Hypot(x-s.X0-r, y-s.Y0-r)-r, 0))
			continue
		}
		nearest = min(nearest, math.Hypot(dx, dy))
	}
	return nearest
}
