// Package flaw puts known defects on simulated dies, true to their class by
// construction: a short joins two conductors, an open cuts one, a particle lies
// on top. Each flaw of a pattern class is checked on the die's geometry, at the
// narrowest and the widest metal, before it is accepted.
package flaw

import (
	"image"
	"math"
	"math/rand/v2"

	"kensa/hw/simulator/die"
)

// Class names a kind of defect, by the names that the result formats use.
type Class string

// Classes of flaws.
const (
	Open      Class = "open"
	Short     Class = "short"
	MouseBite Class = "mousebite"
	Spur      Class = "spur"
	Copper    Class = "copper"
	PinHole   Class = "pin-hole"
	Particle  Class = "particle"
	Scratch   Class = "scratch"
	Stain     Class = "stain"
)

// Classes lists every class that can be injected.
var Classes = []Class{Open, Short, MouseBite, Spur, Copper, PinHole, Particle, Scratch, Stain}

// Patterned tells the classes that change the die's pattern from those that lie
// on top of it.
func (c Class) Patterned() bool { return c != Particle && c != Scratch && c != Stain }

// Flaw is one defect on a die, in the die's camera pixels.
type Flaw struct {
	Class Class
	// Box holds all that the flaw changes, the blur aside.
	Box image.Rectangle
	// Size is the nominal length of its longer side, in pixels.
	Size float64
	// Strength is how far it goes from what should be there to what it is made
	// of, 0 to 1.
	Strength float64
	// Grey is what it is made of, for the classes that lie on top.
	Grey float64

	shape shape
}

// shape tells how much of a place belongs to a flaw: 0 to 1. Flaws that change
// the pattern take a place whole from one half on.
type shape interface{ at(x, y float64) float64 }

// Carve changes the cells of a raster as the flaw does: opens, mousebites and
// pin-holes take conductors away, shorts, spurs and copper add them. Classes
// that lie on top change nothing.
func (f *Flaw) Carve(r *die.Raster) {
	if !f.Class.Patterned() {
		return
	}
	part := f.Box.Intersect(r.Rect).Sub(r.Rect.Min)
	for j := part.Min.Y * die.Fine; j < part.Max.Y*die.Fine; j++ {
		for i := part.Min.X * die.Fine; i < part.Max.X*die.Fine; i++ {
			cell := &r.Cells[j*r.Stride+i]
			if cell.Conducts() == f.adds() {
				continue
			}
			if x, y := r.Center(i, j); f.shape.at(x, y) >= 0.5 {
				*cell = f.material()
			}
		}
	}
}

func (f *Flaw) adds() bool { return f.Class == Short || f.Class == Spur || f.Class == Copper }

func (f *Flaw) material() die.Material {
	if f.adds() {
		return die.Bridge
	}
	return die.Gap
}

// Greys is what the die's materials look like where this flaw is.
func (f *Flaw) Greys() *die.Greys {
	g := die.Grey
	g[die.Bridge] = mix(die.Grey[die.Substrate], die.Grey[die.Metal], f.Strength)
	g[die.Gap] = mix(die.Grey[die.Metal], die.Grey[die.Substrate], f.Strength)
	return &g
}

// Cover is how much of the flaw lies on a place: 0 to Strength, smoothed by the
// lens. It is for the classes that lie on top.
func (f *Flaw) Cover(x, y float64) float64 { return f.Strength * f.shape.at(x, y) }

func mix(a, b, part float64) float64 { return a + (b-a)*part }

// blob is a round patch with an uneven outline, turned and stretched.
type blob struct {
	x, y, a, b float64 // centre and half axes
	cos, sin   float64
	lobes      [3]float64 // amplitudes of the second to fourth harmonic of the outline
	phase      [3]float64
	soft       float64 // width of the edge in pixels; 0 is sharp
}

func newBlob(random *rand.Rand, x, y, a, b, uneven float64) *blob {
	s := &blob{x: x, y: y, a: a, b: b}
	s.sin, s.cos = math.Sincos(random.Float64() * 2 * math.Pi)
	for i := range s.lobes {
		s.lobes[i] = uneven * (random.Float64()*2 - 1) / float64(i+1)
		s.phase[i] = random.Float64() * 2 * math.Pi
	}
	return s
}

// aligned keeps the blob's axes along x and y.
func (s *blob) aligned() *blob {
	s.sin, s.cos = 0, 1
	return s
}

