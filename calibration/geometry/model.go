// Package geometry measures how the target's plane is mapped onto the sensor:
// the size of a pixel in x and y, the angle between the pixel axes, distortion;
// with the uncertainty in µm over the view.
//
// A plate of known pitch lies flat on the stage, in focus. A point (X, Y) of the
// plate, µm, appears at
//
//	d = A·R(turn)·(X, Y) + t,  A = (1/pixelX, skew/pixelY; 0, 1/pixelY)
//	p = middle + c + d′·(1 + k·|d′|²/R²),  d′ = d − c
//
// in pixels, R being half the diagonal of the frame. A is the camera's, with
// distortion k about the centre c; turn and t are each pose's own. All are fitted
// together to all corners of all poses by Gauss and Newton's method.
package geometry

import (
	"errors"
	"fmt"
	"math"

	"kensa/calibration/leastsquares"
)

// Point is a place: pixels or µm.
type Point struct{ X, Y float64 }

// Match is a point of the plate, µm from its middle, and where it was seen, in
// pixels from the frame's top left corner.
type Match struct {
	Plate, Seen Point
	// Extent of a dot or die that was seen by its centroid: the variance of its pixels
	// about that, each way, square pixels; 0 for a corner.
	Extent float64
}

// Camera is the mapping that all poses share.
type Camera struct {
	PixelX, PixelY float64 // µm
	Skew           float64 // radians, for small angles
	K              float64 // distortion at the corner, as a part
	CentreX        float64 // of the distortion, from the middle, pixels
	CentreY        float64
}

// Fit is the outcome for a set of poses.
type Fit struct {
	Camera
	Turns []float64 // of the poses, radians
	// TurnError is the standard error of the first one.
	TurnError float64
	RMS       float64 // of the residuals, pixels, each axis
	Worst     float64 // pixels
	// Residuals by pose and match, pixels.
	Residuals [][]Point
	covar     leastsquares.Matrix
	width     int
	height    int
	distorted bool
}

// Parameters of the camera in the fitted vector, then three for each pose.
const (
	atX = iota
	atY
	atSkew
	atK
	camera // without the centre, which can be known only where there is distortion
)

// fitter holds what is fitted to what.
type fitter struct {
	poses         [][]Match
	width, height int
	distortion    bool
	centre        bool // fit the distortion's centre too
}

func (f *fitter) shared() int {
	if f.centre {
		return camera + 2
	}
	return camera
}

// Solve fits the mapping to poses of at least 12 matches each. With distortion,
// its centre is fitted too where the distortion is clear; else the frame's middle is taken.
func Solve(poses [][]Match, width, height int, distortion bool) (*Fit, error) {
	for n, p := range poses {
		if len(p) < 12 {
			return nil, fmt.Errorf("geometry: pose %d has %d points; want at least 12", n+1, len(p))
		}
	}
	if len(poses) == 0 {
		return nil, errors.New("geometry: no poses")
	}
	f := &fitter{poses: poses, width: width, height: height, distortion: distortion}
	fit, err := f.solve(f.start())
	if err != nil || !distortion || math.Abs(fit.K) < 8*math.Sqrt(fit.covar.At(atK, atK)) {
		return fit, err
	}
	f.centre = true
	start := f.start()
	start[atK] = fit.K // without distortion its centre cannot be told
	return f.solve(start)
}

// start takes the first guess from each pose's best affine map.
func (f *fitter) start() []float64 {
	v := make([]float64, f.shared()+3*len(f.poses))
	for n, p := range f.poses {
		turn, sx, sy, t := affine(p, f.width, f.height)
		v[atX] += sx / float64(len(f.poses))
		v[atY] += sy / float64(len(f.poses))
		at := f.shared() + 3*n
		v[at], v[at+1], v[at+2] = turn, t.X, t.Y
	}
	return v
}

