package register

import (
	"math"

	"kensa/vision/pose"
)

// turn is how the die is turned and scaled against the golden about its middle,
// from what each patch, after the last step, still is off: the Gauss–Newton
// step of a similarity, of which solve takes the shift alone. It is good for
// displacements up to about a pixel at the die's edge, and less than true beyond.
func (m *Matcher) turn(t *Template, patches []patch) pose.Turn {
	// Columns: shift in x and y, angle and scale over half the die's diagonal; then
	// the right side.
	var a [4][5]float64
	hx, hy := float64(t.width)/2, float64(t.height)/2
	unit := math.Hypot(hx, hy)
	for n, f := range m.fits {
		p := &patches[n]
		half := float64(p.side-1) / 2
		x, y := (float64(p.x)+half-hx)/unit, (float64(p.y)+half-hy)/unit
		toX, toY := [4]float64{1, 0, -y, x}, [4]float64{0, 1, x, y}
		w := f.weight * f.gain
		for r := range 4 {
			for c := range 4 {
				a[r][c] += w * f.gain * (p.sxx*toX[r]*toX[c] + p.sxy*(toX[r]*toY[c]+toY[r]*toX[c]) + p.syy*toY[r]*toY[c])
			}
			a[r][4] -= w * (toX[r]*f.qx + toY[r]*f.qy)
		}
	}
	s, ok := solve4(a)
	if !ok {
		return pose.Turn{}
	}
	return pose.Turn{Angle: pose.Angle(s[2] / unit), Scale: s[3] / unit}
}
