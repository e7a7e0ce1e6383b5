package simulator

import (
	"math"
	"math/rand/v2"
)

// Signature is how defects lie on a wafer; each points to another cause.
type Signature string

// Signatures.
const (
	Random    Signature = "random"     // the process's everyday defects
	EdgeRing  Signature = "edge-ring"  // etch, edge-bead removal
	EdgeLocal Signature = "edge-local" // handling
	Centre    Signature = "centre"     // spin-on, gas flow
	Donut     Signature = "donut"      // temperature
	Cluster   Signature = "cluster"    // a splash, a flake
	Line      Signature = "scratch"    // a scratch across dies
)

// Signatures lists them all.
var Signatures = []Signature{Random, EdgeRing, EdgeLocal, Centre, Donut, Cluster, Line}

// spot draws a place on a wafer of radius 1 with the signature's density. The
// figures are drawn once per wafer, so that its defects lie together.
func (s Signature) spot(figures *rand.Rand) func(*rand.Rand) (x, y float64) {
	angle, reach := figures.Float64()*2*math.Pi, figures.Float64()
	polar := func(radius func(*rand.Rand) float64, about, spread float64) func(*rand.Rand) (float64, float64) {
		return func(random *rand.Rand) (float64, float64) {
			sin, cos := math.Sincos(about + spread*(random.Float64()*2-1))
			r := radius(random)
			return r * cos, r * sin
		}
	}
	ring := func(middle, width float64) func(*rand.Rand) float64 {
		return func(random *rand.Rand) float64 { return math.Abs(middle + normal(random, width, 2.5)) }
	}
	switch s {
	case EdgeRing:
		return polar(ring(0.88, 0.04), 0, math.Pi)
	case EdgeLocal:
		return polar(ring(0.86, 0.05), angle, 0.4)
	case Centre:
		return polar(ring(0, 0.16), 0, math.Pi)
	case Donut:
		return polar(ring(0.4+0.15*reach, 0.06), 0, math.Pi)
	case Cluster:
		sin, cos := math.Sincos(angle)
		r := 0.7 * math.Sqrt(reach)
		return func(random *rand.Rand) (float64, float64) {
			return r*cos + normal(random, 0.09, 3), r*sin + normal(random, 0.09, 3)
		}
	default:
		return polar(func(random *rand.Rand) float64 { return math.Sqrt(random.Float64()) }, 0, math.Pi)
	}
}

// arc is a scratch across a wafer of radius 1 as a bent line of points.
func arc(figures *rand.Rand) [][2]float64 {
	angle := figures.Float64() * 2 * math.Pi
	x, y := 0.6*(figures.Float64()*2-1), 0.6*(figures.Float64()*2-1)
	bend, length := 0.02*figures.NormFloat64(), 0.5+0.6*figures.Float64()
	const parts = 60
	var points [][2]float64
	for range parts + 1 {
		points = append(points, [2]float64{x, y})
		x, y = x+length/parts*math.Cos(angle), y+length/parts*math.Sin(angle)
		angle += bend
	}
	return points
}