// affine fits seen = M·plate + t by least squares and reads turn and scales off
// it: plates are square, so the first column's direction is the turn.
func affine(p []Match, width, height int) (turn, sx, sy float64, t Point) {
	var mx, my, ux, uy float64
	n := float64(len(p))
	for _, m := range p {
		mx, my = mx+m.Plate.X/n, my+m.Plate.Y/n
		ux, uy = ux+m.Seen.X/n, uy+m.Seen.Y/n
	}
	var xx, xy, yy, ax, ay, bx, by float64
	for _, m := range p {
		x, y, u, v := m.Plate.X-mx, m.Plate.Y-my, m.Seen.X-ux, m.Seen.Y-uy
		xx, xy, yy = xx+x*x, xy+x*y, yy+y*y
		ax, ay, bx, by = ax+u*x, ay+u*y, bx+v*x, by+v*y
	}
	det := xx*yy - xy*xy
	m11, m12 := (ax*yy-ay*xy)/det, (ay*xx-ax*xy)/det
	m21, m22 := (bx*yy-by*xy)/det, (by*xx-bx*xy)/det
	turn = math.Atan2(m21-m12, m11+m22)
	scale := math.Sqrt(math.Abs(m11*m22 - m12*m21))
	t = Point{ux - m11*mx - m12*my - float64(width)/2, uy - m21*mx - m22*my - float64(height)/2}
	return turn, scale, scale, t
}

// project is where the model sees a plate's point, in pixels from the middle.
// extent is that of a Match.
func (f *fitter) project(v []float64, pose int, p Point, extent float64) Point {
	at := f.shared() + 3*pose
	sin, cos := math.Sincos(v[at])
	x, y := cos*p.X-sin*p.Y, sin*p.X+cos*p.Y
	d := Point{v[atX]*x + v[atSkew]*v[atY]*y + v[at+1], v[atY]*y + v[at+2]}
	if !f.distortion {
		return d
	}
	var c Point
	if f.centre {
		c = Point{v[camera], v[camera+1]}
	}
	return distort(d, c, v[atK], extent, f.width, f.height)
}

// distort is d′·(1 + k·(|d′|² + 12·extent)/R²). A blob's centroid is not where its middle
// is seen: it is the mean of the distorted places, 8·extent/2·d′ by their second
// derivatives, each weighed with how much larger it is seen, another 8·extent·d′.
func distort(d, c Point, k, extent float64, width, height int) Point {
	x, y := d.X-c.X, d.Y-c.Y
	grow := 1 + k*(x*x+y*y+12*extent)/(float64(width*width+height*height)/4)
	return Point{c.X + x*grow, c.Y + y*grow}
}

// rows is how many equations there are.
func (f *fitter) rows() int {
	n := 0
	for _, p := range f.poses {
		n += 2 * len(p)
	}
	return n
}

func (f *fitter) residuals(v []float64, out []float64) {
	at := 0
	for n, p := range f.poses {
		for _, m := range p {
			q := f.project(v, n, m.Plate, m.Extent)
			out[at] = m.Seen.X - float64(f.width)/2 - q.X
			out[at+1] = m.Seen.Y - float64(f.height)/2 - q.Y
			at += 2
		}
	}
}

// solve iterates until the step no longer matters.
func (f *fitter) solve(v []float64) (*Fit, error) {
	rows, n := f.rows(), len(v)
	r, moved := make([]float64, rows), make([]float64, rows)
	j := make([]float64, rows*n)
	var inverse leastsquares.Matrix
	for range 30 {
		f.residuals(v, r)
		f.jacobian(v, r, moved, j)
		system := leastsquares.New(n)
		for i := range r {
			system.Add(j[i*n:(i+1)*n], r[i])
		}
		if !f.distortion {
			fixed := make([]float64, n)
			fixed[atK] = 1
			system.Add(fixed, 0)
		}
		var step []float64
		var ok bool
		if step, inverse, ok = system.Solve(); !ok {
			return nil, errors.New("geometry: the poses do not determine the mapping: want points in two directions")
		}
		largest := 0.0
		for k := range v {
			v[k] += step[k]
			largest = max(largest, math.Abs(step[k])/math.Sqrt(inverse.At(k, k)))
		}
		if largest < 1e-6 {
			break
		}
	}
	return f.finish(v, r, inverse), nil
}

