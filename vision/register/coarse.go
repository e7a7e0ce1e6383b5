package register

import (
	"math"

	"kensa/vision/internal/plane"
)

// makeLevels halves the mean as often as the die's size allows; each level's
// average is taken away.
func makeLevels(whole plane.Plane) []plane.Plane {
	var levels []plane.Plane
	for from := whole; len(levels) < maxLevels; {
		levels = append(levels, centred(from))
		if min(from.Width, from.Height)/2 < levelSide {
			break
		}
		var half plane.Plane
		half.Half(from)
		from = half
	}
	return levels
}

func centred(p plane.Plane) plane.Plane {
	sum := 0.0
	for _, v := range p.Pix {
		sum += float64(v)
	}
	average := float32(sum / float64(len(p.Pix)))
	out := plane.New(p.Width, p.Height)
	for n, v := range p.Pix {
		out.Pix[n] = v - average
	}
	return out
}

// coarse finds the shift to within a pixel: over all shifts at the coarsest
// level, then around the best at each finer one. The full size is left to the
// patches unless there is no other.
func (m *Matcher) coarse(t *Template, maxShift float64) (dx, dy float64) {
	n := len(t.levels) - 1
	size := float64(int(1) << n)
	x, y := m.search(t, n, 0, 0, int(math.Ceil(maxShift/size)))
	for ; n > 1; n-- {
		x, y = m.search(t, n-1, int(math.Round(2*x)), int(math.Round(2*y)), 1)
		size /= 2
	}
	return x * size, y * size
}

// search correlates at whole shifts of one level around (cx, cy) and
// interpolates the peak with a parabola each way.
func (m *Matcher) search(t *Template, n, cx, cy, radius int) (x, y float64) {
	room := m.margin >> n
	value := func(dx, dy int) float64 {
		if max(dx, -dx, dy, -dy) > room {
			return math.Inf(-1)
		}
		return correlation(t.levels[n], m.levels[n], room+dx, room+dy)
	}
	best, bx, by := math.Inf(-1), 0, 0
	for dy := cy - radius; dy <= cy+radius; dy++ {
		for dx := cx - radius; dx <= cx+radius; dx++ {
			if v := value(dx, dy); v > best {
				best, bx, by = v, dx, dy
			}
		}
	}
	return float64(bx) + peak(value(bx-1, by), best, value(bx+1, by)),
		float64(by) + peak(value(bx, by-1), best, value(bx, by+1))
}

// peak is the place of a parabola's top through values at −1, 0 and 1, where
// the one at 0 is the greatest; 0 where there is no such parabola.
func peak(left, middle, right float64) float64 {
	curve := left - 2*middle + right
	if !(curve < 0) || math.IsInf(curve, 0) {
		return 0
	}
	return max(-0.5, min(0.5, (left-right)/(2*curve)))
}

// correlation is the correlation coefficient, times a constant, of t with the
// part of die whose corner is (x, y). t's average is 0.
func correlation(t, die plane.Plane, x, y int) float64 {
	var cross, sum, square float64
	for row := range t.Height {
		a := t.Row(row)
		b := die.Row(y + row)[x : x+len(a)]
		var c, s, q float32
		for n, v := range b {
			c += a[n] * v
			s += v
			q += v * v
		}
		cross, sum, square = cross+float64(c), sum+float64(s), square+float64(q)
	}
	variance := square - sum*sum/float64(len(t.Pix))
	if variance <= 0 {
		return 0
	}
	return cross / math.Sqrt(variance)
}
