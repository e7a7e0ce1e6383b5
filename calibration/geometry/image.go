package geometry

import (
	"math"
	"slices"

	"kensa/hw/bench"
)

// picture is a frame's grey values, DN. Places are in pixels from its top left
// corner, so that the middle of the first pixel is (0.5, 0.5).
type picture struct {
	width, height int
	pix           []float32
}

func read(e *bench.Exposure) *picture { return &picture{e.Width, e.Height, e.Greys()} }

func (p *picture) at(x, y int) float64 { return float64(p.pix[y*p.width+x]) }

// inside reports whether a place is at least a rim away from the border.
func (p *picture) inside(q Point, rim float64) bool {
	return q.X >= rim && q.Y >= rim && q.X < float64(p.width)-rim && q.Y < float64(p.height)-rim
}

// sample is the grey value between pixels' middles; beyond the border, that of the
// border.
func (p *picture) sample(q Point) float64 {
	x := min(max(q.X-0.5, 0), float64(p.width-1))
	y := min(max(q.Y-0.5, 0), float64(p.height-1))
	x0, y0 := min(int(x), p.width-2), min(int(y), p.height-2)
	fx, fy := x-float64(x0), y-float64(y0)
	return (1-fy)*((1-fx)*p.at(x0, y0)+fx*p.at(x0+1, y0)) + fy*((1-fx)*p.at(x0, y0+1)+fx*p.at(x0+1, y0+1))
}

// contrast is what lies between the dark and the bright of a picture: its 5th and
// 95th hundredths, by a sample.
func (p *picture) contrast() (dark, bright float64) {
	var sample []float32
	for i := 0; i < len(p.pix); i += max(1, len(p.pix)/5000) {
		sample = append(sample, p.pix[i])
	}
	slices.Sort(sample)
	return float64(sample[len(sample)/20]), float64(sample[len(sample)*19/20])
}

// smooth blurs with a Gaussian of sigma pixels.
func (p *picture) smooth(sigma float64) *picture {
	reach := int(math.Ceil(3 * sigma))
	kernel := make([]float32, 2*reach+1)
	sum := float32(0)
	for i := range kernel {
		kernel[i] = float32(math.Exp(-float64((i-reach)*(i-reach)) / (2 * sigma * sigma)))
		sum += kernel[i]
	}
	for i := range kernel {
		kernel[i] /= sum
	}
	across := &picture{p.width, p.height, make([]float32, len(p.pix))}
	for y := range p.height {
		convolve(across.pix[y*p.width:(y+1)*p.width], p.pix[y*p.width:(y+1)*p.width], kernel)
	}
	out := &picture{p.width, p.height, make([]float32, len(p.pix))}
	for y := range p.height {
		to := out.pix[y*p.width : (y+1)*p.width]
		for k, w := range kernel {
			from := across.pix[min(max(y+k-reach, 0), p.height-1)*p.width:]
			for x := range to {
				to[x] += w * from[x]
			}
		}
	}
	return out
}

func convolve(to, from, kernel []float32) {
	reach := len(kernel) / 2
	for x := range to {
		sum := float32(0)
		for k, w := range kernel {
			sum += w * from[min(max(x+k-reach, 0), len(from)-1)]
		}
		to[x] = sum
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
