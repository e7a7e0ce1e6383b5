package inspect

import "math"

// A noiseModel says how far a good pixel's smoothed difference strays: its
// variance is base + slope·grey + (wander·edge)², with edge the change of the
// expected grey value within one pixel. The first two are the images' noise
// (constant, and shot noise, which grows with the signal), the last the edges
// that wander and the registration's rest.
type noiseModel struct {
	base, slope, low float64 // grey values squared; low is the least variance
	wander           float64 // pixels, one standard deviation
}

// observation is one pixel's smoothed difference and what it should depend on.
type observation struct{ diff, grey, edge float32 }

// Quantiles of |z| for a standard normal z.
var normalQuantiles = []struct{ share, z float64 }{{0.5, 0.6745}, {0.9, 1.6449}, {0.95, 1.96}}

// fitNoise estimates the model from robust statistics of a pair's own pixels,
// most of which are good. floor is the least standard deviation; wander the
// value to assume where there are too few edges to tell, and leastWander its
// least.
func fitNoise(seen []observation, floor, wander float64) noiseModel {
	edges := make([]float32, len(seen))
	for i, o := range seen {
		edges[i] = o.edge
	}
	flat := quantile(edges, 0.4)
	m := noiseModel{wander: wander}
	m.fitGrey(seen, flat, floor)
	m.fitWander(seen, quantile(edges, 0.9))
	m.scale(m.tail(seen))
	return m
}

// fitGrey draws a line through the variances of flat pixels by grey value.
func (m *noiseModel) fitGrey(seen []observation, flat float32, floor float64) {
	const width, least = 16, 100 // grey values a bin; pixels that make a bin count
	var bins [256/width + 1][]float32
	var all []float32
	for _, o := range seen {
		if o.edge <= flat {
			b := min(max(int(o.grey)/width, 0), len(bins)-1)
			bins[b] = append(bins[b], o.diff)
			all = append(all, o.diff)
		}
	}
	pooled := square(float64(spread(all)))
	m.low = max(floor*floor, pooled/4)
	m.base = max(pooled, m.low)
	var line moments
	for b, values := range bins {
		if len(values) >= least {
			// A variance is known the less, the larger it is; a bin full of defects
			// then has little say.
			v := max(square(float64(spread(values))), m.low)
			line.add((float64(b)+0.5)*width, v, float64(len(values))/square(v))
		}
	}
	if slope, base := line.line(); line.deviation() >= width {
		m.base, m.slope = base, slope
	}
}

// fitWander finds the wander at which the steepest pixels stray as a normal
// variable does, both in the middle and towards the tail.
func (m *noiseModel) fitWander(seen []observation, steep float32) {
	const least = 200
	wander := square(leastWander)
	for _, q := range normalQuantiles[:2] {
		var ratios []float32
		for _, o := range seen {
			noise := m.variance(o.grey, 0)
			if o.edge >= steep && square(float64(o.edge)) > noise {
				ratios = append(ratios, float32((square(float64(o.diff)/q.z)-noise)/square(float64(o.edge))))
			}
		}
		if len(ratios) < least {
			return
		}
		wander = max(wander, float64(quantile(ratios, q.share)))
	}
	m.wander = math.Sqrt(wander)
}

// leastWander is the wander below which no registration is trusted, in pixels.
const leastWander = 0.1

func (m *noiseModel) variance(grey, edge float32) float64 {
	return max(m.base+m.slope*float64(grey), m.low) + square(m.wander*float64(edge))
}

// scale makes every standard deviation f times as large.
func (m *noiseModel) scale(f float64) {
	m.base, m.slope, m.low = m.base*f*f, m.slope*f*f, m.low*f*f
	m.wander *= f
}

// grey is the standard deviation of flat pixels of a grey value.
func (m *noiseModel) grey(v float64) float64 { return math.Sqrt(m.variance(float32(v), 0)) }

func square(v float64) float64 { return v * v }

// tail is the factor, at least 1, by which the pixels stray further than the
// model says, in their middle or towards their tail.
func (m *noiseModel) tail(seen []observation) float64 {
	z := make([]float32, len(seen))
	for i, o := range seen {
		z[i] = abs(o.diff) / float32(math.Sqrt(m.variance(o.grey, o.edge)))
	}
	return float64(widening(z))
}

// widening is the factor, at least 1, by which absolute values of what should be
// a standard normal variable reach further than one does, in their middle or
// towards their tail; z is reordered.
func widening(z []float32) float32 {
	factor := 1.0
	for _, q := range normalQuantiles {
		factor = max(factor, float64(quantile(z, q.share))/q.z)
	}
	return float32(factor)
}