func (s *blob) at(x, y float64) float64 {
	dx, dy := x-s.x, y-s.y
	u, v := (s.cos*dx+s.sin*dy)/s.a, (s.cos*dy-s.sin*dx)/s.b
	r := math.Hypot(u, v)
	if r > 2 {
		return 0
	}
	edge := 1.0
	if s.lobes != [3]float64{} {
		angle := math.Atan2(v, u)
		for i, lobe := range s.lobes {
			edge += lobe * math.Cos(float64(i+2)*angle+s.phase[i])
		}
	}
	return ramp((edge-r)*min(s.a, s.b), s.soft)
}

func (s *blob) box() image.Rectangle {
	reach := max(s.a, s.b)*(1+math.Abs(s.lobes[0])+math.Abs(s.lobes[1])+math.Abs(s.lobes[2])) + s.soft
	return around(s.x-reach, s.y-reach, s.x+reach, s.y+reach)
}

// ramp is 0 outside and 1 inside an edge of some width, half at a distance of 0.
func ramp(inside, width float64) float64 {
	if width == 0 {
		if inside >= 0 {
			return 1
		}
		return 0
	}
	t := min(max(inside/width+0.5, 0), 1)
	return t * t * (3 - 2*t)
}

func around(x0, y0, x1, y1 float64) image.Rectangle {
	return image.Rect(int(math.Floor(x0)), int(math.Floor(y0)), int(math.Ceil(x1)), int(math.Ceil(y1)))
}

// band is a strip across a line: a cut or a bridge, with a wavy outline.
type band struct {
	x, y       float64 // centre
	half       float64 // half its length across, pixels
	width      float64 // along the line
	waist      float64 // part of the width that is missing in the middle
	wave, turn float64
	upright    bool // the line runs along y
}

func (s *band) at(x, y float64) float64 {
	along, across := x-s.x, y-s.y
	if s.upright {
		along, across = across, along
	}
	if math.Abs(across) > s.half {
		return 0
	}
	t := across / s.half
	width := s.width/2*(1-s.waist*(1-t*t)) + s.wave*math.Sin(3*t+s.turn)
	if math.Abs(along) > width {
		return 0
	}
	return 1
}

func (s *band) box() image.Rectangle {
	a, c := s.width/2+math.Abs(s.wave), s.half
	if s.upright {
		a, c = c, a
	}
	return around(s.x-a, s.y-c, s.x+a, s.y+c)
}

// sided is the part of a shape on one side of a wire's edge: as far as inner
// pixels inwards and outer pixels outwards.
type sided struct {
	shape
	side         side
	inner, outer float64
}

func (s *sided) at(x, y float64) float64 {
	d := (y - s.side.y) * s.side.outward
	if s.side.upright {
		d = (x - s.side.x) * s.side.outward
	}
	if d < -s.inner || d > s.outer {
		return 0
	}
	return s.shape.at(x, y)
}

// stroke is a scratch: a bent line with soft edges.
type stroke struct {
	points [][2]float64
	width  float64
	within image.Rectangle // the die's own part
}

func (s *stroke) at(x, y float64) float64 {
	if x < float64(s.within.Min.X) || y < float64(s.within.Min.Y) || x >= float64(s.within.Max.X) || y >= float64(s.within.Max.Y) {
		return 0
	}
	nearest := math.Inf(1)
	for i := 1; i < len(s.points); i++ {
		nearest = min(nearest, distance(x, y, s.points[i-1], s.points[i]))
	}
	return ramp(s.width/2-nearest, softEdge)
}

// softEdge is the width of the edges of what lies on top of the die, about what
// the lens makes of a sharp one.
const softEdge = 1.4

func (s *stroke) box() image.Rectangle {
	var b image.Rectangle
	for _, p := range s.points {
		r := s.width/2 + softEdge
		b = b.Union(around(p[0]-r, p[1]-r, p[0]+r, p[1]+r))
	}
	return b.Intersect(s.within)
}

// distance from a point to the line between a and b.
func distance(x, y float64, a, b [2]float64) float64 {
	dx, dy := b[0]-a[0], b[1]-a[1]
	t := ((x-a[0])*dx + (y-a[1])*dy) / max(dx*dx+dy*dy, 1e-9)
	t = min(max(t, 0), 1)
	return math.Hypot(x-a[0]-t*dx, y-a[1]-t*dy)
}
