// Package leastsquares solves small linear least-squares problems by their normal
// equations: a dozen unknowns, any number of rows.
//
// It is our own, tested against gonum, because gonum's matrices would make the
// appliance's program a twentieth larger, and its size is limited.
package leastsquares

import "math"

// System collects the rows of a problem: Σ rowᵢ·xᵢ ≈ y.
type System struct {
	n      int
	normal Matrix
	right  []float64
}

// Matrix is square.
type Matrix struct {
	n int
	v []float64
}

// At is an element.
func (m Matrix) At(i, j int) float64 { return m.v[i*m.n+j] }

// Scale multiplies every element.
func (m Matrix) Scale(by float64) {
	for k := range m.v {
		m.v[k] *= by
	}
}

// New makes a system of n unknowns.
func New(n int) *System {
	return &System{n: n, normal: Matrix{n, make([]float64, n*n)}, right: make([]float64, n)}
}

// Add takes a row of n coefficients and what they should sum to.
func (s *System) Add(row []float64, y float64) {
	for i, a := range row {
		if a == 0 {
			continue
		}
		s.right[i] += a * y
		for j, b := range row {
			s.normal.v[i*s.n+j] += a * b
		}
	}
}

// singular is the pivot, of a matrix with a unit diagonal, below which unknowns
// are not told apart by the rows.
const singular = 1e-12

// Solve gives the unknowns and the inverse of the normal matrix: times the rows'
// variance, their covariance. False where the rows do not determine them.
func (s *System) Solve() (x []float64, inverse Matrix, ok bool) {
	scale := make([]float64, s.n)
	for i := range scale {
		d := s.normal.At(i, i)
		if !(d > 0) {
			return nil, Matrix{}, false
		}
		scale[i] = 1 / math.Sqrt(d)
	}
	lower, ok := s.factor(scale)
	if !ok {
		return nil, Matrix{}, false
	}
	inverse = Matrix{s.n, make([]float64, s.n*s.n)}
	unit := make([]float64, s.n)
	for j := range unit {
		clear(unit)
		unit[j] = 1
		lower.substitute(unit)
		for i, v := range unit {
			inverse.v[i*s.n+j] = v * scale[i] * scale[j]
		}
	}
	x = make([]float64, s.n)
	for i := range x {
		x[i] = s.right[i] * scale[i]
	}
	lower.substitute(x)
	for i := range x {
		x[i] *= scale[i]
	}
	return x, inverse, true
}

// factor is Cholesky's: the normal matrix, scaled to a unit diagonal, as L·Lᵀ.
func (s *System) factor(scale []float64) (lower Matrix, ok bool) {
	l := Matrix{s.n, make([]float64, s.n*s.n)}
	for i := range s.n {
		for j := range i + 1 {
			sum := s.normal.At(i, j) * scale[i] * scale[j]
			for k := range j {
				sum -= l.At(i, k) * l.At(j, k)
			}
			if i != j {
				l.v[i*s.n+j] = sum / l.At(j, j)
				continue
			}
			if !(sum > singular) {
				return l, false
			}
			l.v[i*s.n+i] = math.Sqrt(sum)
		}
	}
	return l, true
}

// substitute solves L·Lᵀ·x = b in place.
func (m Matrix) substitute(b []float64) {
	for i := range m.n {
		for k := range i {
			b[i] -= m.At(i, k) * b[k]
		}
		b[i] /= m.At(i, i)
	}
	for i := m.n - 1; i >= 0; i-- {
		for k := i + 1; k < m.n; k++ {
			b[i] -= m.At(k, i) * b[k]
		}
		b[i] /= m.At(i, i)
	}
}