// jacobian by differences; each parameter moves by what shifts a corner's image by
// some thousandths of a pixel.
func (f *fitter) jacobian(v, r, moved, j []float64) {
	size := float64(max(f.width, f.height))
	for k := range v {
		if k == atK && !f.distortion {
			continue
		}
		h := 1e-3
		switch {
		case k == atX || k == atY:
			h *= v[k] / size
		case k == atSkew || k >= f.shared() && (k-f.shared())%3 == 0:
			h /= size
		case k == atK:
			h *= 0.01
		}
		was := v[k]
		v[k] = was + h
		f.residuals(v, moved)
		v[k] = was
		for i := range r {
			j[i*len(v)+k] = (r[i] - moved[i]) / h
		}
	}
}

// finish turns the vector into a Fit; the covariance is scaled by the residuals'
// variance.
func (f *fitter) finish(v, r []float64, inverse leastsquares.Matrix) *Fit {
	out := &Fit{Camera: Camera{PixelX: 1 / v[atX], PixelY: 1 / v[atY], Skew: v[atSkew], K: v[atK]}, width: f.width, height: f.height, distorted: f.distortion}
	if f.centre {
		out.CentreX, out.CentreY = v[camera], v[camera+1]
	}
	f.residuals(v, r)
	sum, at := 0.0, 0
	for n, p := range f.poses {
		out.Turns = append(out.Turns, v[f.shared()+3*n])
		var residuals []Point
		for range p {
			d := Point{r[at], r[at+1]}
			residuals = append(residuals, d)
			sum, at = sum+d.X*d.X+d.Y*d.Y, at+2
			out.Worst = max(out.Worst, math.Hypot(d.X, d.Y))
		}
		out.Residuals = append(out.Residuals, residuals)
	}
	free := max(1, len(r)-len(v))
	out.RMS = math.Sqrt(sum / float64(len(r)))
	inverse.Scale(sum / float64(free))
	out.covar, out.TurnError = inverse, math.Sqrt(inverse.At(f.shared(), f.shared()))
	return out
}

// Errors are the standard errors of pixel x and y (µm), skew (radians) and
// distortion.
func (f *Fit) Errors() (x, y, skew, k float64) {
	e := func(i int) float64 { return math.Sqrt(f.covar.At(i, i)) }
	return e(atX) * f.PixelX * f.PixelX, e(atY) * f.PixelY * f.PixelY, e(atSkew), e(atK)
}

// Uncertainty is the standard error, in µm, of the distance from the frame's
// middle to a place in it, in pixels from the middle: the camera's parameters'
// covariance, carried through the mapping.
func (f *Fit) Uncertainty(x, y float64) float64 {
	n := camera
	if f.CentreX != 0 || f.CentreY != 0 {
		n += 2
	}
	base := f.measure(x, y, -1, 0)
	gx, gy := make([]float64, n), make([]float64, n)
	for k := range n {
		h := math.Sqrt(f.covar.At(k, k))
		if h == 0 || k == atK && !f.distorted {
			continue
		}
		q := f.measure(x, y, k, h)
		gx[k], gy[k] = (q.X-base.X)/h, (q.Y-base.Y)/h
	}
	sum := 0.0
	for i := range n {
		for k := range n {
			sum += f.covar.At(i, k) * (gx[i]*gx[k] + gy[i]*gy[k])
		}
	}
	return math.Sqrt(max(sum, 0))
}

// measure turns a place, pixels from the middle, into µm, with parameter k moved
// by h. Distortion is undone to first order, which is enough for a difference.
func (f *Fit) measure(x, y float64, k int, h float64) Point {
	v := []float64{1 / f.PixelX, 1 / f.PixelY, f.Skew, f.K, f.CentreX, f.CentreY}
	if k >= 0 {
		v[k] += h
	}
	d := Point{x, y}
	q := distort(d, Point{v[4], v[5]}, v[atK], 0, f.width, f.height)
	u, w := 2*x-q.X, 2*y-q.Y
	return Point{(u - v[atSkew]*w) / v[atX], w / v[atY]}
}
