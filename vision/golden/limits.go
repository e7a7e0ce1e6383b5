package golden

import (
	"bytes"
	"fmt"
	"image"
	"math"
)

// Limits says how far a pixel may lie from the golden mean. A recipe's values
// may change without training again.
type Limits struct {
	// KSigma is how many standard deviations of good dies a pixel may be off,
	// 1 to 50. Raise it where good dies give false alarms everywhere.
	KSigma float64 `toml:"k_sigma"`
	// Registration is the uncertainty of a die's place, and of its edges', in
	// pixels, 0 to 5. Times the local change of grey it widens the limits at
	// edges. Raise it where good dies give false alarms along edges.
	Registration float64 `toml:"registration"`
	// Floor is the least distance of the limits from the mean, in grey levels of
	// an 8-bit image, 1 to 255.
	Floor float64 `toml:"floor"`
}

// DefaultLimits suit noise of 2 to 3 grey levels and edges that wander by up to
// 0.15 pixel: 1008 drawn and 6900 simulated good dies gave no false alarm, and
// discs of 40 grey levels and 4 pixels across were all found.
func DefaultLimits() Limits { return Limits{KSigma: 5, Registration: 0.15, Floor: 6} }

// Check reports the first value out of range, by its name in the recipe.
func (l Limits) Check() error {
	switch {
	case !(l.KSigma >= 1 && l.KSigma <= 50):
		return fmt.Errorf("k_sigma: %v; want 1 to 50", l.KSigma)
	case !(l.Registration >= 0 && l.Registration <= 5):
		return fmt.Errorf("registration: %v pixels; want 0 to 5", l.Registration)
	case !(l.Floor >= 1 && l.Floor <= 255):
		return fmt.Errorf("floor: %v grey levels; want 1 to 255", l.Floor)
	}
	return nil
}

// Planes are the least and greatest good value of every pixel, by rows, in grey
// levels of an 8-bit image. A pixel below Lo or above Hi is beyond its limits.
type Planes struct{ Lo, Hi []uint8 }

// Planes works the limits out: mean ∓ (KSigma·σ + Registration·gradient), at
// least Floor, rounded outwards; wider where there are masks.
func (g *Golden) Planes(l Limits) Planes {
	p := Planes{bytes.Repeat([]byte{255}, len(g.mean)), make([]uint8, len(g.mean))}
	mean, sigma, slope := g.Mean(), g.Sigma(), g.Gradient()
	for n, m := range mean {
		p.widen(n, m, l.slack(sigma[n], slope[n]))
	}
	for _, mask := range g.masks {
		r := mask.Rect.Intersect(image.Rect(0, 0, g.Width, g.Height))
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for n := y*g.Width + r.Min.X; n < y*g.Width+r.Max.X; n++ {
				p.widen(n, mean[n], mask.Factor*l.slack(sigma[n], slope[n]))
			}
		}
	}
	return p
}

// slack is how far the limits lie from the mean at least, in grey levels.
func (l Limits) slack(sigma, slope float32) float64 {
	return max(l.Floor, l.KSigma*float64(sigma)+l.Registration*float64(slope))
}

// widen moves pixel n's limits to at least slack from its mean, never closer.
func (p Planes) widen(n int, mean float32, slack float64) {
	p.Lo[n] = min(p.Lo[n], uint8(max(0, math.Floor(float64(mean)-slack))))
	p.Hi[n] = max(p.Hi[n], uint8(min(255, math.Ceil(float64(mean)+slack))))
}
