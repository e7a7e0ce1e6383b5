package stand

import (
	"math"
	"time"

	"kensa/hw/bench"
)

// scene is the light that falls on each pixel during the exposure, in e⁻.
func (s *Stand) scene(latency time.Duration) []float32 {
	f := s.truth.Station.Format
	out := make([]float32, f.Width*f.Height)
	switch s.set.Target {
	case bench.Cover:
	case bench.Blinker:
		s.blink(out, latency)
	case bench.Good, bench.Standard:
		s.drawWafer(out)
	default:
		s.draw(out)
	}
	return out
}

// blink is an even light while flash and exposure overlap.
func (s *Stand) blink(out []float32, latency time.Duration) {
	from := max(s.set.FlashDelay, latency)
	to := min(s.set.FlashDelay+s.set.Flash, latency+s.set.Exposure)
	light := float32(s.truth.Light.Flux * max(to-from, 0).Seconds())
	for i := range out {
		out[i] = light
	}
}

// draw is a target under the light.
func (s *Stand) draw(out []float32) {
	t := &s.truth
	f, o := t.Station.Format, &t.Optics
	pose := t.Plate.lie(s.set, s.place)
	celsius := s.celsius()
	scale := 1 + o.ScaleDrift*(celsius-20)
	strength := t.Light.Flux * s.lamp() * s.set.Exposure.Seconds()
	pixel := math.Sqrt(o.PixelX * o.PixelY)
	plain := s.set.Target == bench.Mirror || s.set.Target == bench.Any
	for y := range f.Height {
		v := (float64(y)+0.5)/float64(f.Height)*2 - 1
		for x := range f.Width {
			u := (float64(x)+0.5)/float64(f.Width)*2 - 1
			light := strength * t.Light.at(u, v)
			if !plain {
				q, z := pose.meet(o.toTarget(s.ideal[y*f.Width+x], 0, scale), o.Distance)
				light *= t.Plate.reflect(s.set.Target, q, pixel*o.blur(u, v, z, celsius))
			}
			out[y*f.Width+x] = float32(light)
		}
	}
}

// at is the light's shape over the frame; u and v run from −1 to 1.
func (l *Light) at(u, v float64) float64 {
	return (1 - l.Vignetting*(u*u+v*v)/2) * (1 + l.Tilt/2*u)
}
