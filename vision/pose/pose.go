// Package pose says how a field of dies lies in the camera's frame: shifted,
// turned and scaled against the layout. It fits that to where dies were found,
// and straightens dies that are turned.
//
// Lengths are pixels, x to the right and y down; angles are radians from the x
// to the y axis; a scale is how much larger than expected, 0.001 for 0.1 %.
package pose

import (
	"fmt"
	"math"
	"slices"
)

// Angle is in radians.
type Angle float64

// Degree is an angle of one degree.
const Degree Angle = math.Pi / 180

// Degrees is the angle in degrees.
func (a Angle) Degrees() float64 { return float64(a / Degree) }

// String gives thousandths of a degree.
func (a Angle) String() string { return fmt.Sprintf("%.3f°", a.Degrees()) }

// Turn is how something is turned and scaled.
type Turn struct {
	Angle Angle
	Scale float64
}

// Apply turns and scales a distance.
func (t Turn) Apply(x, y float64) (float64, float64) {
	sin, cos := math.Sincos(float64(t.Angle))
	return (1 + t.Scale) * (cos*x - sin*y), (1 + t.Scale) * (sin*x + cos*y)
}

// Undo is the reverse of Apply.
func (t Turn) Undo(x, y float64) (float64, float64) {
	sin, cos := math.Sincos(float64(t.Angle))
	return (cos*x + sin*y) / (1 + t.Scale), (cos*y - sin*x) / (1 + t.Scale)
}

// Off is by how many pixels a turn that is not corrected displaces what lies a
// distance from the middle.
func (t Turn) Off(distance float64) float64 {
	return distance * math.Hypot(float64(t.Angle), t.Scale)
}

// And is one turn after another.
func (t Turn) And(u Turn) Turn {
	return Turn{t.Angle + u.Angle, t.Scale + u.Scale + t.Scale*u.Scale}
}

// Pose is how a field lies: turned about the frame's middle, then shifted.
type Pose struct {
	DX, DY float64
	Turn
}

// Shift is how far from its place in the layout lies what is expected at (x, y)
// from the frame's middle.
func (p Pose) Shift(x, y float64) (dx, dy float64) {
	tx, ty := p.Apply(x, y)
	return p.DX + tx - x, p.DY + ty - y
}

// Sighting is a die that was expected with its middle at (X, Y) from the frame's
// middle, and found off from there by (DX, DY).
type Sighting struct{ X, Y, DX, DY float64 }

// outlier is how many times the median error a sighting may be off, and
// negligible an error in pixels that needs no such explanation.
const (
	outlier    = 4
	negligible = 0.1
)

// usual is how many sightings are fitted without the heap.
const usual = 64

// Fit finds the pose by least squares, and again without the sightings that
// then are far off: a die taken for its neighbour must not turn the field. One
// sighting gives a shift only. rms is the error of those that remain, in pixels.
func Fit(all []Sighting) (p Pose, rms float64) {
	p = fit(all)
	// As many dies as a field usually has need no memory of the heap.
	var room [usual]float64
	var kept [usual]Sighting
	errors := room[:0]
	for _, s := range all {
		errors = append(errors, p.miss(s))
	}
	slices.Sort(errors)
	if len(all) < 4 { // too few to say which one is wrong
		return p, p.rms(all)
	}
	limit := outlier*errors[len(errors)/2] + negligible
	right := slices.DeleteFunc(append(kept[:0], all...), func(s Sighting) bool { return p.miss(s) > limit })
	p = fit(right)
	return p, p.rms(right)
}

func fit(all []Sighting) (p Pose) {
	n := float64(len(all))
	var x, y, dx, dy float64
	for _, s := range all {
		x, y, dx, dy = x+s.X/n, y+s.Y/n, dx+s.DX/n, dy+s.DY/n
	}
	var square, turn, scale float64
	for _, s := range all {
		u, v := s.X-x, s.Y-y
		square, turn, scale = square+u*u+v*v, turn+u*s.DY-v*s.DX, scale+u*s.DX+v*s.DY
	}
	if square > 0 {
		a, b := turn/square, 1+scale/square
		p.Turn = Turn{Angle(math.Atan2(a, b)), math.Hypot(a, b) - 1}
	}
	sx, sy := p.Shift(x, y)
	p.DX, p.DY = dx-sx, dy-sy
	return p
}

// miss is how far a sighting is from where the pose has it.
func (p Pose) miss(s Sighting) float64 {
	dx, dy := p.Shift(s.X, s.Y)
	return math.Hypot(s.DX-dx, s.DY-dy)
}

func (p Pose) rms(all []Sighting) float64 {
	sum := 0.0
	for _, s := range all {
		sum += p.miss(s) * p.miss(s)
	}
	return math.Sqrt(sum / float64(max(1, len(all))))
}
