package focus

import (
	"errors"
	"math"
)

// MTF is the modulation transfer across a slanted edge, by ISO 12233's method:
// the edge's place is found row by row and fitted by a line; all pixels are binned by
// their distance from it in quarters of a pixel; the binned profile's derivative,
// tapered, is transformed.
type MTF struct {
	Frequency []float64 // cycles a pixel, across the edge
	Contrast  []float64 // 1 at frequency 0
	Angle     float64   // of the edge against the columns, radians
}

// Errors of a picture that is no slanted edge.
var (
	errNoEdge   = errors.New("no edge across all rows")
	errStraight = errors.New("the edge is not slanted: want 2° to 15° against the pixel columns")
)

// bins in a pixel, as the standard has it.
const bins = 4

// SlantedEdge measures rows of grey values that hold one edge, nearly upright.
func SlantedEdge(pix []float32, width, height int) (MTF, error) {
	slope, offset, err := line(pix, width, height)
	if err != nil {
		return MTF{}, err
	}
	angle := math.Atan(slope)
	if a := math.Abs(angle); a < 2*math.Pi/180 || a > 15*math.Pi/180 {
		return MTF{Angle: angle}, errStraight
	}
	profile := spreadFunction(pix, width, height, slope, offset)
	m := transform(profile)
	m.Angle = angle
	return m, nil
}

// line fits x = slope·y + offset to the rows' edges, each the middle of gravity
// of the row's differences in a window about the greatest.
func line(pix []float32, width, height int) (slope, offset float64, err error) {
	var n, sy, sx, syy, sxy float64
	for pass := range 2 {
		var m, y1, x1, y2, xy float64
		for y := range height {
			centre := float64(width) / 2
			half := float64(width) / 2
			if pass > 0 {
				centre, half = slope*float64(y)+offset, 12
			}
			x, ok := edge(pix[y*width:(y+1)*width], centre, half)
			if !ok {
				continue
			}
			v := float64(y)
			m, y1, x1, y2, xy = m+1, y1+v, x1+x, y2+v*v, xy+v*x
		}
		n, sy, sx, syy, sxy = m, y1, x1, y2, xy
		if n < float64(height)*9/10 {
			return 0, 0, errNoEdge
		}
		slope = (n*sxy - sy*sx) / (n*syy - sy*sy)
		offset = (sx - slope*sy) / n
	}
	return slope, offset, nil
}

// edge is the middle of gravity of a row's differences within half of centre; not
// ok where they are weak.
func edge(row []float32, centre, half float64) (float64, bool) {
	from, to := max(1, int(centre-half)), min(len(row)-1, int(centre+half))
	var sum, moment, total float64
	for x := from; x < to; x++ {
		d := float64(row[x+1]-row[x-1]) / 2
		sum, moment, total = sum+d, moment+d*(float64(x)+0.5), total+math.Abs(d)
	}
	if math.Abs(sum) < 0.2*total || sum == 0 {
		return 0, false
	}
	return moment / sum, true
}

// spreadFunction bins the pixels by their distance across the edge, ±16 pixels,
// and returns the profile's derivative; bins without pixels take their
// neighbours' mean.
func spreadFunction(pix []float32, width, height int, slope, offset float64) []float64 {
	const reach = 16 * bins
	var sum, count [2 * reach]float64
	cos := math.Cos(math.Atan(slope))
	for y := range height {
		at := slope*float64(y) + offset
		for x := max(0, int(at)-20); x < min(width, int(at)+20); x++ {
			b := int(math.Floor((float64(x)+0.5-at)*cos*bins)) + reach
			if b >= 0 && b < 2*reach {
				sum[b], count[b] = sum[b]+float64(pix[y*width+x]), count[b]+1
			}
		}
	}
	profile := make([]float64, 2*reach)
	for b := range profile {
		if count[b] > 0 {
			profile[b] = sum[b] / count[b]
		} else if b > 0 {
			profile[b] = profile[b-1]
		}
	}
	derivative := make([]float64, 2*reach)
	for b := 1; b < 2*reach-1; b++ {
		derivative[b] = (profile[b+1] - profile[b-1]) / 2
	}
	return derivative
}

// transform takes the tapered derivative to frequencies up to half a cycle a
// pixel, and undoes what the central difference and the bins' width take away.
func transform(lsf []float64) MTF {
	n := len(lsf)
	windowed := make([]float64, n)
	for i, v := range lsf {
		windowed[i] = v * taper(2*math.Abs(float64(i)-float64(n)/2)/float64(n))
	}
	var m MTF
	zero := 0.0
	for k := 0; ; k++ {
		f := float64(k) * bins / float64(n)
		if f > 0.5 {
			return m
		}
		var re, im float64
		for i, v := range windowed {
			s, c := math.Sincos(2 * math.Pi * float64(k) * float64(i) / float64(n))
			re, im = re+v*c, im+v*s
		}
		contrast := math.Hypot(re, im) / (sinc(2*f/bins) * sinc(f/bins))
		if k == 0 {
			zero = contrast
		}
		m.Frequency, m.Contrast = append(m.Frequency, f), append(m.Contrast, contrast/zero)
	}
}

// taper is 1 over the inner half and falls to 0 as a cosine does. The standard's
// Hamming window would narrow the derivative itself: of a blur of 1.6 pixels it
// makes 3 % too little.
func taper(x float64) float64 {
	if x < 0.5 {
		return 1
	}
	return 0.5 * (1 + math.Cos(2*math.Pi*(x-0.5)))
}

// sinc is sin(πx)/(πx).
func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// At50 is MTF50, the frequency at which half of the contrast is left, in cycles a
// pixel; 0.5, the sampling limit, where more is left there.
func (m MTF) At50() float64 {
	for i := 1; i < len(m.Contrast); i++ {
		if a, b := m.Contrast[i-1], m.Contrast[i]; b < 0.5 {
			return m.Frequency[i-1] + (m.Frequency[i]-m.Frequency[i-1])*(a-0.5)/(a-b)
		}
	}
	return 0.5
}
