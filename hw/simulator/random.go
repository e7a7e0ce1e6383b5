package simulator

import (
	"math"
	"math/rand/v2"
)

// purpose keeps the random streams of different things apart, so that one more
// number drawn for the one changes nothing about the other.
type purpose uint64

const (
	forWafer purpose = iota + 1
	forDie
	forFlaws
	forStop
	forNoise
	forTime
	forFaults
	forLoading
)

// stream is the generator for one thing, named by numbers. What it gives depends
// on nothing but these and the seed.
func stream(seed uint64, what purpose, name ...int) *rand.Rand {
	h := mixBits(seed ^ uint64(what)<<56)
	for _, n := range name {
		h = mixBits(h ^ uint64(int64(n)))
	}
	return rand.New(rand.NewPCG(h, mixBits(h)))
}

// mixBits is the finaliser of SplitMix64 (Steele, Lea, Flood, 2014).
func mixBits(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// poisson draws a count with a mean, by Knuth's product for small means and the
// normal approximation for large ones.
func poisson(random *rand.Rand, mean float64) int {
	if mean > 60 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*random.NormFloat64())))
	}
	n, limit := -1, math.Exp(-mean)
	for p := 1.0; p > limit; n++ {
		p *= random.Float64()
	}
	return max(n, 0)
}

// normal draws with a standard deviation, cut off at a number of them.
func normal(random *rand.Rand, sigma, cut float64) float64 {
	return sigma * max(-cut, min(cut, random.NormFloat64()))
}
