package flaw

import (
	"image"
	"math"
	"math/rand/v2"
)

// open cuts a wire.
func (p *Placer) open(random *rand.Rand, f *Flaw) {
	s, ok := p.pick(random)
	if !ok {
		return
	}
	x, y := s.off(-s.width / 2)
	f.Size = min(f.Size, 7)
	cut := &band{x: x, y: y, half: s.width/2 + 1, width: max(f.Size, 2.5), waist: 0.2 * random.Float64(),
		wave: 0.4 * random.Float64(), turn: 6 * random.Float64(), upright: s.upright}
	f.shape, f.Box, f.Size = cut, cut.box(), max(cut.width, s.width)
}

// short joins a wire to its neighbour.
func (p *Placer) short(random *rand.Rand, f *Flaw) {
	s, ok := p.pick(random)
	if !ok {
		return
	}
	gap, ok := p.gap(s)
	if !ok {
		return
	}
	x, y := s.off(gap / 2)
	bridge := &band{x: x, y: y, half: gap/2 + 1, width: min(max(f.Size, 2.5), 7), waist: 0.35 * random.Float64(),
		wave: 0.3 * random.Float64(), turn: 6 * random.Float64(), upright: s.upright}
	f.shape, f.Box, f.Size = bridge, bridge.box(), max(bridge.width, gap)
}

// edge bites into a wire (direction -1) or lets it grow (1), by about half of
// what there is to go.
func (p *Placer) edge(random *rand.Rand, f *Flaw, direction float64) {
	s, ok := p.pick(random)
	if !ok {
		return
	}
	room := s.width
	if direction > 0 {
		room, _ = p.gap(s)
	}
	depth := min(room*(0.45+0.2*random.Float64()), max(f.Size, 1.5))
	if depth < 1.3 || room-depth < 1 {
		return
	}
	along := min(max(f.Size, 3), 2.5*depth+2)
	a, b := along/2, depth
	if s.upright {
		a, b = b, a
	}
	bump := newBlob(random, s.x, s.y, a, b, 0.06).aligned()
	// A growth must not come out on the wire's other side, nor a bite reach over
	// the gap into the next wire.
	if direction > 0 {
		f.shape = &sided{shape: bump, side: s, inner: s.width / 2, outer: math.Inf(1)}
	} else {
		f.shape = &sided{shape: bump, side: s, inner: math.Inf(1), outer: 0.5}
	}
	f.Box, f.Size = bump.box(), max(along, depth)
}

// copper is an island where there is room for one.
func (p *Placer) copper(random *rand.Rand, f *Flaw) {
	x, y := random.Float64()*float64(p.design.Width), random.Float64()*float64(p.design.Height)
	room := p.clearance(x, y) - 1.8
	if room < 1.2 {
		return
	}
	r := min(f.Size/2, room/1.15)
	island := newBlob(random, x, y, r, r*(0.75+0.25*random.Float64()), 0.08)
	f.shape, f.Box, f.Size = island, island.box(), 2*r
}

// pinHole is a hole with metal all around.
func (p *Placer) pinHole(random *rand.Rand, f *Flaw) {
	if len(p.bodies) == 0 {
		return
	}
	s := p.bodies[random.IntN(len(p.bodies))]
	room := min(s.Width(), s.Height())/2 - 1.8
	if s.Round {
		room *= 0.7
	}
	r := min(max(f.Size/2, 1.3), room/1.15, 4)
	free := func(a, b float64) float64 { return a + r + 1.6 + random.Float64()*max(b-a-2*r-3.2, 0) }
	x, y := free(s.X0, s.X1), free(s.Y0, s.Y1)
	hole := newBlob(random, x, y, r, r*(0.8+0.2*random.Float64()), 0.08)
	f.shape, f.Box, f.Size = hole, hole.box(), 2*r
}

// particle lies anywhere, darker or brighter than all of the die.
func (p *Placer) particle(random *rand.Rand, f *Flaw) {
	x, y := random.Float64()*float64(p.design.Width), random.Float64()*float64(p.design.Height)
	grain := newBlob(random, x, y, f.Size/2, f.Size/2*(0.6+0.4*random.Float64()), 0.15)
	grain.soft = softEdge
	f.shape, f.Box = grain, grain.box()
	f.Grey, f.Strength = 12, 0.8+0.2*random.Float64()
	if random.IntN(2) == 0 {
		f.Grey = 248
	}
}

// scratch is a line of several times the nominal size, bent a little.
func (p *Placer) scratch(random *rand.Rand, f *Flaw) {
	x, y := random.Float64()*float64(p.design.Width), random.Float64()*float64(p.design.Height)
	length := 12 * f.Size
	angle := random.Float64() * 2 * math.Pi
	const parts = 4
	points := [][2]float64{{x, y}}
	for range parts {
		angle += 0.15 * random.NormFloat64()
		x, y = x+length/parts*math.Cos(angle), y+length/parts*math.Sin(angle)
		points = append(points, [2]float64{x, y})
	}
	p.stroke(random, f, points)
	if f.Size < shortest {
		f.Box = image.Rectangle{} // too little of it on the die
	}
}

// shortest is the length from which a line is a scratch, in pixels.
const shortest = 15

// stroke makes a flaw a scratch along points.
func (p *Placer) stroke(random *rand.Rand, f *Flaw, points [][2]float64) {
	line := &stroke{points: points, width: 1.8 + 1.6*random.Float64(),
		within: image.Rect(0, 0, p.design.Width, p.design.Height).Inset(2)}
	f.shape, f.Box = line, line.box()
	f.Grey, f.Strength = 235, 0.6+0.3*random.Float64()
	if random.IntN(3) == 0 {
		f.Grey = 18
	}
	f.Size = float64(max(f.Box.Dx(), f.Box.Dy()))
}

// Along puts a scratch along given points of the die, as one that runs across
// the wafer does. It is nil where hardly any of it lies on the die.
func (p *Placer) Along(random *rand.Rand, points [][2]float64) *Flaw {
	f := &Flaw{Class: Scratch}
	p.stroke(random, f, points)
	if f.Size < shortest {
		return nil
	}
	return f
}

// stain is a large faint patch with a soft edge: residue of a drop.
func (p *Placer) stain(random *rand.Rand, f *Flaw) {
	x, y := random.Float64()*float64(p.design.Width), random.Float64()*float64(p.design.Height)
	r := 2.5 * f.Size
	patch := newBlob(random, x, y, r, r*(0.6+0.4*random.Float64()), 0.12)
	patch.soft = 4
	f.shape, f.Box, f.Size = patch, patch.box(), 2*r
	f.Grey, f.Strength = 0, 0.16+0.14*random.Float64()
}
