package dust

import (
	"math"

	"kensa/vision/defect"
)

// density is the mean number of findings that lie by chance at a given place of
// a frame, near enough to be taken for the same spot.
func density(found []defect.Defect, frames int, pixels float64) float64 {
	area := 0.0
	for _, d := range found {
		area += math.Pi * tolerance(d) * tolerance(d)
	}
	return area / (pixels * float64(frames))
}

// votes is the least number of frames, from least on, in which findings must
// agree so that scattered defects do so by chance at no more than limit places
// on average: a finding is met by others in k−1 of the n−1 other frames with the
// probability of the binomial's leading term, C(n−1, k−1)·density^(k−1). It is
// more than n where so many frames cannot tell.
func votes(least, n, findings int, density, limit float64) int {
	choose := 1.0 // C(n−1, k−1)
	for k := 1; k <= n; k++ {
		if k >= least && float64(findings)*choose*math.Pow(density, float64(k-1)) <= limit {
			return k
		}
		choose *= float64(n-k) / float64(k)
	}
	return n + 1
}
