package inspect

import "math"

// moments are weighted sums of pairs (x, y).
type moments struct{ n, x, y, xx, xy, yy float64 }

func (m *moments) add(x, y, w float64) {
	m.n += w
	m.x += w * x
	m.y += w * y
	m.xx += w * x * x
	m.xy += w * x * y
	m.yy += w * y * y
}

// line is the regression y = gain·x + offset; gain 1 where x does not vary.
func (m moments) line() (gain, offset float64) {
	if m.n == 0 {
		return 1, 0
	}
	gain = 1
	if v := m.xx - m.x*m.x/m.n; v > 1e-6*m.n {
		gain = (m.xy - m.x*m.y/m.n) / v
	}
	return gain, (m.y - gain*m.x) / m.n
}

func (m moments) correlation() float64 {
	if m.n == 0 {
		return 0
	}
	vx, vy := m.xx-m.x*m.x/m.n, m.yy-m.y*m.y/m.n
	if vx <= 0 || vy <= 0 {
		return 0
	}
	return (m.xy - m.x*m.y/m.n) / math.Sqrt(vx*vy)
}

// deviation is the standard deviation of x.
func (m moments) deviation() float64 {
	if m.n == 0 {
		return 0
	}
	return math.Sqrt(max(m.xx/m.n-square(m.x/m.n), 0))
}
