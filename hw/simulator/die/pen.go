package die

import "math/rand/v2"

// pen draws the parts that layouts are made of. Connected parts overlap by more
// than a line's possible shrinkage, so that they stay connected at any bias.
type pen struct {
	w, h   float64
	shapes []Shape
}

// area is a part of the die.
type area struct{ x0, y0, x1, y1 float64 }

func (a area) width() float64       { return a.x1 - a.x0 }
func (a area) height() float64      { return a.y1 - a.y0 }
func (a area) inset(d float64) area { return area{a.x0 + d, a.y0 + d, a.x1 - d, a.y1 - d} }

// columns cuts an area into n equal ones with a gap between, on whole pixels.
func (a area) columns(n int, gap float64) []area {
	each := float64(int((a.width() - gap*float64(n-1)) / float64(n)))
	var parts []area
	for i := range n {
		x := a.x0 + float64(i)*(each+gap)
		parts = append(parts, area{x, a.y0, x + each, a.y1})
	}
	return parts
}

// rows cuts an area as columns does, from top to bottom.
func (a area) rows(n int, gap float64) []area {
	var parts []area
	for _, p := range (area{a.y0, a.x0, a.y1, a.x1}).columns(n, gap) {
		parts = append(parts, area{p.y0, p.x0, p.y1, p.x1})
	}
	return parts
}

func (p *pen) rect(x0, y0, x1, y1 float64, m Material) {
	if x1 > x0 && y1 > y0 {
		p.shapes = append(p.shapes, Shape{X0: x0, Y0: y0, X1: x1, Y1: y1, Material: m})
	}
}

func (p *pen) block(a area, m Material) { p.rect(a.x0, a.y0, a.x1, a.y1, m) }

func (p *pen) disc(cx, cy, r float64, m Material) {
	p.shapes = append(p.shapes, Shape{cx - r, cy - r, cx + r, cy + r, m, true})
}

// ring is a closed frame of metal just inside an area.
func (p *pen) ring(a area, width float64) {
	p.rect(a.x0, a.y0, a.x1, a.y0+width, Metal)
	p.rect(a.x0, a.y1-width, a.x1, a.y1, Metal)
	p.rect(a.x0, a.y0, a.x0+width, a.y1, Metal)
	p.rect(a.x1-width, a.y0, a.x1, a.y1, Metal)
}

// horizontals fills an area with parallel lines, each a net of its own.
func (p *pen) horizontals(a area, width, pitch float64) {
	for y := a.y0; y+width <= a.y1; y += pitch {
		p.rect(a.x0, y, a.x1, y+width, Metal)
	}
}

// verticals does the same with upright lines.
func (p *pen) verticals(a area, width, pitch float64) {
	for x := a.x0; x+width <= a.x1; x += pitch {
		p.rect(x, a.y0, x+width, a.y1, Metal)
	}
}

// tiles strews dummy fill, which planarisation wants wherever there is no metal.
func (p *pen) tiles(a area) {
	const side, pitch = 4, 9
	for y := a.y0; y+side <= a.y1; y += pitch {
		for x := a.x0; x+side <= a.x1; x += pitch {
			p.rect(x, y, x+side, y+side, Fill)
		}
	}
}

// pads sets square pads with a wire of 4 pixels towards the die's inside along a
// row. inward is the direction of the wire: 1 down, -1 up.
func (p *pen) pads(a area, side, pitch, inward float64) {
	spare := a.width() - side
	n := int(spare / pitch)
	x := a.x0 + float64(int((spare-float64(n)*pitch)/2))
	for range n + 1 {
		p.rect(x, a.y0, x+side, a.y0+side, Pad)
		middle, end := x+side/2, a.y0+side-1
		if inward < 0 {
			end = a.y0 - 8
		}
		p.rect(middle-2, end, middle+2, end+9, Metal)
		x += pitch
	}
}

// fixed is the generator behind a layout's irregular parts. Its seed belongs to
// the product: every lot has the same die.
func fixed(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x6b656e7361)) }
