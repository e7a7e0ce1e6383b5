package register

import (
	"math"
)

// offsetRidge pulls the offset to zero where a die's contrast is too low to
// tell it from the gain, as a share of the pixels.
const offsetRidge = 1e-3

// light fits golden = (Gain + GainX·x + GainY·y)·grey + Offset over all patches
// by weighted least squares.
func (m *Matcher) light(t *Template, patches []patch) (Light, error) {
	// Columns: gain, slopes over half the die's size, offset; then the right side.
	var a [4][5]float64
	hx, hy := float64(t.width)/2, float64(t.height)/2
	for n, f := range m.fits {
		p := &patches[n]
		half := float64(p.side-1) / 2
		x, y := (float64(p.x)+half-hx)/hx, (float64(p.y)+half-hy)/hy
		golden := f.cross + f.patchAverage*f.sum // sum of grey × golden
		position := [3]float64{1, x, y}
		for r, u := range position {
			for c, v := range position {
				a[r][c] += f.weight * u * v * f.square
			}
			a[r][3] += f.weight * u * f.sum
			a[3][r] += f.weight * u * f.sum
			a[r][4] += f.weight * u * golden
		}
		a[3][3] += f.weight * f.pixels * (1 + offsetRidge)
		a[3][4] += f.weight * f.pixels * f.patchAverage
	}
	s, ok := solve4(a)
	l := Light{Gain: s[0], GainX: s[1] / hx, GainY: s[2] / hy, Offset: s[3]}
	if !ok || !plausible(s) {
		return l, mismatch("its light cannot be matched (gain %.2f ±%.2f ±%.2f, offset %.0f grey levels)", s[0], math.Abs(s[1]), math.Abs(s[2]), s[3])
	}
	return l, nil
}

// plausible bounds the light that is matched: half to double the golden's gain,
// slopes of half the gain, an offset of half the grey scale.
func plausible(s [4]float64) bool {
	return s[0] > 0.5 && s[0] < 2 && math.Abs(s[1]) < s[0]/2 && math.Abs(s[2]) < s[0]/2 && math.Abs(s[3]) < 128
}

// solve4 solves a symmetric positive system by elimination.
func solve4(a [4][5]float64) (x [4]float64, ok bool) {
	for c := range 4 {
		if !(a[c][c] > 1e-12) {
			return x, false
		}
		for r := c + 1; r < 4; r++ {
			k := a[r][c] / a[c][c]
			for n := c; n < 5; n++ {
				a[r][n] -= k * a[c][n]
			}
		}
	}
	for r := 3; r >= 0; r-- {
		x[r] = a[r][4]
		for c := r + 1; c < 4; c++ {
			x[r] -= a[r][c] * x[c]
		}
		x[r] /= a[r][r]
	}
	return x, true
}
