package optics

import (
	"image"
	"math"
)

// Canvas is a field before the camera: grey values times One, without light
// falling off, dust or noise.
type Canvas struct {
	Width, Height int
	Pix           []uint16
}

// NewCanvas is a black canvas.
func NewCanvas(width, height int) *Canvas {
	return &Canvas{width, height, make([]uint16, width*height)}
}

// Bounds is the canvas's rectangle.
func (c *Canvas) Bounds() image.Rectangle { return image.Rect(0, 0, c.Width, c.Height) }

// Clear blackens the canvas to the grey of the empty stage.
func (c *Canvas) Clear() {
	for i := range c.Pix {
		c.Pix[i] = Stage * One
	}
}

// Stage is the 8-bit grey of what lies around the wafer.
const Stage = 5

// Pair is a die drawn with narrow and with wide metal; a die of any line width
// lies between.
type Pair struct{ Narrow, Wide *Plate }

// Pose says where and how a die lies before the camera.
type Pose struct {
	// X, Y is where the die's centre lies in the frame, in pixels from the
	// frame's top left corner.
	X, Y float64
	// Angle turns the die, in radians from the x to the y axis; at most MaxAngle.
	Angle float64
	// Width, Height of the die: its own coordinates begin half of it before the centre.
	Width, Height int
	// Bias is the line width between narrow (0) and wide (256); the wander of
	// the edges adds to it.
	Bias int32
	// WanderX, WanderY place the die in the table of the edges' wander.
	WanderX, WanderY int
	// Gain is the die's brightness, 4096 being 1.
	Gain int32
}

// MaxAngle bounds rotation: a die is drawn in short straight runs, which
// follow a larger angle no more.
const MaxAngle = 5e-3

// Bounds of Bias for which the wander of the edges stays between the plates.
const (
	MinBias = maxWander
	MaxBias = 256 - maxWander
)

// ToDie turns a place in the frame into one on the die.
func (p *Pose) ToDie(x, y float64) (u, v float64) {
	sin, cos := math.Sincos(p.Angle)
	dx, dy := x-p.X, y-p.Y
	return cos*dx + sin*dy + float64(p.Width)/2, cos*dy - sin*dx + float64(p.Height)/2
}

// ToFrame turns a place on the die into one in the frame.
func (p *Pose) ToFrame(u, v float64) (x, y float64) {
	sin, cos := math.Sincos(p.Angle)
	u, v = u-float64(p.Width)/2, v-float64(p.Height)/2
	return cos*u - sin*v + p.X, sin*u + cos*v + p.Y
}

// Footprint is the frame rectangle around a part of the die.
func (p *Pose) Footprint(r image.Rectangle) image.Rectangle {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, u := range []int{r.Min.X, r.Max.X} {
		for _, v := range []int{r.Min.Y, r.Max.Y} {
			x, y := p.ToFrame(float64(u), float64(v))
			x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
		}
	}
	return image.Rect(int(math.Ceil(x0)), int(math.Ceil(y0)), int(math.Floor(x1)), int(math.Floor(y1)))
}

// run is how many pixels of a turned die are drawn as one straight run: at
// MaxAngle its ends are 0.04 pixels off. Runs begin at multiples of it, so that
// a part drawn again falls on the same places of the die.
const run = 16

// Draw draws the pixels of part, in the frame, that the pair's plates cover.
func (c *Canvas) Draw(pair Pair, pose *Pose, part image.Rectangle) {
	part = part.Intersect(c.Bounds())
	length := c.Width
	if pose.Angle != 0 {
		length = run
	}
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; {
			first := x - x%length
			end := min(first+length, part.Max.X)
			middle := float64(first) + float64(length)/2
			u, v := pose.ToDie(middle, float64(y)+0.5)
			pair.sample(c.Pix[y*c.Width+x:y*c.Width+end], u-middle+float64(x), v-0.5, pose)
			x = end
		}
	}
}

// sample draws a run of pixels, the first of which begins at (u, v) on the die.
// What lies beyond the plates is left as it is.
func (p Pair) sample(to []uint16, u, v float64, pose *Pose) {
	r := p.Narrow.Rect
	x, px, fx := split(u)
	y, py, fy := split(v)
	if y < r.Min.Y || y+1 >= r.Max.Y {
		return
	}
	if skip := r.Min.X - x; skip > 0 {
		to, x = to[min(skip, len(to)):], r.Min.X
	}
	if room := r.Max.X - 1 - x; room < len(to) {
		to = to[:max(room, 0)]
	}
	if len(to) == 0 {
		return
	}
	var rows [8][]uint16
	var weights [4]uint32
	for k := range weights {
		dx, dy := k&1, k>>1
		weights[k] = weight(fx, dx) * weight(fy, dy)
		rows[k] = p.Narrow.row(x, y, px+dx, py+dy, len(to))
		rows[4+k] = p.Wide.row(x, y, px+dx, py+dy, len(to))
	}
	blend(to, &rows, &weights, wanderRow(y+pose.WanderY), x+pose.WanderX, pose)
}

// split takes a place apart into pixel, phase and the rest in 1/256 of a phase.
func split(u float64) (pixel, phase int, rest uint32) {
	n := int(math.Floor(u*phases*256 + 0.5))
	return n >> 10, n >> 8 & (phases - 1), uint32(n & 255)
}

func weight(rest uint32, far int) uint32 {
	if far == 1 {
		return rest
	}
	return 256 - rest
}

// row is n samples of a phase; phase number 4 is phase 0 of the next pixel.
func (p *Plate) row(x, y, px, py, n int) []uint16 {
	x, y = x+px/phases-p.Rect.Min.X, y+py/phases-p.Rect.Min.Y
	start := y*p.Rect.Dx() + x
	return p.planes[py%phases*phases+px%phases][start : start+n]
}

// blend is the inner loop: bilinear between the phases, then between narrow and
// wide metal by the local line width, then the die's brightness.
func blend(to []uint16, rows *[8][]uint16, w *[4]uint32, wander *[wanderSide]int8, offset int, pose *Pose) {
	n := len(to)
	a0, a1, a2, a3 := rows[0][:n], rows[1][:n], rows[2][:n], rows[3][:n]
	b0, b1, b2, b3 := rows[4][:n], rows[5][:n], rows[6][:n], rows[7][:n]
	w0, w1, w2, w3 := w[0], w[1], w[2], w[3]
	bias, gain := pose.Bias, pose.Gain
	for i := range to {
		narrow := int32((uint32(a0[i])*w0 + uint32(a1[i])*w1 + uint32(a2[i])*w2 + uint32(a3[i])*w3) >> 16)
		wide := int32((uint32(b0[i])*w0 + uint32(b1[i])*w1 + uint32(b2[i])*w2 + uint32(b3[i])*w3) >> 16)
		width := bias + int32(wander[uint8(offset+i)])
		v := narrow + (wide-narrow)*width>>8
		to[i] = uint16(v * gain >> 12)
	}
}
