package stage

import (
	"errors"
	"math"

	"kensa/calibration/geometry"
	"kensa/calibration/leastsquares"
)

// view is what a frame says of the plate: the affine map from the plate's µm to
// pixels, about the frame's middle.
type view struct {
	// Scale is A and Turn the angle of p = A·R(Turn)·plate: A = (Ax, S; 0, Ay), pixels per µm.
	Ax, Ay, S, Turn float64
	// Middle is the plate's place at the frame's middle, µm in the plate's directions.
	Middle geometry.Point
}

// look fits seen = J·plate + t by least squares and reads the view off it.
func look(matches []geometry.Match, width, height int) (view, error) {
	u, v := leastsquares.New(3), leastsquares.New(3)
	for _, m := range matches {
		row := []float64{m.Plate.X, m.Plate.Y, 1}
		u.Add(row, m.Seen.X-float64(width)/2)
		v.Add(row, m.Seen.Y-float64(height)/2)
	}
	a, _, ok := u.Solve()
	if !ok {
		return view{}, errors.New("stage: the plate's points lie in one line")
	}
	b, _, _ := v.Solve() // of the same rows
	j11, j12, t1 := a[0], a[1], a[2]
	j21, j22, t2 := b[0], b[1], b[2]
	det := j11*j22 - j12*j21
	seen := view{Middle: geometry.Point{X: -(j22*t1 - j12*t2) / det, Y: -(j11*t2 - j21*t1) / det}}
	// J = A·R(turn): its second row is Ay·(sin, cos); A's first row is J's times R(−turn).
	seen.Turn, seen.Ay = math.Atan2(j21, j22), math.Hypot(j21, j22)
	sin, cos := math.Sincos(seen.Turn)
	seen.Ax, seen.S = j11*cos-j12*sin, j11*sin+j12*cos
	return seen, nil
}

// camera turns a displacement on the plate into one in the camera's directions.
func (v view) camera(p geometry.Point) geometry.Point {
	sin, cos := math.Sincos(v.Turn)
	return geometry.Point{X: cos*p.X - sin*p.Y, Y: sin*p.X + cos*p.Y}
}

// plate is its inverse.
func (v view) plate(p geometry.Point) geometry.Point {
	sin, cos := math.Sincos(v.Turn)
	return geometry.Point{X: cos*p.X + sin*p.Y, Y: cos*p.Y - sin*p.X}
}

// Move is a place that the stage was sent to, and where it went.
type Move struct {
	ToldX, ToldY float64 // µm
	X, Y         float64 // µm from the origin, in the camera's directions
}

// affine is how the stage moves: (X, Y) = offset + M·(told).
type affine struct {
	offsetX, offsetY float64
	xx, xy, yx, yy   float64
	errorX, errorY   float64 // standard errors of M's columns, each element
	spreadX, spreadY float64 // of the residuals
	residuals        []geometry.Point
	unit             leastsquares.Matrix // (AᵀA)⁻¹
}

// fit is by least squares; each axis of the picture has its own scatter.
func fit(moves []Move) (affine, error) {
	n := len(moves)
	along, across := leastsquares.New(3), leastsquares.New(3)
	for _, m := range moves {
		row := []float64{1, m.ToldX, m.ToldY}
		along.Add(row, m.X)
		across.Add(row, m.Y)
	}
	x, inverse, ok := along.Solve()
	if !ok {
		return affine{}, errors.New("stage: moves in one direction only")
	}
	y, _, _ := across.Solve() // of the same rows
	f := affine{offsetX: x[0], offsetY: y[0], xx: x[1], yx: y[1], xy: x[2], yy: y[2], unit: inverse}
	for _, m := range moves {
		d := geometry.Point{X: m.X - f.offsetX - f.xx*m.ToldX - f.xy*m.ToldY, Y: m.Y - f.offsetY - f.yx*m.ToldX - f.yy*m.ToldY}
		f.residuals = append(f.residuals, d)
		f.spreadX, f.spreadY = f.spreadX+d.X*d.X, f.spreadY+d.Y*d.Y
	}
	free := math.Max(1, float64(n-3))
	f.spreadX, f.spreadY = math.Sqrt(f.spreadX/free), math.Sqrt(f.spreadY/free)
	f.errorX, f.errorY = math.Sqrt(inverse.At(1, 1)), math.Sqrt(inverse.At(2, 2))
	return f, nil
}
