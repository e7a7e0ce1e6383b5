package classify

import (
	"errors"
	"math"
)

type matrix [features][features]float64

// gaussian is a normal distribution, with its covariance's Cholesky factor.
type gaussian struct {
	mean   vector
	factor matrix  // lower triangle
	log2   float64 // half of the logarithm of the covariance's determinant
}

var errNotPositive = errors.New("covariance is not positive definite")

func newGaussian(mean vector, covariance matrix) (gaussian, error) {
	g := gaussian{mean: mean}
	for i := range features {
		for j := 0; j <= i; j++ {
			rest := covariance[i][j]
			for k := range j {
				rest -= g.factor[i][k] * g.factor[j][k]
			}
			switch {
			case i != j:
				g.factor[i][j] = rest / g.factor[j][j]
			case !(rest > 1e-9 && rest < 1e12):
				return g, errNotPositive
			default:
				g.factor[i][i] = math.Sqrt(rest)
				g.log2 += math.Log(g.factor[i][i])
			}
		}
	}
	return g, nil
}

// log is the logarithm of the density, less a constant, and the squared
// Mahalanobis distance.
func (g *gaussian) log(z vector) (log, distance float64) {
	var y vector
	for i := range features {
		rest := z[i] - g.mean[i]
		for k := range i {
			rest -= g.factor[i][k] * y[k]
		}
		y[i] = rest / g.factor[i][i]
		distance += y[i] * y[i]
	}
	return -distance/2 - g.log2, distance
}

func meanOf(all []vector) (mean vector) {
	for _, v := range all {
		for k, x := range v {
			mean[k] += x / float64(len(all))
		}
	}
	return mean
}

// scatter is the sum of the outer products about the mean.
func scatter(all []vector, mean vector) (s matrix) {
	for _, v := range all {
		for i := range features {
			for j := range features {
				s[i][j] += (v[i] - mean[i]) * (v[j] - mean[j])
			}
		}
	}
	return s
}

// blend is a·x + b·y.
func blend(a float64, x matrix, b float64, y matrix) (m matrix) {
	for i := range features {
		for j := range features {
			m[i][j] = a*x[i][j] + b*y[i][j]
		}
	}
	return m
}
