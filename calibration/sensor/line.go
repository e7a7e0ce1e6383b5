package sensor

import "math"

// fitLine fits y = a + b·x, each y weighted by the inverse of its variance, and
// gives the slope's standard error (Bevington, Data Reduction, 6.3). Where the
// points scatter more than their variances say, the error grows with the scatter.
func fitLine(x, y, variances []float64) (a, b, spread float64) {
	var w, wx, wy, wxx, wxy float64
	for i := range x {
		k := 1 / variances[i]
		w, wx, wy, wxx, wxy = w+k, wx+k*x[i], wy+k*y[i], wxx+k*x[i]*x[i], wxy+k*x[i]*y[i]
	}
	det := w*wxx - wx*wx
	a, b = (wxx*wy-wx*wxy)/det, (w*wxy-wx*wy)/det
	chi := 0.0
	for i := range x {
		d := y[i] - a - b*x[i]
		chi += d * d / variances[i]
	}
	scatter := max(1, chi/max(1, float64(len(x)-2)))
	return a, b, math.Sqrt(w / det * scatter)
}
