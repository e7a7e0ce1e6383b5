package v4l2

import "sync/atomic"

// sequence continues the driver's numbers, which begin anywhere and wrap at 32
// bits, as numbers from 1.
type sequence struct {
	begun bool
	last  uint32
	count uint64
}

// next takes the number of a frame and returns ours, and how many were lost since
// the one before. A number that does not rise, as some drivers give, counts as
// the next one.
func (s *sequence) next(n uint32) (number, lost uint64) {
	step := n - s.last
	if !s.begun {
		s.begun, step = true, n+1 // frames lost before the first are lost too
		if n > 1<<16 {
			step = 1 // numbered since the camera was switched on
		}
	}
	if step == 0 || step > 1<<31 {
		step = 1
	}
	s.last = n
	s.count += uint64(step)
	return s.count, uint64(step) - 1
}

// counter is read by others while the camera runs.
type counter struct{ n atomic.Uint64 }

func (c *counter) add(n uint64)  { c.n.Add(n) }
func (c *counter) value() uint64 { return c.n.Load() }
