package detect_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"kensa/warning/detect"
)

// Montgomery's worked example, µ 10, σ 1: λ 0.1, L 2.7, time-varying limits.
func TestMontgomery(t *testing.T) {
	x := []float64{
		9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.20, 10.34, 9.03, 11.47, 10.51, 9.40, 10.08,
		9.37, 10.62, 10.31, 8.52, 10.84, 10.90, 9.33, 12.29, 11.50, 10.60, 11.08, 10.38, 11.62, 11.31, 10.52,
	}
	want := map[int]float64{1: 9.94500, 28: 10.57314, 29: 10.64682}
	chart := detect.EWMA{Lambda: 0.1, L: 2.7}
	first := 0
	for n, v := range x {
		chart.Add(v-10, 1)
		if z, ok := want[n+1]; ok && math.Abs(chart.Value()+10-z) > 5e-6 {
			t.Errorf("z%d is %.5f; want %.5f", n+1, chart.Value()+10, z)
		}
		if n+1 == 29 && math.Abs(chart.Limit()-0.6187) > 5e-5 {
			t.Errorf("limit %.5f; want 0.6187", chart.Limit())
		}
		if first == 0 && (chart.High() || chart.Low()) {
			first = n + 1
		}
	}
	if first != 29 {
		t.Errorf("first signal at %d; want 29", first)
	}
}

// Average run lengths by simulation, against those of R's package spc 0.6.7.
func TestAverageRunLengths(t *testing.T) {
	for _, c := range []struct {
		lambda, l float64
		fixed     bool
		shift     float64
		want      float64
		runs      int
	}{
		{.1, 2.814, true, 0, 499.58, 2000},
		{.1, 2.814, true, 0.5, 31.30, 10000},
		{.1, 2.814, true, 1, 10.331, 20000},
		{.1, 2.7, true, 0, 368.99, 2000},
		{.1, 2.7, false, 0, 356.10, 2000},
		{.1, 2.7, true, 0.5, 28.19, 10000},
		{.1, 2.7, true, 1, 9.730, 20000},
		{.1, 2.7, true, 2, 4.179, 20000},
		{.1, 2.7, true, 3, 2.759, 20000},
		{.2, 2.962, true, 1, 10.542, 20000},
		{.25, 3, true, 1, 11.1543, 20000},
	} {
		t.Run(fmt.Sprintf("λ %v L %v shift %v fixed %v", c.lambda, c.l, c.shift, c.fixed), func(t *testing.T) {
			dice := rand.New(rand.NewPCG(1, 2))
			var sum, squares float64
			for range c.runs {
				n := float64(runLength(detect.EWMA{Lambda: c.lambda, L: c.l, Fixed: c.fixed}, c.shift, dice))
				sum += n
				squares += n * n
			}
			mean := sum / float64(c.runs)
			standardError := math.Sqrt((squares/float64(c.runs) - mean*mean) / float64(c.runs))
			if math.Abs(mean-c.want) > 4*standardError {
				t.Errorf("average run length %.3f ± %.3f; want %v", mean, standardError, c.want)
			}
		})
	}
}

func runLength(chart detect.EWMA, shift float64, dice *rand.Rand) int {
	for n := 1; ; n++ {
		chart.Add(dice.NormFloat64()+shift, 1)
		if chart.Low() || chart.High() {
			return n
		}
	}
}

// The limits are those of the average's own spread, whatever the weights were.
func TestLimitsFollowTheWeights(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	const runs = 20000
	var squares, limit float64
	for range runs {
		chart := detect.EWMA{Lambda: .1, L: 1}
		for n := range 30 {
			chart.Add(dice.NormFloat64(), []float64{1, .5, 0}[n%3])
		}
		squares += chart.Value() * chart.Value()
		limit = chart.Limit()
	}
	if spread := math.Sqrt(squares / runs); math.Abs(spread/limit-1) > .02 {
		t.Errorf("spread %v; limit of one standard deviation %v", spread, limit)
	}
}
