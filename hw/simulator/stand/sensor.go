package stand

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"time"
)

// sensor is a camera chip with its pixels' own differences.
type sensor struct {
	Sensor
	depth int
	gain  []float32 // of each pixel: 1 ± PRNU, with dust on it
	dark  []float32 // e⁻ that each pixel adds or lacks
	leak  []float32 // e⁻ a second, at 20 °C
}

func newSensor(t *Truth, random *rand.Rand) *sensor {
	f := t.Station.Format
	n := f.Width * f.Height
	s := &sensor{Sensor: t.Sensor, depth: f.Depth, gain: make([]float32, n), dark: make([]float32, n), leak: make([]float32, n)}
	for i := range n {
		s.gain[i] = float32(1 + t.Sensor.PRNU*random.NormFloat64())
		s.dark[i] = float32(t.Sensor.DSNU * random.NormFloat64())
		s.leak[i] = float32(t.Sensor.Dark)
	}
	for range t.Sensor.Hot {
		s.leak[random.IntN(n)] += float32(t.Sensor.HotDark)
	}
	for range t.Sensor.Dead {
		s.gain[random.IntN(n)] = 0.1
	}
	for _, d := range t.Sensor.Dust {
		s.shadow(d, f.Width, f.Height)
	}
	return s
}

// shadow darkens the pixels under a speck: 2^(−r⁴) deep, flat in its middle and
// half as deep at its radius.
func (s *sensor) shadow(d Dust, width, height int) {
	for y := range height {
		for x := range width {
			r2 := (math.Pow(float64(x)+0.5-d.X, 2) + math.Pow(float64(y)+0.5-d.Y, 2)) / (d.Radius * d.Radius)
			if r2 < 9 {
				s.gain[y*width+x] *= float32(1 - d.Depth*math.Exp2(-r2*r2))
			}
		}
	}
}

// expose turns the light on each pixel into grey values, 16-bit ones
// little-endian. The leak doubles every 8 K.
func (s *sensor) expose(light []float32, exposure time.Duration, celsius float64, random *rand.Rand) []byte {
	wide := s.depth > 8
	out := make([]byte, len(light))
	if wide {
		out = make([]byte, 2*len(light))
	}
	top := float64(int(1)<<s.depth - 1)
	warm := math.Exp2((celsius-20)/8) * exposure.Seconds()
	for i, l := range light {
		mean := float64(l)*float64(s.gain[i]) + float64(s.leak[i])*warm
		e := min(shot(mean, random), s.FullWell)
		e *= 1 - s.NonLinear*e/s.FullWell
		v := s.Offset + s.Gain*(e+float64(s.dark[i])+s.ReadNoise*random.NormFloat64())
		dn := uint16(math.Round(max(0, min(top, v))))
		if wide {
			binary.LittleEndian.PutUint16(out[2*i:], dn)
		} else {
			out[i] = byte(dn)
		}
	}
	return out
}

// shot draws from a Poisson distribution: by inversion below 12, where a normal
// one would be visibly another, else by the normal one of equal mean and
// variance.
func shot(mean float64, random *rand.Rand) float64 {
	if mean >= 12 {
		return max(0, math.Round(mean+math.Sqrt(mean)*random.NormFloat64()))
	}
	k, p, limit := 0.0, random.Float64(), math.Exp(-max(mean, 0))
	for sum := limit; p > sum && k < 100; {
		k++
		limit *= mean / k
		sum += limit
	}
	return k
}
