package defect

import "math"

// shares works out how far each pixel near the blob has gone to what the defect
// makes of it.
func (m *Measurer) shares(base, slope float64) {
	unknown := float32(math.NaN())
	for i, near := range m.near {
		m.share[i] = 0
		if near == 0 {
			continue
		}
		way := base + (slope-1)*float64(m.in.Expected[i])
		if way*m.peak <= 0 || math.Abs(way) < leastStep*math.Abs(m.peak) {
			m.share[i] = unknown
			continue
		}
		m.share[i] = float32(float64(m.dev[i]) / way)
	}
}

// inside counts the pixels within the outline, and tells how uneven they are.
func (m *Measurer) inside() (count int, uneven float64) {
	var sum, square float64
	for _, s := range m.share {
		if s >= 0.5 { // false where unknown
			count++
			sum, square = sum+float64(s), square+float64(s)*float64(s)
		}
	}
	n := max(1, float64(count))
	return count, math.Sqrt(max(0, square/n-sum*sum/(n*n)))
}

// outline lists the places between two pixels where the share passes one half,
// and the mean change of the share from pixel to pixel there.
func (m *Measurer) outline(points []point) (_ []point, slope float64) {
	n := 0.0
	for y := range m.h {
		for x := range m.w {
			s := m.share[y*m.w+x]
			if !(s >= 0.5) {
				continue
			}
			for _, d := range [4][2]int{{1, 0}, {-1, 0}, {0, 1}, {0, -1}} {
				u, v := x+d[0], y+d[1]
				t := float32(0.5) // beyond the window, or of unknown share: half a pixel out
				if u >= 0 && v >= 0 && u < m.w && v < m.h {
					other := m.share[v*m.w+u]
					if other >= 0.5 {
						continue
					}
					if other == other {
						t = (s - 0.5) / (s - other)
						slope, n = slope+float64(s-other), n+1
					}
				}
				points = append(points, point{float64(x) + float64(t)*float64(d[0]), float64(y) + float64(t)*float64(d[1])})
			}
		}
	}
	if n == 0 {
		return points, 1
	}
	return points, slope / n
}

// turns are the directions in which rectangles are tried.
var turns = func() (t [directions]point) {
	for k := range t {
		t[k].y, t[k].x = math.Sincos(math.Pi / 2 * float64(k) / directions)
	}
	return t
}()

// rectangle is the smallest one, by area, that holds all points.
func rectangle(points []point) (long, short float64) {
	least := math.Inf(1)
	for _, t := range turns {
		u0, u1, v0, v1 := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
		for _, p := range points {
			u, v := p.x*t.x+p.y*t.y, p.y*t.x-p.x*t.y
			u0, u1, v0, v1 = min(u0, u), max(u1, u), min(v0, v), max(v1, v)
		}
		if area := (u1 - u0) * (v1 - v0); area < least {
			least, long, short = area, max(u1-u0, v1-v0), min(u1-u0, v1-v0)
		}
	}
	return long, short
}

// uncertainty is what Measures says of it.
func (m *Measurer) uncertainty(of Measures) float64 {
	const ends, k = math.Sqrt2, 2
	// Of a Gaussian optic whose edges rise so steeply: the full width of a point.
	point := 2.355 * of.Rise / math.Sqrt(2*math.Pi)
	blur := of.Size - math.Sqrt(max(0, of.Size*of.Size-point*point))
	noise := m.noise / math.Abs(m.peak) * of.Rise
	return k * math.Sqrt(square(ends*interval)+square(ends*noise)+square(blur/2))
}

func square(v float64) float64 { return v * v }
