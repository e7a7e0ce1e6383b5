package stage

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"kensa/calibration/geometry"
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
	a := mat.NewDense(len(matches), 3, nil)
	b := mat.NewDense(len(matches), 2, nil)
	for i, m := range matches {
		a.SetRow(i, []float64{m.Plate.X, m.Plate.Y, 1})
		b.SetRow(i, []float64{m.Seen.X - float64(width)/2, m.Seen.Y - float64(height)/2})
	}
	var x mat.Dense
	if err := x.Solve(a, b); err != nil {
		return view{}, errors.New("stage: the plate's points lie in one line")
	}
	j11, j12, t1 := x.At(0, 0), x.At(1, 0), x.At(2, 0)
	j21, j22, t2 := x.At(0, 1), x.At(1, 1), x.At(2, 1)
	det := j11*j22 - j12*j21
	v := view{Middle: geometry.Point{X: -(j22*t1 - j12*t2) / det, Y: -(j11*t2 - j21*t1) / det}}
	// J = A·R(turn): its second row is Ay·(sin, cos); A's first row is J's times R(−turn).
	v.Turn, v.Ay = math.Atan2(j21, j22), math.Hypot(j21, j22)
	sin, cos := math.Sincos(v.Turn)
	v.Ax, v.S = j11*cos-j12*sin, j11*sin+j12*cos
	return v, nil
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
	unit             *mat.Dense // (AᵀA)⁻¹
}

// fit is by least squares; each axis of the picture has its own scatter.
func fit(moves []Move) (affine, error) {
	n := len(moves)
	a := mat.NewDense(n, 3, nil)
	b := mat.NewDense(n, 2, nil)
	for i, m := range moves {
		a.SetRow(i, []float64{1, m.ToldX, m.ToldY})
		b.SetRow(i, []float64{m.X, m.Y})
	}
	var x, normal, inverse mat.Dense
	normal.Mul(a.T(), a)
	if err := inverse.Inverse(&normal); err != nil {
		return affine{}, errors.New("stage: moves in one direction only")
	}
	if err := x.Solve(a, b); err != nil {
		return affine{}, errors.New("stage: moves in one direction only")
	}
	f := affine{offsetX: x.At(0, 0), offsetY: x.At(0, 1), xx: x.At(1, 0), yx: x.At(1, 1), xy: x.At(2, 0), yy: x.At(2, 1), unit: &inverse}
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

// moments are the mean and the standard deviation.
func moments(v []float64) (mean, sigma float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		sigma += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(sigma / math.Max(1, float64(len(v)-1)))
}
