package latency

import (
	"math"

	"kensa/calibration"
	"kensa/vision/peak"
)

// reading is what one frame tells of a quantity that scatters from frame to frame:
// it lies between low and high, of which one is infinite, or both the same where it was
// seen itself.
type reading struct{ low, high float64 }

// scatter is a normal distribution known through readings, with the expanded
// uncertainties of its mean and of its standard deviation.
type scatter struct {
	mean, spread       float64
	meanOff, spreadOff float64
}

// likelihood is the logarithm of the readings' probability (Tobin, Estimation of
// Relationships for Limited Dependent Variables, 1958) times the spread. That leaves one
// degree of freedom to the mean, as the division by n − 1 does for a sample; and where
// there are only bounds, and none contradicts another, it keeps the spread at what the
// gap between them allows.
func likelihood(of []reading, mean, spread float64) float64 {
	sum := math.Log(spread)
	for _, r := range of {
		switch a, b := (r.low-mean)/spread, (r.high-mean)/spread; {
		case r.low == r.high:
			sum -= a*a/2 + math.Log(spread)
		case math.IsInf(r.low, -1):
			sum += logBelow(b)
		default:
			sum += logBelow(-a)
		}
	}
	return sum
}

// logBelow is ln Φ(x), by its asymptote where Φ underflows.
func logBelow(x float64) float64 {
	switch {
	case x > 8: // as good as certain
		return 0
	case x < -30:
		return -x*x/2 - math.Log(-x) - math.Log(2*math.Pi)/2
	}
	return math.Log(math.Erfc(-x/math.Sqrt2) / 2)
}

// highest is where a function with one maximum between low and high has it, to a 10⁻⁶
// part of that.
func highest(low, high float64, f func(float64) float64) float64 {
	return peak.Find(low, high, 1e-6*(high-low), f)
}

// fit finds the scatter between the bounds low and high of its mean, with a spread of
// fine at least. The uncertainties are by profile likelihood: how far the one may be
// while the other is at its best, the wider side of each.
func fit(of []reading, low, high, fine float64) scatter {
	least, most := math.Log(fine), math.Log(high-low)
	overMean := func(mean float64) float64 {
		at := func(l float64) float64 { return likelihood(of, mean, math.Exp(l)) }
		return at(highest(least, most, at))
	}
	overSpread := func(l float64) float64 {
		at := func(mean float64) float64 { return likelihood(of, mean, math.Exp(l)) }
		return at(highest(low, high, at))
	}
	mean, spread := highest(low, high, overMean), highest(least, most, overSpread)
	const few = 4 // the bounds that say nothing else still say something together
	k := calibration.Expand(float64(max(few, telling(of, mean, math.Exp(spread))-2)))
	enough := math.Max(overMean(mean), overSpread(spread)) - k*k/2
	from, to := edge(mean, low, overMean, enough), edge(mean, high, overMean, enough)
	narrow, wide := math.Exp(edge(spread, least, overSpread, enough)), math.Exp(edge(spread, most, overSpread, enough))
	s := scatter{mean: mean, spread: math.Exp(spread)}
	s.meanOff, s.spreadOff = math.Max(to-mean, mean-from), math.Max(wide-s.spread, s.spread-narrow)
	return s
}

// telling is how many readings say anything: the quantity itself, or a bound that is
// no more than three spreads from the mean.
func telling(of []reading, mean, spread float64) (n int) {
	for _, r := range of {
		if math.Abs(r.low-mean) < 3*spread || math.Abs(r.high-mean) < 3*spread {
			n++
		}
	}
	return n
}

// edge is the furthest place from a maximum towards an end at which f is enough yet.
func edge(at, end float64, f func(float64) float64, enough float64) float64 {
	if f(end) >= enough {
		return end
	}
	for range 20 {
		if middle := (at + end) / 2; f(middle) >= enough {
			at = middle
		} else {
			end = middle
		}
	}
	return at
}
