package focus

import (
	"errors"
	"math"

	"kensa/calibration/leastsquares"
)

// parabola is y = floor + (z − best)²·bend, fitted to the inverse squares of the
// energies near their greatest.
type parabola struct{ best, bend, floor, spread float64 }

// errFlat means that no height is sharper than the others.
var errFlat = errors.New("no height is sharpest within the sweep")

// fit weights each point with its energy to the sixth power: y = 1/E² has the
// error 2·δE/E³, and δE hardly depends on z. spread is the standard error of best.
func fit(z, energy []float64) (parabola, error) {
	top := 0.0
	for _, e := range energy {
		top = max(top, e)
	}
	system := leastsquares.New(3)
	scale, centre := spanOf(z)
	n := 0.0
	for i := range z {
		if energy[i] < 0.45*top {
			continue
		}
		u, y, w := (z[i]-centre)/scale, sq(top/energy[i]), math.Pow(energy[i]/top, 6)
		root := math.Sqrt(w)
		system.Add([]float64{root, root * u, root * u * u}, root*y)
		n++
	}
	if n < 5 {
		return parabola{}, errFlat
	}
	p, inverse, ok := system.Solve()
	if !ok || p[2] <= 0 {
		return parabola{}, errFlat
	}
	chi := 0.0
	for i := range z {
		if energy[i] >= 0.45*top {
			u := (z[i] - centre) / scale
			chi += math.Pow(energy[i]/top, 6) * sq(sq(top/energy[i])-p[0]-p[1]*u-p[2]*u*u)
		}
	}
	variance := chi / (n - 3)
	// best = −b/2c: its error from those of b and c.
	db, dc := -1/(2*p[2]), p[1]/(2*p[2]*p[2])
	spread := variance * (db*db*inverse.At(1, 1) + 2*db*dc*inverse.At(1, 2) + dc*dc*inverse.At(2, 2))
	best := -p[1] / (2 * p[2])
	if math.Abs(best) > 1 {
		return parabola{}, errFlat
	}
	return parabola{centre + best*scale, p[2] / (scale * scale), p[0] - p[1]*p[1]/(4*p[2]), math.Sqrt(max(spread, 0)) * scale}, nil
}

// spanOf is half the range of the heights and their middle.
func spanOf(z []float64) (half, middle float64) {
	low, high := z[0], z[0]
	for _, v := range z {
		low, high = min(low, v), max(high, v)
	}
	return max((high-low)/2, 1e-9), (low + high) / 2
}

// field is how the best height differs over the view: z = centre + tiltX·u/2 +
// tiltY·v/2 + curvature·(u²+v²)/2, u and v from −1 to 1.
type field struct{ centre, tiltX, tiltY, curvature, spread float64 }

// fitField fits the patches' best heights. The patches lie in a square grid, so
// that tilts and curvature do not mix and each has its own sum.
func fitField(best [Patches * Patches]float64) field {
	var f field
	var uu, ru, rr, rz, sum float64
	const n = Patches * Patches
	for i, z := range best {
		u, v := place(i)
		f.tiltX, f.tiltY, uu = f.tiltX+z*u, f.tiltY+z*v, uu+u*u
		sum, ru = sum+z/n, ru+(u*u+v*v)/2/n
	}
	f.tiltX, f.tiltY = 2*f.tiltX/uu, 2*f.tiltY/uu
	for i, z := range best {
		u, v := place(i)
		d := (u*u+v*v)/2 - ru
		rr, rz = rr+d*d, rz+d*z
	}
	f.curvature = rz / rr
	f.centre = sum - f.curvature*ru
	for i, z := range best {
		u, v := place(i)
		f.spread += sq(z - f.centre - f.tiltX*u/2 - f.tiltY*v/2 - f.curvature*(u*u+v*v)/2)
	}
	f.spread = math.Sqrt(f.spread / (n - 4))
	return f
}

// place of a patch's middle, −1 to 1.
func place(i int) (u, v float64) {
	return (float64(i%Patches)+0.5)/Patches*2 - 1, (float64(i/Patches)+0.5)/Patches*2 - 1
}

func sq(x float64) float64 { return x * x }
