// Package detect finds sustained shifts in standardised yield deviations, one
// chart for each product of each node.
//
// Deviations are in standard deviations of the node's own frozen baseline, so
// that every chart has the target 0 and the spread 1.
package detect

import "math"

// EWMA is an exponentially weighted moving average chart (Roberts, 1959;
// Montgomery, Introduction to Statistical Quality Control, chapter 9). The zero
// value with Lambda and L set is ready.
type EWMA struct {
	Lambda float64 // weight of the newest value, above 0, at most 1
	L      float64 // control limit in standard deviations of the average
	// Fixed limits are those that time-varying ones approach. These are the
	// default, and signal an early shift sooner.
	Fixed bool

	value    float64
	variance float64 // of value, in control
}

// Default is the chart in use: λ 0.1 and L 2.7 find shifts of one standard
// deviation after 10 wafers on average. In control both limits together signal
// once in 356 wafers, the lower one alone about once in 700.
func Default() EWMA { return EWMA{Lambda: 0.1, L: 2.7} }

// Add takes the next deviation with a weight, 0 to 1, of which 1 is that of a
// complete wafer.
func (e *EWMA) Add(deviation, weight float64) {
	l := e.Lambda * weight
	e.value = (1-l)*e.value + l*deviation
	e.variance = (1-l)*(1-l)*e.variance + l*l
}

// Value is the average, in standard deviations of the baseline.
func (e *EWMA) Value() float64 { return e.value }

// Limit is how far from 0 the average may be; the control limits are ±Limit.
func (e *EWMA) Limit() float64 {
	if e.Fixed {
		return e.L * math.Sqrt(e.Lambda/(2-e.Lambda))
	}
	return e.L * math.Sqrt(e.variance)
}

// Low and High tell that the average is beyond a limit.
func (e *EWMA) Low() bool { return e.value < -e.Limit() }

// High is Low's other side.
func (e *EWMA) High() bool { return e.value > e.Limit() }
