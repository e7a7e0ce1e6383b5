package leastsquares

import "math"

// Line is y = A + B·x fitted to points, each y weighted by the inverse of its variance.
type Line struct {
	A, B float64
	// Chi is the sum of the squared residuals over their variances, Free its degrees of
	// freedom.
	Chi, Free float64
	// Unit is the standard error of B for variances that are true.
	Unit float64
}

// FitLine fits a line. variances may be nil: all are 1. Points that all have one x give
// no numbers.
func FitLine(x, y, variances []float64) Line {
	s := New(2)
	weight := func(i int) float64 {
		if variances == nil {
			return 1
		}
		return 1 / math.Sqrt(variances[i])
	}
	for i := range x {
		w := weight(i)
		s.Add([]float64{w, w * x[i]}, w*y[i])
	}
	at, inverse, ok := s.Solve()
	if !ok {
		return Line{A: math.NaN(), B: math.NaN(), Unit: math.NaN()}
	}
	l := Line{A: at[0], B: at[1], Free: float64(len(x) - 2), Unit: math.Sqrt(inverse.At(1, 1))}
	for i := range x {
		d := weight(i) * (y[i] - l.At(x[i]))
		l.Chi += d * d
	}
	return l
}

// At is the line's y.
func (l Line) At(x float64) float64 { return l.A + l.B*x }

// Scatter is the standard deviation of the residuals, in those of the variances.
func (l Line) Scatter() float64 { return math.Sqrt(l.Chi / math.Max(1, l.Free)) }
