package optics

import (
	"math"
	"math/rand/v2"
	"sync"
)

// The wander of line edges: smooth noise over wanderSide pixels square, periodic.
const (
	wanderSide = 256
	maxWander  = 56
	wanderRMS  = 18 // in 1/256 of the way from narrow to wide
)

// tables are the same for every tool: what differs is where they are entered.
var tables = sync.OnceValue(func() *tableSet {
	t := &tableSet{}
	random := rand.New(rand.NewPCG(11, 13))
	t.wander(random)
	for i := range t.noise {
		t.noise[i] = int16(max(-4.5, min(4.5, random.NormFloat64())) * noiseOne)
	}
	return t
})

type tableSet struct {
	edges [wanderSide][wanderSide]int8
	noise [noiseSize]int16
}

// Normal noise, noiseOne being one standard deviation.
const (
	noiseOne  = 1024
	noiseSize = 1 << 17
)

func wanderRow(y int) *[wanderSide]int8 { return &tables().edges[uint8(y)] }

// wander smooths white noise with boxes of 7 pixels, thrice: close to a Gaussian
// with a standard deviation of 3.5 pixels, as edges wander.
func (t *tableSet) wander(random *rand.Rand) {
	a := make([]float64, wanderSide*wanderSide)
	for i := range a {
		a[i] = random.NormFloat64()
	}
	for range 3 {
		a = smooth(smooth(a))
	}
	sum := 0.0
	for _, v := range a {
		sum += v * v
	}
	scale := wanderRMS / math.Sqrt(sum/float64(len(a)))
	for i, v := range a {
		t.edges[i/wanderSide][i%wanderSide] = int8(math.Round(max(-maxWander, min(maxWander, v*scale))))
	}
}

// smooth averages along rows and returns the result transposed.
func smooth(a []float64) []float64 {
	const reach = 3
	b := make([]float64, len(a))
	for y := range wanderSide {
		for x := range wanderSide {
			sum := 0.0
			for d := -reach; d <= reach; d++ {
				sum += a[y*wanderSide+int(uint8(x+d))]
			}
			b[x*wanderSide+y] = sum
		}
	}
	return b
}
