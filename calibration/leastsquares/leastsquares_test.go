package leastsquares_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"kensa/calibration/leastsquares"
)

// TestAgreesWithGonum on random problems whose columns differ in size by many
// powers of ten, as µm, pixels and radians do.
func TestAgreesWithGonum(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n := 1 + random.IntN(12)
		rows := n + 2 + random.IntN(40)
		a, b := mat.NewDense(rows, n, nil), mat.NewVecDense(rows, nil)
		s := leastsquares.New(n)
		for i := range rows {
			row := make([]float64, n)
			for j := range row {
				row[j] = random.NormFloat64() * math.Pow(10, float64(j%7)-3)
			}
			y := random.NormFloat64()
			a.SetRow(i, row)
			b.SetVec(i, y)
			s.Add(row, y)
		}
		var want mat.VecDense
		var normal, inverse mat.Dense
		normal.Mul(a.T(), a)
		if err := want.SolveVec(a, b); err != nil {
			t.Fatal(err)
		}
		x, covar, ok := s.Solve()
		if !ok {
			t.Fatal("not solved")
		}
		_ = inverse.Inverse(&normal) // it warns of the condition, which the scaling mends here
		for i := range x {
			if math.Abs(x[i]-want.AtVec(i)) > 1e-7*math.Max(math.Abs(want.AtVec(i)), math.Sqrt(covar.At(i, i))) {
				t.Errorf("x[%d] %v; want %v", i, x[i], want.AtVec(i))
			}
			if math.Abs(covar.At(i, i)/inverse.At(i, i)-1) > 1e-4 {
				t.Errorf("inverse[%d,%d] %v; want %v", i, i, covar.At(i, i), inverse.At(i, i))
			}
		}
	}
}

// TestUndetermined: rows that do not tell the unknowns apart are refused.
func TestUndetermined(t *testing.T) {
	for name, rows := range map[string][][]float64{
		"two columns alike": {{1, 2, 2}, {3, 4, 4}, {5, 1, 1}, {2, 2, 2}},
		"a column of zeros": {{1, 0}, {2, 0}},
		"too few":           {{1, 2, 3}, {4, 5, 6}},
		"no number":         {{math.NaN()}},
	} {
		s := leastsquares.New(len(rows[0]))
		for _, row := range rows {
			s.Add(row, 1)
		}
		if x, _, ok := s.Solve(); ok {
			t.Errorf("%s: solved as %v", name, x)
		}
	}
}

// TestLineAgreesWithGonum with weights, and far from the origin, as years or kelvins are.
func TestLineAgreesWithGonum(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		var x, y, variances, weights []float64
		for range 5 + random.IntN(30) {
			x, y = append(x, 290+10*random.Float64()), append(y, random.NormFloat64())
			variances = append(variances, math.Exp(random.NormFloat64()))
			weights = append(weights, 1/variances[len(variances)-1])
		}
		a, b := stat.LinearRegression(x, y, weights, false)
		l := leastsquares.FitLine(x, y, variances)
		if math.Abs(l.A-a) > 1e-6*(1+math.Abs(a)) || math.Abs(l.B-b) > 1e-6*(1+math.Abs(b)) {
			t.Errorf("%v + %v·x; want %v + %v·x", l.A, l.B, a, b)
		}
		if l.Free != float64(len(x)-2) || l.Chi <= 0 || l.Unit <= 0 {
			t.Errorf("%+v", l)
		}
	}
	if l := leastsquares.FitLine([]float64{1, 1, 1}, []float64{1, 2, 3}, nil); !math.IsNaN(l.B) {
		t.Errorf("a line through one x: %+v", l)
	}
}
