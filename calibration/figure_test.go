package calibration_test

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"kensa/calibration"
)

// TestExpandIsStudents quantile at K's own probability.
func TestExpandIsStudents(t *testing.T) {
	p := distuv.UnitNormal.CDF(calibration.K)
	for free, within := range map[float64]float64{4: 0.05, 8: 0.005, 14: 0.001, 20: 0.001, 88: 0.001, 1e6: 1e-5} {
		want := distuv.StudentsT{Sigma: 1, Nu: free}.Quantile(p)
		if got := calibration.Expand(free); math.Abs(got/want-1) > within {
			t.Errorf("%v degrees of freedom: %.4f; want %.4f", free, got, want)
		}
	}
}
