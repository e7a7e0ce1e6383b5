package stand

import (
	"math"

	"periph.io/x/conn/v3/physic"

	"kensa/hw/bench"
)

// pose is how a target lies: its origin and its axes in the stage's directions.
type pose struct {
	origin     [3]float64 // µm
	e1, e2, up [3]float64
}

// lie turns the setting's and the plate's angles into axes: R = Rz·Ry·Rx.
func (p *Plate) lie(s bench.Setting, at place) pose {
	sx, cx := math.Sincos(radians(s.TiltX))
	sy, cy := math.Sincos(radians(s.TiltY))
	sz, cz := math.Sincos(radians(s.Turn) + p.Turn)
	return pose{
		origin: [3]float64{p.X + at.x, p.Y + at.y, at.z},
		e1:     [3]float64{cz * cy, sz * cy, -sy},
		e2:     [3]float64{cz*sy*sx - sz*cx, sz*sy*sx + cz*cx, cy * sx},
		up:     [3]float64{cz*sy*cx + sz*sx, sz*sy*cx - cz*sx, cy * cx},
	}
}

func radians(a physic.Angle) float64 { return float64(a) / float64(physic.Radian) }

// meet is where the ray through an ideal place (µm at height 0) meets the
// target: in the target's coordinates, µm, and the height there. The ray is
// (X, Y)·(1 − z/D), D infinite for a telecentric lens.
func (p *pose) meet(ray point, distance float64) (q point, z float64) {
	near := 0.0
	if distance > 0 {
		near = 1 / distance
	}
	n, o := p.up, p.origin
	// n·(s·X, s·Y, z) = n·o with s = 1 − z·near.
	flat := n[0]*ray.x + n[1]*ray.y
	z = (n[0]*o[0] + n[1]*o[1] + n[2]*o[2] - flat) / (n[2] - near*flat)
	s := 1 - z*near
	d := [3]float64{ray.x*s - o[0], ray.y*s - o[1], z - o[2]}
	return point{dot(d, p.e1), dot(d, p.e2)}, z
}

func dot(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

// reflect is what part of the mirror's light a target sends back from a place,
// µm from its middle, seen with a blur of sigma µm.
func (p *Plate) reflect(t bench.Target, q point, sigma float64) float64 {
	switch t {
	case bench.Chessboard:
		return p.shade(p.board(q, sigma))
	case bench.Circles:
		return p.shade(p.dots(q, sigma))
	case bench.Edge:
		sin, cos := math.Sincos(p.EdgeAngle)
		return p.shade(step(q.x*cos+q.y*sin, sigma))
	case bench.Wafer:
		return p.shade(p.streets(q, sigma))
	default:
		return 1
	}
}

// shade turns 0 (dark) to 1 (bright) into reflectance.
func (p *Plate) shade(bright float64) float64 { return p.Contrast + (1-p.Contrast)*bright }

// board is a chessboard of Columns×Rows squares whose first is dark, on a bright
// plate.
func (p *Plate) board(q point, sigma float64) float64 {
	w, h := float64(p.Columns)*p.Pitch, float64(p.Rows)*p.Pitch
	inside := box(q.x, w, sigma) * box(q.y, h, sigma)
	if inside == 0 {
		return 1
	}
	wave := square(q.x+w/2, p.Pitch, sigma) * square(q.y+h/2, p.Pitch, sigma)
	return 1 - inside*(1+wave)/2
}

// square is a wave of +1 and −1, each pitch wide, blurred; it begins with +1 at 0.
func square(x, pitch, sigma float64) float64 {
	n := math.Round(x / pitch)
	rise := 2*step(x-n*pitch, sigma) - 1
	if int(n)%2 != 0 {
		return -rise
	}
	return rise
}

// dots are Columns×Rows dark dots.
func (p *Plate) dots(q point, sigma float64) float64 {
	x, okX := nearest(q.x, p.Pitch, p.Columns)
	y, okY := nearest(q.y, p.Pitch, p.Rows)
	if !okX || !okY {
		return 1
	}
	return step(math.Hypot(q.x-x, q.y-y)-p.Dot*p.Pitch/2, sigma)
}

// nearest is the middle of the dot next to x; false beyond the last.
func nearest(x, pitch float64, count int) (float64, bool) {
	first := -float64(count-1) / 2
	n := math.Round(x/pitch - first)
	return (n + first) * pitch, n >= 0 && n < float64(count)
}

// streets are the lines between dies: a tenth of the pitch wide, dark.
func (p *Plate) streets(q point, sigma float64) float64 {
	return (1 - line(q.x, p.Pitch, sigma)) * (1 - line(q.y, p.Pitch, sigma))
}

func line(x, pitch, sigma float64) float64 {
	return box(x-math.Round(x/pitch)*pitch, pitch/10, sigma)
}

// box is 1 within width about 0, else 0, blurred.
func box(x, width, sigma float64) float64 { return step(width/2-math.Abs(x), sigma) }

// step is 0 below 0 and 1 above, blurred by a Gaussian.
func step(x, sigma float64) float64 {
	switch {
	case x < -5*sigma:
		return 0
	case x > 5*sigma:
		return 1
	}
	return 0.5 * (1 + math.Erf(x/(math.Sqrt2*sigma)))
}
