// Package peak finds where a function of one variable is greatest.
package peak

// Find is where f, which has one maximum between low and high, has it, to within
// fine, by golden-section search (J. Kiefer, Sequential minimax search for a
// maximum, Proc. AMS 4, 1953): each step asks f once and keeps 0.618 of the
// interval. fine must be more than 0, and so much that floats can tell it.
func Find(low, high, fine float64, f func(float64) float64) float64 {
	const golden = 0.6180339887498949
	u, v := high-golden*(high-low), low+golden*(high-low)
	fu, fv := f(u), f(v)
	for high-low > fine {
		if fu > fv {
			high, v, fv = v, u, fu
			u = high - golden*(high-low)
			fu = f(u)
		} else {
			low, u, fu = u, v, fv
			v = low + golden*(high-low)
			fv = f(v)
		}
	}
	return (low + high) / 2
}
