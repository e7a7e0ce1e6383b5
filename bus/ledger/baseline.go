package ledger

import "math"

// BaselineWafers is how many complete wafers of a product make its baseline.
const BaselineWafers = 20

// Baseline is what a product's yield normally is on a node, learnt once from its
// first complete wafers and then frozen, so that a slow decline is not learnt as
// normal. It is a value, to be stored as JSON with the wafers that made it.
//
// Yields are binomial, so they are compared after the Freeman–Tukey transform,
// which gives them a variance of nearly 1/(n + ½) whatever the yield
// (Freeman and Tukey, 1950).
type Baseline struct {
	// Values are the transformed yields while it learns; empty when frozen.
	Values []float64 `json:"values,omitempty"`
	Frozen bool      `json:"frozen"`
	Mean   float64   `json:"mean"` // of the transformed yields, 0 to π
	SD     float64   `json:"sd"`   // their sample standard deviation, from wafer to wafer
}

// Observe takes a wafer's good and inspected dies. While the baseline learns,
// it returns it with the wafer added (a complete one only) and no deviation;
// when it is frozen, the same baseline and the wafer's standardised deviation,
// nil where no die was inspected.
func (b Baseline) Observe(good, inspected int, complete bool) (Baseline, *float64) {
	if inspected <= 0 {
		return b, nil
	}
	value := FreemanTukey(good, inspected)
	if b.Frozen {
		// Wafers cannot vary by less than chance has them do: without this floor a
		// baseline of 20 equal yields would make an alarm of the next die lost.
		d := (value - b.Mean) / max(b.SD, binomialSD(inspected))
		return b, &d
	}
	if !complete {
		return b, nil
	}
	values := append(append([]float64(nil), b.Values...), value)
	if len(values) < BaselineWafers {
		return Baseline{Values: values}, nil
	}
	mean, sd := moments(values)
	return Baseline{Frozen: true, Mean: mean, SD: sd}, nil
}

// FreemanTukey is the double arcsine transform of good out of inspected, in
// radians.
func FreemanTukey(good, inspected int) float64 {
	x, n := float64(good), float64(inspected)
	return math.Asin(math.Sqrt(x/(n+1))) + math.Asin(math.Sqrt((x+1)/(n+1)))
}

// binomialSD is the standard deviation of the transform of n independent dies.
func binomialSD(n int) float64 { return 1 / math.Sqrt(float64(n)+0.5) }

func moments(values []float64) (mean, sd float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		sd += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sd / float64(len(values)-1))
}
