// Package testdie draws dies and camera frames for tests, with known places,
// light and defects.
//
// Shapes are drawn at exact sub-pixel places: a rectangle through a Gaussian
// optic is a product of error functions, so nothing is interpolated and the
// drawing owes nothing to the code under test.
package testdie

import (
	"image"
	"math"
	"math/rand/v2"

	"kensa/vision/frame"
)

// Blur is the standard deviation of the optic's point spread, pixels.
const Blur = 0.6

// Rect is a rectangle whose grey value differs by Delta from what lies below.
// Pixel centres have whole coordinates; the rectangle from 9.5 to 11.5 covers
// pixels 10 and 11.
type Rect struct{ X0, Y0, X1, Y1, Delta float64 }

// Disc is a round spot; see Rect.
type Disc struct{ X, Y, Radius, Delta float64 }

// Grey values of a drawn die, before light.
const (
	Street     = 35.0
	Background = 70.0
	Material   = 150.0
)

// Layout is a product's die.
type Layout struct {
	Width, Height int
	Rects         []Rect // of material, not overlapping
	Lines         []Rect // those of Rects that are long horizontal lines
}

// NewLayout draws lines of several widths, pads and vias; seed makes products
// that differ.
func NewLayout(width, height int, seed uint64) Layout {
	l := Layout{Width: width, Height: height}
	r := rand.New(rand.NewPCG(seed, 1))
	w, h := float64(width), float64(height)
	const step = Material - Background
	y := 10.0
	for ; y < 0.6*h; y += 12 + float64(r.IntN(8)) { // lines across, cut at places
		thick := 4 + 6*r.Float64()
		cut := w * (0.3 + 0.5*r.Float64())
		l.Lines = append(l.Lines, Rect{8, y, cut, y + thick, step}, Rect{cut + 8 + 6*r.Float64(), y, w - 8, y + thick, step})
	}
	l.Rects = append(l.Rects, l.Lines...)
	for x := 10.0; x < 0.5*w; x += 11 + float64(r.IntN(6)) { // lines down
		l.Rects = append(l.Rects, Rect{x, y + 6 + 10*r.Float64(), x + 4 + 3*r.Float64(), h - 8 - 10*r.Float64(), step})
	}
	for x := 0.55 * w; x < w-24; x += 26 { // pads
		for yy := y + 8; yy < h-20; yy += 24 {
			side := 8 + 8*r.Float64()
			l.Rects = append(l.Rects, Rect{x, yy, x + side, yy + side, step})
		}
	}
	return l
}

// Frame is a camera frame of 3×3 dies, drawn by Draw.
type Frame struct {
	Image frame.Image
	Rects []image.Rectangle // where the dies are expected
	// DX and DY are how far each die truly lies from its rectangle, but for the
	// turn; see At.
	DX, DY []float64

	turn
}

// At is where in the frame the place (x, y) of a die truly lies.
func (f Frame) At(die int, x, y float64) (float64, float64) {
	r := f.Rects[die]
	return f.turn.to(float64(r.Min.X)+f.DX[die]+x, float64(r.Min.Y)+f.DY[die]+y)
}

// turn is about (cx, cy).
type turn struct{ cx, cy, sin, cos, scale float64 }

func newTurn(width, height int, angle, scale float64) turn {
	sin, cos := math.Sincos(angle)
	return turn{float64(width-1) / 2, float64(height-1) / 2, sin, cos, 1 + scale}
}

func (t turn) to(x, y float64) (float64, float64) {
	x, y = t.scale*(x-t.cx), t.scale*(y-t.cy)
	return t.cx + t.cos*x - t.sin*y, t.cy + t.sin*x + t.cos*y
}

func (t turn) from(x, y float64) (float64, float64) {
	x, y = x-t.cx, y-t.cy
	return t.cx + (t.cos*x+t.sin*y)/t.scale, t.cy + (t.cos*y-t.sin*x)/t.scale
}

// Conditions are what varies from frame to frame.
type Conditions struct {
	Noise     float64 // standard deviation, grey levels
	Jitter    float64 // greatest shift of the stage, pixels, in x and in y
	Light     float64 // relative spread of the brightness, ± from frame to frame
	DieGain   float64 // relative standard deviation of the brightness from die to die
	Vignette  float64 // relative loss of light at the frame's corners
	Tilt      float64 // relative difference of light between left and right
	EdgeNoise float64 // standard deviation of every edge's place, pixels
	Angle     float64 // of the field about the frame's middle, radians from the x to the y axis
	Scale     float64 // how much larger the field is, relative
}

// Usual are the conditions of the default simulated tool.
func Usual() Conditions {
	return Conditions{Noise: 2.5, Jitter: 2, Light: 0.03, DieGain: 0.01, Vignette: 0.15, Tilt: 0.05, EdgeNoise: 0.08}
}

// street is the width between dies, and surround that around all nine, pixels.
// Dies of 290×240 pixels make frames of 960×800, the default camera's.
const (
	street   = 10
	surround = 70
)

