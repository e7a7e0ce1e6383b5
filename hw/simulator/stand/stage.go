package stand

import (
	"math/rand/v2"

	"kensa/hw/bench"
)

// place is where the stage really is, µm.
type place struct{ x, y, z float64 }

// move goes from one setting to another. An axis that is not told to move stays
// where it is, to the last nanometre; one that comes from above stops short by
// the backlash.
func (s *Stage) move(at place, from, to bench.Setting, random *rand.Rand) place {
	x, y := s.told(to)
	fromX, fromY := s.told(from)
	if to.X != from.X || to.Y != from.Y {
		at.x = s.arrive(fromX, x, random)
		at.y = s.arrive(fromY, y, random)
	}
	if to.Z != from.Z {
		at.z = s.arrive(micrometres(from.Z), micrometres(to.Z), random)
	}
	return at
}

// told is where the axes' errors put a place, in the camera's directions.
func (s *Stage) told(to bench.Setting) (x, y float64) {
	u := micrometres(to.X) * (1 + s.ScaleX)
	v := micrometres(to.Y) * (1 + s.ScaleY)
	return u - (s.Rotation+s.Skew)*v, s.Rotation*u + v
}

func (s *Stage) arrive(from, to float64, random *rand.Rand) float64 {
	if to < from {
		to += s.Backlash
	}
	return to + s.Repeat*random.NormFloat64()
}
