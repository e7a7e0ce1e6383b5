package stand

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"periph.io/x/conn/v3/physic"

	"kensa/hw/bench"
	"kensa/hw/camera"
	"kensa/hw/simulator"
)

// Stand is a simulated bench.
type Stand struct {
	truth  Truth
	random *rand.Rand
	sensor *sensor
	ideal  []point // pixel → its place without distortion, pixels from the middle
	now    time.Duration
	set    bench.Setting
	place  place
	lit    time.Duration // when the light was switched on
	count  uint64

	product, stranger *simulator.Chuck // nil: no wafers
}

// New makes a bench of which everything is as t says.
func New(t Truth) (*Stand, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if t.Station.Format.Depth == 8 {
		t.Station.Format.Stride = t.Station.Format.Width
	} else {
		t.Station.Format.Stride = 2 * t.Station.Format.Width
	}
	s := &Stand{truth: t, random: rand.New(rand.NewPCG(t.Seed, 0x5741))}
	s.sensor = newSensor(&s.truth, rand.New(rand.NewPCG(t.Seed, 0x5345)))
	s.ideal = s.truth.Optics.undistort(t.Station.Format.Width, t.Station.Format.Height)
	return s, s.makeWafers()
}

// Station says what is simulated.
func (s *Stand) Station() bench.Station { return s.truth.Station }

// Set does all by itself: nothing is left for a person.
func (s *Stand) Set(ctx context.Context, to bench.Setting) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.truth.allow(to); err != nil {
		return nil, err
	}
	if to.Target == bench.Any {
		to.Target, to.Piece, to.Loading = s.set.Target, s.set.Piece, s.set.Loading
	}
	if err := s.lay(to); err != nil {
		return nil, err
	}
	if to.Light > 0 && s.set.Light == 0 {
		s.lit = s.now
	}
	if to.ViaX != 0 || to.ViaY != 0 {
		via := to
		via.X, via.Y = to.X+to.ViaX, to.Y+to.ViaY
		s.place, s.set = s.truth.Stage.move(s.place, s.set, via, s.random), via
	}
	s.place = s.truth.Stage.move(s.place, s.set, to, s.random)
	s.set = to
	return nil, nil
}

func (t *Truth) allow(to bench.Setting) error {
	x, y, z := micrometres(to.X), micrometres(to.Y), micrometres(to.Z)
	switch {
	case math.Abs(x) > t.Stage.Travel || math.Abs(y) > t.Stage.Travel:
		return fmt.Errorf("stage: %s, %s; its travel is ±%g mm", to.X, to.Y, t.Stage.Travel/1e3)
	case math.Abs(z) > t.Stage.TravelZ:
		return fmt.Errorf("stage: z %s; its travel is ±%g µm", to.Z, t.Stage.TravelZ)
	case !(to.Light >= 0 && to.Light <= 1):
		return fmt.Errorf("light: %v of its full current; want 0 to 1", to.Light)
	case to.FlashDelay < 0 && t.Timing.Period == 0:
		return fmt.Errorf("flash: %v after the trigger; want 0 or more", to.FlashDelay)
	case to.Exposure < 10*time.Microsecond || to.Exposure > 10*time.Second:
		return fmt.Errorf("camera: exposure %v; want 10 µs to 10 s", to.Exposure)
	}
	return nil
}

// Sleep lets time pass.
func (s *Stand) Sleep(ctx context.Context, d time.Duration) error {
	s.now += max(d, 0)
	return ctx.Err()
}

// Expose draws the target and exposes it.
func (s *Stand) Expose(ctx context.Context) (*bench.Exposure, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.set.Exposure == 0 {
		return nil, fmt.Errorf("camera: exposed before it was set")
	}
	pulse := s.now
	latency, stamp := s.begin(pulse)
	electrons := s.scene(latency)
	f := &camera.Frame{Format: s.truth.Station.Format, Time: stamp, Sequence: s.count,
		Pix: s.sensor.expose(electrons, s.set.Exposure, s.celsius(), s.random)}
	e := &bench.Exposure{Frame: f, Pulse: pulse, Shutter: s.set.Exposure, X: s.set.X, Y: s.set.Y, Z: s.set.Z}
	if s.truth.Air.Sensor {
		e.Temperature = physic.ZeroCelsius + physic.Temperature(s.celsius()*float64(physic.Celsius))
	}
	if s.truth.Timing.Period > 0 { // frame and flash are over
		s.now = max(pulse+latency+s.set.Exposure, stamp, pulse+s.set.FlashDelay+s.set.Flash)
	} else {
		s.now += max(s.truth.Timing.Cycle, latency+s.set.Exposure)
	}
	return e, nil
}

// begin is when the exposure that answers a pulse begins after it, and what its stamp
// is. Of a camera that runs by itself it is the first with a stamp after the pulse.
func (s *Stand) begin(pulse time.Duration) (latency, stamp time.Duration) {
	t := s.truth.Timing
	jitter := time.Duration(s.random.NormFloat64() * float64(t.Jitter))
	if t.Period == 0 {
		s.count++
		return t.Latency + jitter, pulse + t.Latency + jitter
	}
	// Its exposures begin at t.Latency and each period after.
	number := max(0, (pulse-t.Latency-t.Stamp-jitter)/t.Period+1)
	begin := t.Latency + number*t.Period
	s.count = uint64(number) + 1
	return begin - pulse, begin + t.Stamp + jitter
}

// Close does nothing: there is nothing to give back.
func (s *Stand) Close() error { return nil }

// celsius is the temperature now.
func (s *Stand) celsius() float64 {
	a := s.truth.Air
	return a.End + (a.Start-a.End)*math.Exp(-float64(s.now)/float64(a.Settle))
}

// lamp is the light's strength now: against its current, warm or cold, flickering.
func (s *Stand) lamp() float64 {
	l := s.truth.Light
	cold := math.Exp(-float64(s.now-s.lit) / float64(l.Settle))
	return s.set.Light * (1 + l.Bend*(1-s.set.Light)) * (1 + l.WarmUp*cold) * (1 + l.Flicker*s.random.NormFloat64())
}

func micrometres(d physic.Distance) float64 { return float64(d) / float64(physic.MicroMetre) }