// Draw makes a frame of 3×3 dies. spoil, if not nil, gives the defects of each
// die, in die coordinates.
func (l Layout) Draw(c Conditions, r *rand.Rand, spoil func(die int) []Disc) Frame {
	pitchX, pitchY := l.Width+street, l.Height+street
	canvas := newCanvas(3*pitchX+surround-street, 3*pitchY+surround-2*street, Street)
	canvas.turn = newTurn(canvas.width, canvas.height, c.Angle, c.Scale)
	f := Frame{turn: canvas.turn}
	jx, jy := c.Jitter*(2*r.Float64()-1), c.Jitter*(2*r.Float64()-1)
	for n := range 9 {
		x := (canvas.width-2*pitchX-l.Width)/2 + n%3*pitchX
		y := (canvas.height-2*pitchY-l.Height)/2 + n/3*pitchY
		f.Rects = append(f.Rects, image.Rect(x, y, x+l.Width, y+l.Height))
		f.DX, f.DY = append(f.DX, jx), append(f.DY, jy)
		l.drawDie(canvas, float64(x)+jx, float64(y)+jy, 1+c.DieGain*r.NormFloat64(), c.EdgeNoise, r)
		if spoil != nil {
			for _, d := range spoil(n) {
				d.X, d.Y = d.X+float64(x)+jx, d.Y+float64(y)+jy
				canvas.disc(d)
			}
		}
	}
	f.Image = canvas.expose(c, r)
	return f
}

func (l Layout) drawDie(c *canvas, x, y, gain, edge float64, r *rand.Rand) {
	at := func(d Rect) {
		c.rect(Rect{d.X0 + x + edge*r.NormFloat64(), d.Y0 + y + edge*r.NormFloat64(),
			d.X1 + x + edge*r.NormFloat64(), d.Y1 + y + edge*r.NormFloat64(), gain * d.Delta})
	}
	c.rect(Rect{x - 0.5, y - 0.5, x - 0.5 + float64(l.Width), y - 0.5 + float64(l.Height), gain*Background - Street})
	for _, d := range l.Rects {
		at(d)
	}
}

type canvas struct {
	width, height int
	pix           []float64
	turn          turn
}

func newCanvas(width, height int, value float64) *canvas {
	c := &canvas{width: width, height: height, pix: make([]float64, width*height)}
	for n := range c.pix {
		c.pix[n] = value
	}
	return c
}

// edges is how much of the interval a to b each pixel from first on sees.
func edges(a, b float64, size int) (first int, share []float64) {
	const reach = 5 * Blur
	first = max(0, int(math.Floor(a-reach)))
	for n := first; n <= min(size-1, int(math.Ceil(b+reach))); n++ {
		v := func(edge float64) float64 { return math.Erf((float64(n) - edge) / (math.Sqrt2 * Blur)) }
		share = append(share, (v(a)-v(b))/2)
	}
	return first, share
}

func (c *canvas) rect(d Rect) {
	if c.turn.sin != 0 || c.turn.scale != 1 {
		c.turnedRect(d)
		return
	}
	x0, across := edges(d.X0, d.X1, c.width)
	y0, down := edges(d.Y0, d.Y1, c.height)
	for y, v := range down {
		row := c.pix[(y0+y)*c.width:]
		for x, u := range across {
			row[x0+x] += d.Delta * u * v
		}
	}
}

// turnedRect is rect where the field is turned: the optic's point spread is round,
// so that at a pixel's place in the die the product of error functions still holds.
func (c *canvas) turnedRect(d Rect) {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, p := range [4][2]float64{{d.X0, d.Y0}, {d.X1, d.Y0}, {d.X0, d.Y1}, {d.X1, d.Y1}} {
		x, y := c.turn.to(p[0], p[1])
		x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x), max(y1, y)
	}
	const reach = 5 * Blur
	inside := func(v, a, b float64) float64 {
		if v > a+reach && v < b-reach {
			return 1
		}
		return (math.Erf((v-a)/(math.Sqrt2*Blur)) - math.Erf((v-b)/(math.Sqrt2*Blur))) / 2
	}
	for y := max(0, int(y0-reach)); y <= min(c.height-1, int(y1+reach)+1); y++ {
		for x := max(0, int(x0-reach)); x <= min(c.width-1, int(x1+reach)+1); x++ {
			u, v := c.turn.from(float64(x), float64(y))
			c.pix[y*c.width+x] += d.Delta * inside(u, d.X0, d.X1) * inside(v, d.Y0, d.Y1)
		}
	}
}

func (c *canvas) disc(d Disc) {
	d.X, d.Y = c.turn.to(d.X, d.Y)
	reach := d.Radius + 5*Blur
	for y := max(0, int(d.Y-reach)); y <= min(c.height-1, int(d.Y+reach)+1); y++ {
		for x := max(0, int(d.X-reach)); x <= min(c.width-1, int(d.X+reach)+1); x++ {
			r := math.Hypot(float64(x)-d.X, float64(y)-d.Y)
			c.pix[y*c.width+x] += d.Delta * math.Erfc((r-d.Radius)/(math.Sqrt2*Blur)) / 2
		}
	}
}

// expose adds light and noise and rounds to 8 bits.
func (c *canvas) expose(k Conditions, r *rand.Rand) frame.Image {
	m := frame.New(c.width, c.height, 8)
	brightness := 1 + k.Light*(2*r.Float64()-1)
	cx, cy := float64(c.width)/2, float64(c.height)/2
	for y := range c.height {
		row := m.Row(y)
		for x := range row {
			u, v := (float64(x)-cx)/cx, (float64(y)-cy)/cy
			light := brightness * (1 - k.Vignette*(u*u+v*v)/2) * (1 + k.Tilt*u/2)
			row[x] = byte(math.Round(max(0, min(255, light*c.pix[y*c.width+x]+k.Noise*r.NormFloat64()))))
		}
	}
	return m
}
