// Package focus finds the stage's height at which the image is sharpest, how that
// height differs over the view, and how sharp the image then is.
//
// Sharpness is the energy of the grey values' differences between neighbours. At
// an edge blurred by a Gaussian of standard deviation σ it is proportional to 1/σ,
// and σ² = σ₀² + a²·(z − z₀)² about the best height z₀; so the inverse square of the
// energy is a parabola in z, whose vertex is sought. Noise would add energy of its
// own: two exposures are multiplied instead of one squared, so that it cancels in the mean.
package focus

// Grid of patches over the view: Patches×Patches of them.
const Patches = 5

// energies are the sharpness of each patch, by rows of patches, from two exposures
// of the same scene: the mean product of their differences between neighbours, in x
// and y, over the square of the mean grey value above black.
func energies(a, b []float32, width, height int, black float64) [Patches * Patches]float64 {
	var out [Patches * Patches]float64
	for row := range Patches {
		for column := range Patches {
			x0, x1 := column*width/Patches, (column+1)*width/Patches-1
			y0, y1 := row*height/Patches, (row+1)*height/Patches-1
			sum, grey := 0.0, 0.0
			for y := y0; y < y1; y++ {
				for i := y*width + x0; i < y*width+x1; i++ {
					sum += float64((a[i+1]-a[i])*(b[i+1]-b[i]) + (a[i+width]-a[i])*(b[i+width]-b[i]))
					grey += float64(a[i]) - black
				}
			}
			n := float64((x1 - x0) * (y1 - y0))
			out[row*Patches+column] = sum / n / (grey / n * grey / n)
		}
	}
	return out
}
