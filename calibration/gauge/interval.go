package gauge

import (
	"math"
	"math/rand/v2"
	"slices"
)

// draws is how many times the pivots are drawn for an interval.
const draws = 4000

// Interval is where a quantity of the components lies with 95 % confidence: a
// generalised confidence interval (Hamada and Weerahandi, Journal of Quality
// Technology 32, 2000, 241–253). Each mean square is replaced by itself times its degrees
// of freedom over a chi-squared draw; the quantity's quantiles over many draws bound
// it. Equal studies give equal intervals: the draws have a fixed seed.
func (s Study) Interval(of func(Components) float64) (low, high float64, err error) {
	if err := s.Check(); err != nil {
		return 0, 0, err
	}
	q := s.squares()
	random := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, draws)
	for n := range values {
		d := q
		d.part *= q.dfPart / chiSquared(q.dfPart, random)
		d.operator *= q.dfOperator / chiSquared(q.dfOperator, random)
		d.interaction *= q.dfInteraction / chiSquared(q.dfInteraction, random)
		d.error *= q.dfE / chiSquared(q.dfE, random)
		values[n] = of(d.components())
	}
	slices.Sort(values)
	return values[draws*25/1000], values[draws*975/1000], nil
}

// chiSquared draws from the distribution of df degrees of freedom, a gamma one,
// by the method of Marsaglia and Tsang (ACM TOMS 26, 2000).
func chiSquared(df float64, random *rand.Rand) float64 {
	shape, boost := df/2, 1.0
	if shape < 1 {
		boost = math.Pow(random.Float64(), 1/shape)
		shape++
	}
	d := shape - 1./3
	c := 1 / math.Sqrt(9*d)
	for {
		x := random.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-random.Float64()) < 0.5*x*x+d-d*v+d*math.Log(v) {
			return 2 * d * v * boost
		}
	}
}
