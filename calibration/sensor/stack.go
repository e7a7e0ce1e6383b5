// Package sensor measures the camera's chip: what it shows in the dark, how its
// pixels differ, how it turns light into grey values. Terms and formulas are those
// of EMVA 1288 release 3.1, whose section numbers stand at the formulas; DN are
// grey values as the camera delivers them, e⁻ electrons.
package sensor

import (
	"context"
	"fmt"
	"math"
	"time"

	"kensa/hw/bench"
)

// stack sums exposures of an unchanging scene: by pixel, for spatial differences,
// and from exposure to exposure, for temporal noise. Its fields are exported for
// a session's file.
type stack struct {
	Width, Height, Depth int
	Frames               int
	Shutter              time.Duration // of each exposure
	Sum                  []uint32      // by pixel
	Last                 []uint16      // the exposure before, for the differences
	Squares              float64       // of differences between successive exposures, less their mean, a pixel
	Pairs                int
	Low, High            int // the least and the greatest grey value met
	Clipped              int // pixels at full scale, of all exposures
}

// maxFrames keeps Sum within 32 bits at 16 bits a pixel.
const maxFrames = 1 << 16

// add takes one exposure.
func (s *stack) add(e *bench.Exposure) error {
	f := e.Format
	if s.Frames == 0 {
		*s = stack{Width: f.Width, Height: f.Height, Depth: f.Depth, Shutter: e.Shutter, Low: math.MaxInt,
			Sum: make([]uint32, f.Width*f.Height), Last: make([]uint16, f.Width*f.Height)}
	}
	if s.Width != f.Width || s.Height != f.Height || s.Depth != f.Depth {
		return fmt.Errorf("camera: a frame of %d×%d pixels, %d bits after some of %d×%d, %d bits", f.Width, f.Height, f.Depth, s.Width, s.Height, s.Depth)
	}
	if s.Frames >= maxFrames {
		return fmt.Errorf("sensor: more than %d frames in a stack", maxFrames)
	}
	sum, squares := 0.0, 0.0
	for y := range f.Height {
		d, q := s.row(e, y)
		sum, squares = sum+d, squares+q
	}
	if s.Frames > 0 {
		n := float64(len(s.Sum))
		s.Squares += squares/n - (sum/n)*(sum/n)
		s.Pairs++
	}
	s.Frames++
	return nil
}

// row adds a row's grey values and returns the sums of its differences from the
// exposure before and of their squares.
func (s *stack) row(e *bench.Exposure, y int) (sum, squares float64) {
	top := 1<<s.Depth - 1
	at := y * s.Width
	for x := range s.Width {
		v := e.At(x, y)
		if s.Frames > 0 {
			d := float64(v - int(s.Last[at+x]))
			sum, squares = sum+d, squares+d*d
		}
		s.Low, s.High = min(s.Low, v), max(s.High, v)
		if v >= top {
			s.Clipped++
		}
		s.Sum[at+x] += uint32(v)
		s.Last[at+x] = uint16(v)
	}
	return sum, squares
}

// done drops what only further exposures need.
func (s *stack) done() { s.Last = nil }

// mean grey value of a pixel over the exposures, DN.
func (s *stack) pixel(i int) float64 { return float64(s.Sum[i]) / float64(s.Frames) }

// mean is µ_y, DN (section 4.1).
func (s *stack) mean() float64 {
	sum := 0.0
	for _, v := range s.Sum {
		sum += float64(v)
	}
	return sum / float64(len(s.Sum)) / float64(s.Frames)
}

// temporal is σ²_y, the temporal variance, DN²: half the variance of the
// difference of two exposures (section 4.2), over all successive pairs.
func (s *stack) temporal() float64 {
	if s.Pairs == 0 {
		return math.NaN()
	}
	return s.Squares / 2 / float64(s.Pairs)
}

// spatial is s²_y, the spatial variance of the pixels' means, DN², less what
// temporal noise leaves in a mean of so many exposures (section 8.1). It may come
// out negative where pixels do not differ.
func (s *stack) spatial() float64 {
	mean, squares := s.mean(), 0.0
	for i := range s.Sum {
		d := s.pixel(i) - mean
		squares += d * d
	}
	return squares/float64(len(s.Sum)-1) - s.temporal()/float64(s.Frames)
}

// take exposes n frames into a fresh stack; after each it tells what look makes of
// that exposure's mean.
func take(ctx context.Context, b bench.Bench, n int, tell func(done int, mean float64)) (*stack, error) {
	s := &stack{}
	before := 0.0
	for k := range n {
		e, err := b.Expose(ctx)
		if err != nil {
			return nil, err
		}
		err = s.add(e)
		e.Release()
		if err != nil {
			return nil, err
		}
		total := s.mean() * float64(s.Frames)
		tell(k+1, total-before)
		before = total
	}
	s.done()
	return s, nil
}
