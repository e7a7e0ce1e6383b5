package gauge

import (
	"fmt"
	"math"
	"slices"
)

// dStar is d₂*: the mean range of m values over their standard deviation where
// the range is that of one sample (Duncan, Quality Control and Industrial
// Statistics, table D3, g = 1), by m.
var dStar = []float64{2: 1.41421, 3: 1.91155, 4: 2.23887, 5: 2.48124, 6: 2.67253, 7: 2.82981, 8: 2.96288, 9: 3.07794, 10: 3.17905}

// dTwo is d₂: the same for the mean of many samples' ranges.
var dTwo = []float64{2: 1.12838, 3: 1.69257, 4: 2.05875, 5: 2.32593}

// Ranges estimates the components by the average-and-range method, which knows
// no interaction. It holds for 2 to 5 trials and 2 to 10 parts and operators, the
// reach of its tables.
func (s Study) Ranges() (Components, error) {
	if err := s.Check(); err != nil {
		return Components{}, err
	}
	parts, operators, trials := s.Sizes()
	if trials >= len(dTwo) || parts >= len(dStar) || operators >= len(dStar) {
		return Components{}, fmt.Errorf("gauge: range method with %d parts, %d operators, %d readings; its tables end at %d, %d, %d",
			parts, operators, trials, len(dStar)-1, len(dStar)-1, len(dTwo)-1)
	}
	var within float64
	byPart, byOperator := make([]float64, parts), make([]float64, operators)
	for i := range s {
		for j := range s[i] {
			m := mean(s[i][j])
			within += spread(s[i][j]) / float64(parts*operators)
			byPart[i], byOperator[j] = byPart[i]+m/float64(operators), byOperator[j]+m/float64(parts)
		}
	}
	repeat := sq(within / dTwo[trials])
	return Components{
		Repeatability: repeat,
		Operator:      max(0, sq(spread(byOperator)/dStar[operators])-repeat/float64(parts*trials)),
		Part:          sq(spread(byPart) / dStar[parts]),
	}, nil
}

func spread(v []float64) float64 { return math.Abs(slices.Max(v) - slices.Min(v)) }
