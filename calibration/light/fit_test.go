package light

import (
	"math"
	"math/rand/v2"
	"testing"

	"kensa/calibration"
)

// TestUncertaintiesOfTheFits, on many drawn warm-ups and rows of levels without a
// camera: the truth lies within in 97 of 100 and more, also where the warm-up hardly
// stands out of the flicker, and with the eight degrees of freedom of ten levels.
func TestUncertaintiesOfTheFits(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 9))
	const draws = 600
	var excess, constant, bent int
	for range draws {
		w, tau, flicker := 0.02+0.05*random.Float64(), 60*(4+8*random.Float64()), 1e-3*(1+2*random.Float64())
		var times, strengths []float64
		for k := range 91 {
			at := 30 * float64(k)
			times, strengths = append(times, at), append(strengths, 1000*(1+w*math.Exp(-at/tau))*(1+flicker*random.NormFloat64()))
		}
		f := warmUp(times, strengths)
		c, p := 0.3*random.Float64(), &Procedure{}
		for k := range 10 {
			l := 1 - 0.1*float64(k)
			p.state.Levels = append(p.state.Levels, Level{Light: l, Strength: 1000 * l * (1 + c*(1-l)) * (1 + flicker*random.NormFloat64())})
		}
		b, ok := p.bend()
		if !ok {
			t.Fatal("ten levels do not determine the bend")
		}
		for count, within := range map[*int]bool{&excess: math.Abs(f.w-w) < f.wOff, &constant: math.Abs(f.tau-tau) < f.tOff,
			&bent: math.Abs(b.c-c) < calibration.Expand(8)*b.errorC} {
			if within {
				*count++
			}
		}
	}
	for name, count := range map[string]int{"warm-up": excess, "time constant": constant, "bend": bent} {
		t.Logf("%s: %d of %d", name, count, draws)
		if count < draws*97/100 {
			t.Errorf("%s: the truth is within the uncertainty in %d of %d", name, count, draws)
		}
	}
}
