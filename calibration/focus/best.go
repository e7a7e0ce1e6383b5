package focus

import "kensa/hw/bench"

// Sharpness is the energy of the whole view, from two exposures of the same scene;
// black is the grey value without light.
func Sharpness(a, b *bench.Exposure, black float64) float64 {
	return total(energies(a.Greys(), b.Greys(), a.Width, a.Height, black))
}

// Best is the height at which the sharpness is greatest, by a fit through those of a
// sweep, with its standard error; an error where none is sharpest.
func Best(heights, sharpness []float64) (best, deviation float64, err error) {
	p, err := fit(heights, sharpness)
	return p.best, p.spread, err
}
