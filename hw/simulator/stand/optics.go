package stand

import "math"

// point is a place: pixels in the frame, µm on the target.
type point struct{ x, y float64 }

// undistort finds for each pixel's middle where it would lie without distortion,
// relative to the frame's middle. The forward model is p = c + d·(1 + k·|d|²/R²),
// R being half the frame's diagonal; it is inverted by Newton's method on the
// radius.
func (o *Optics) undistort(width, height int) []point {
	r2 := float64(width*width+height*height) / 4
	out := make([]point, width*height)
	for y := range height {
		for x := range width {
			dx := float64(x) + 0.5 - float64(width)/2 - o.CentreX
			dy := float64(y) + 0.5 - float64(height)/2 - o.CentreY
			shrink := inverse(math.Hypot(dx, dy), o.Distortion/r2)
			out[y*width+x] = point{dx*shrink + o.CentreX, dy*shrink + o.CentreY}
		}
	}
	return out
}

// inverse is r_ideal/r where r = r_ideal·(1 + k·r_ideal²).
func inverse(r, k float64) float64 {
	if r == 0 || k == 0 {
		return 1
	}
	u := r
	for range 8 {
		u -= (u*(1+k*u*u) - r) / (1 + 3*k*u*u)
	}
	return u / r
}

// Project is where a place on the target's plane (µm from the optical axis, in
// the stage's directions, height z above focus) appears in the frame, in pixels
// from its top left corner. It is the truth that geometry procedures are held
// against.
func (t *Truth) Project(x, y, z float64) (px, py float64) {
	o := &t.Optics
	if o.Distance > 0 {
		x, y = x/(1-z/o.Distance), y/(1-z/o.Distance)
	}
	sin, cos := math.Sincos(o.Rotation)
	u := (cos*x + sin*y) / o.PixelX
	v := (cos*y - sin*x) / o.PixelY
	u += o.Skew * v
	u, v = u-o.CentreX, v-o.CentreY
	w, h := float64(t.Station.Format.Width), float64(t.Station.Format.Height)
	grow := 1 + o.Distortion*(u*u+v*v)/((w*w+h*h)/4)
	return u*grow + o.CentreX + w/2, v*grow + o.CentreY + h/2
}

// toTarget is Project's inverse without distortion, for the plane at height z:
// from an ideal pixel place relative to the middle to µm.
func (o *Optics) toTarget(p point, z, scale float64) point {
	u, v := p.x, p.y
	u -= o.Skew * v
	u, v = u*o.PixelX*scale, v*o.PixelY*scale
	sin, cos := math.Sincos(o.Rotation)
	x, y := cos*u-sin*v, sin*u+cos*v
	if o.Distance > 0 {
		x, y = x*(1-z/o.Distance), y*(1-z/o.Distance)
	}
	return point{x, y}
}

// blur is the standard deviation of the point spread, pixels, at a pixel (part of
// half the frame, −1 to 1) and a height z above the stage's zero.
func (o *Optics) blur(u, v, z, celsius float64) float64 {
	best := o.BestZ + o.FocusDrift*(celsius-20) + o.FieldTiltX*u/2 + o.FieldTiltY*v/2 + o.Curvature*(u*u+v*v)/2
	return math.Hypot(o.Blur, o.Aperture*(z-best))
}
