package golden

import (
	"math"
	"slices"
)

// A pixel's value is left out of its mean and σ when it is further from the
// median than outlierSigmas of the model and outlierMAD of the dies' own
// normalised median deviation: a defect on one die leaves both small, a place
// that varies on all dies does not. Where more than outlierShare of the dies are
// so far off, that is how the product is, not a defect.
const (
	outlierSigmas = 4
	outlierMAD    = 4
	outlierShare  = 0.25
	madToSigma    = 1.4826 // for normally distributed values
)

// priorDies is the weight of the model of σ, in dies, against a pixel's own: the
// scatter of a few dies alone would give limits that are too tight by chance.
const priorDies = 10

// medians is the median of the dies, pixel by pixel.
func medians(stack [][]uint16) []uint16 {
	out := make([]uint16, len(stack[0]))
	values := make([]uint16, len(stack))
	for n := range out {
		out[n] = median(column(stack, n, values))
	}
	return out
}

// column sets values to what the dies have at pixel n, sorted.
func column(stack [][]uint16, n int, values []uint16) []uint16 {
	for k, die := range stack {
		values[k] = die[n]
	}
	slices.Sort(values)
	return values
}

func median(sorted []uint16) uint16 {
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return uint16((int(sorted[middle-1]) + int(sorted[middle]) + 1) / 2)
}

// sums are what a golden has learnt of each pixel, so that more dies can be
// added later.
type sums struct {
	count   []uint16  // dies whose value counts
	scatter []float32 // sum of their squared distances from the mean, steps of 1/One
}

// spread is what the dies say of each pixel, robustly. kept is the share of the
// camera's noise, as variance, that interpolation left in the dies; what it took
// is put back, because the next die may need none.
func spread(stack [][]uint16, kept float64, width, height int) *Golden {
	middle := medians(stack)
	slope := gradient(levels(middle), width, height)
	correct := medianOfVariance(len(stack) - 1)
	fitted := fitModel(slope, func(n int) float64 { return variance(stack, n) / correct })
	g := &Golden{mean: make([]uint16, len(middle)), sums: newSums(len(middle))}
	values, away := make([]uint16, len(stack)), make([]uint16, len(stack))
	for n := range g.mean {
		column(stack, n, values)
		limit := max(outlierSigmas*math.Sqrt(fitted.variance(slope[n])), outlierMAD*madToSigma*float64(deviation(values, middle[n], away)))
		mean, scatter, count := trimmed(values, float64(middle[n]), limit)
		g.mean[n] = uint16(math.Round(mean))
		g.sums.count[n], g.sums.scatter[n] = uint16(count), float32(scatter)
	}
	g.Header = Header{Width: width, Height: height, Dies: len(stack), Model: Model{fitted.noise, fitted.wander, kept}}
	g.setSigma(slope)
	return g
}

func newSums(pixels int) *sums { return &sums{make([]uint16, pixels), make([]float32, pixels)} }

// setSigma works σ out from the sums, drawn towards the model at this slope.
func (g *Golden) setSigma(slope []float32) {
	g.sigma = make([]uint16, len(g.mean))
	fitted := model{g.Model.Noise, g.Model.Wander}
	for n, scatter := range g.sums.scatter {
		variance := (priorDies*fitted.variance(slope[n]) + float64(scatter)) / (priorDies + float64(g.sums.count[n]) - 1)
		g.sigma[n] = toSigma(variance + fitted.noise*(1/g.Model.Kept-1))
	}
}

func toSigma(variance float64) uint16 {
	return uint16(max(1, min(math.MaxUint16, math.Round(math.Sqrt(variance)))))
}

// deviation is the median distance from middle.
func deviation(values []uint16, middle uint16, away []uint16) uint16 {
	for n, v := range values {
		away[n] = max(v, middle) - min(v, middle)
	}
	slices.Sort(away)
	return median(away)
}

// trimmed is within, of all values where too many of them lie beyond the limit.
func trimmed(values []uint16, middle, limit float64) (mean, scatter, n float64) {
	mean, scatter, n = within(values, middle, limit)
	if n < (1-outlierShare)*float64(len(values)) {
		return within(values, middle, math.Inf(1))
	}
	return mean, scatter, n
}

// within is the mean of the values within limit of the middle, the sum of their
// squared distances from it, and their number.
func within(values []uint16, middle, limit float64) (mean, scatter, n float64) {
	var sum, square float64
	for _, v := range values {
		if d := float64(v) - middle; math.Abs(d) <= limit {
			sum, square, n = sum+d, square+d*d, n+1
		}
	}
	if n == 0 {
		return middle, 0, 0
	}
	return middle + sum/n, max(0, square-sum*sum/n), n
}

// model is how σ² grows with the local change of grey: noise, and the wander of
// edges and the rest of registration. Steps of 1/One, squared.
type model struct{ noise, wander float64 }

func (m model) variance(slope float32) float64 {
	return m.noise + m.wander*float64(slope)*float64(slope)
}

// fitModel takes medians over many pixels of the dies' variance, which defects
// on a few dies cannot move. variance is that of a pixel, such that its median
// over pixels is right.
func fitModel(slope []float32, variance func(n int) float64) model {
	flat, steep := quantiles(slope)
	var noise, wander []float64
	for n, g := range slope {
		if g <= flat {
			noise = append(noise, variance(n))
		}
	}
	m := model{noise: max(middleOf(noise), One*One/12)} // at least that of rounding
	for n, g := range slope {
		if g >= steep && g > 0 {
			wander = append(wander, (variance(n)-m.noise)/(float64(g)*float64(g)))
		}
	}
	m.wander = max(0, middleOf(wander))
	return m
}

// quantiles are the slopes below which half of the pixels lie, and above which
// a tenth do.
func quantiles(slope []float32) (flat, steep float32) {
	sorted := slices.Clone(slope)
	slices.Sort(sorted)
	return sorted[len(sorted)/2], sorted[len(sorted)*9/10]
}

func variance(stack [][]uint16, n int) float64 {
	var sum, square float64
	first := float64(stack[0][n])
	for _, die := range stack {
		d := float64(die[n]) - first
		sum, square = sum+d, square+d*d
	}
	k := float64(len(stack))
	return (square - sum*sum/k) / (k - 1)
}

// medianOfVariance is the median of a sample variance with k degrees of freedom
// over its mean, by Wilson and Hilferty's approximation of χ².
func medianOfVariance(k int) float64 { return math.Pow(1-2/(9*float64(k)), 3) }

func middleOf(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}
