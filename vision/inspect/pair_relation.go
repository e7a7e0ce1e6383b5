package inspect

import "math"

// relation maps pixels of the inspected image to pixels of the reference:
// (x, y) to (axx·x + axy·y + tx, ayx·x + ayy·y + ty).
type relation struct{ axx, axy, ayx, ayy, tx, ty float64 }

func (r relation) apply(x, y float64) (float64, float64) {
	return r.axx*x + r.axy*y + r.tx, r.ayx*x + r.ayy*y + r.ty
}

// finer takes a relation between images that average f × f pixels, where pixel x
// has its centre at f(x+½)−½ of the full ones, to these.
func (r relation) finer(f float64) relation {
	h := 0.5 - 0.5/f
	r.tx = (r.tx - (r.axx-1+r.axy)*h) * f
	r.ty = (r.ty - (r.ayx+r.ayy-1)*h) * f
	return r
}

// shift is where the reference's content lies in the image, seen at (x, y) of
// the image.
func (r relation) shift(x, y float64) Shift {
	rx, ry := r.apply(x, y)
	return Shift{x - rx, y - ry}
}

// rotation is the image's against the reference in degrees, positive when
// clockwise on the screen.
func (r relation) rotation() float64 {
	return -math.Atan2(r.ayx-r.axy, r.axx+r.ayy) * 180 / math.Pi
}

// scale is the image's against the reference: above 1 the image shows the
// pattern larger.
func (r relation) scale() float64 {
	return 2 / math.Hypot(r.axx+r.ayy, r.ayx-r.axy)
}
