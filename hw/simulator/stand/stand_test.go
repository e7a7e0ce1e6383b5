package stand_test

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	"kensa/hw/bench"
	"kensa/hw/simulator"
	"kensa/hw/simulator/stand"
)

func open(t *testing.T, truth stand.Truth) *stand.Stand {
	t.Helper()
	s, err := stand.New(truth)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// greys sets the bench, exposes once, and gives the grey values as numbers.
func greys(t *testing.T, s *stand.Stand, to bench.Setting) []float64 {
	t.Helper()
	if _, err := s.Set(context.Background(), to); err != nil {
		t.Fatal(err)
	}
	e, err := s.Expose(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Release()
	out := make([]float64, e.Width*e.Height)
	for i := range out {
		out[i] = float64(binary.LittleEndian.Uint16(e.Pix[2*i:]))
	}
	return out
}

func moments(v []float64) (mean, variance float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		variance += (x - mean) * (x - mean) / float64(len(v)-1)
	}
	return mean, variance
}

// even is a stand whose light and pixels are all alike, so that only noise is
// left.
func even() stand.Truth {
	t := stand.Defaults(160, 120)
	t.Light.Vignetting, t.Light.Tilt, t.Light.Flicker = 0, 0, 0
	t.Sensor.PRNU, t.Sensor.DSNU = 0, 0
	return t
}

// TestPhotonTransfer checks the noise model: variance = K²·(read² + electrons) +
// 1/12, mean = offset + K·electrons.
func TestPhotonTransfer(t *testing.T) {
	truth := even()
	s := open(t, truth)
	for _, light := range []float64{0.1, 0.5, 0.9} {
		to := bench.Setting{Target: bench.Mirror, Light: light, Exposure: 8 * time.Millisecond}
		mean, variance := moments(greys(t, s, to))
		electrons := light * truth.Light.Flux * 0.008
		wantMean := truth.Sensor.Offset + truth.Sensor.Gain*(electrons+truth.Sensor.Dark*0.008)
		wantVariance := truth.Sensor.Gain*truth.Sensor.Gain*(truth.Sensor.ReadNoise*truth.Sensor.ReadNoise+electrons) + 1./12
		if math.Abs(mean-wantMean) > 5*math.Sqrt(wantVariance/19200) {
			t.Errorf("light %v: mean %.2f DN; want %.2f", light, mean, wantMean)
		}
		if math.Abs(variance/wantVariance-1) > 5*math.Sqrt(2./19200) {
			t.Errorf("light %v: variance %.2f DN²; want %.2f", light, variance, wantVariance)
		}
	}
}

// TestEdgesLieWhereProjectSays finds a dot's middle by its grey-weighted centre
// and compares it with Project, with all distortions of the optics at work.
func TestEdgesLieWhereProjectSays(t *testing.T) {
	truth := even()
	truth.Sensor.ReadNoise, truth.Sensor.Gain = 0, 0.1
	truth.Light.Flux = 1.3e9
	truth.Sensor.FullWell = 1e9
	truth.Optics.Rotation, truth.Optics.Skew, truth.Optics.Distortion = 0.02, 0.004, 0.01
	truth.Optics.CentreX, truth.Optics.PixelY = 4, 0.66
	truth.Plate.Columns, truth.Plate.Rows, truth.Plate.Pitch = 5, 5, 14
	truth.Plate.Contrast = 0
	truth.Stage.Repeat = 0
	s := open(t, truth)
	v := greys(t, s, bench.Setting{Target: bench.Circles, Light: 1, Exposure: 30 * time.Microsecond})
	for column := -1; column <= 1; column++ {
		for row := -1; row <= 1; row++ {
			x, y := truth.Project(float64(column)*14, float64(row)*14, 0)
			gotX, gotY := centre(v, 160, x, y, 9)
			if math.Hypot(gotX-x, gotY-y) > 0.02 {
				t.Errorf("dot %d,%d at %.3f, %.3f; Project says %.3f, %.3f", column, row, gotX, gotY, x, y)
			}
		}
	}
}

// centre is the centroid of darkness within a radius of a place.
func centre(v []float64, width int, x, y float64, radius int) (cx, cy float64) {
	var sum float64
	top := slices.Sorted(slices.Values(v))[len(v)*6/10] // a fifth is dark: the middle of the bright ones
	for j := int(y) - radius; j <= int(y)+radius; j++ {
		for i := int(x) - radius; i <= int(x)+radius; i++ {
			w := top - v[j*width+i]
			sum, cx, cy = sum+w, cx+w*(float64(i)+0.5), cy+w*(float64(j)+0.5)
		}
	}
	return cx / sum, cy / sum
}

// TestBlinker is bright as long as flash and exposure overlap.
func TestBlinker(t *testing.T) {
	truth := even()
	truth.Timing.Jitter = 0
	s := open(t, truth)
	for _, c := range []struct {
		delay   time.Duration
		overlap time.Duration
	}{{0, 0}, {1200 * time.Microsecond, 400 * time.Microsecond}, {1900 * time.Microsecond, 300 * time.Microsecond}, {2300 * time.Microsecond, 0}} {
		mean, _ := moments(greys(t, s, bench.Setting{Target: bench.Blinker, Exposure: time.Millisecond, FlashDelay: c.delay, Flash: 400 * time.Microsecond}))
		want := truth.Sensor.Offset + truth.Sensor.Gain*truth.Light.Flux*c.overlap.Seconds()
		if math.Abs(mean-want) > 1 {
			t.Errorf("flash after %v: mean %.1f DN; want %.1f", c.delay, mean, want)
		}
	}
}

// TestBacklash stops short from above only.
func TestBacklash(t *testing.T) {
	truth := even()
	truth.Stage.Repeat, truth.Stage.Backlash = 0, 13
	s := open(t, truth)
	to := func(x physic.Distance) float64 {
		v := greys(t, s, bench.Setting{Target: bench.Edge, Light: 0.5, Exposure: 8 * time.Millisecond, X: x * physic.MicroMetre})
		mean, _ := moments(v)
		return mean
	}
	low, same, high := to(-20), to(0), to(20)
	back := to(0)
	if !(low > same && same > high) {
		t.Fatalf("means %.1f, %.1f, %.1f at −20, 0, 20 µm; the edge moves to the right", low, same, high)
	}
	if !(back < same-1) {
		t.Errorf("mean %.1f at 0 from above; want less than %.1f from below", back, same)
	}
}

// TestLimits are told with value and limit, and change nothing.
func TestLimits(t *testing.T) {
	s := open(t, even())
	for _, to := range []bench.Setting{
		{Light: 1.1, Exposure: time.Millisecond},
		{Light: math.NaN(), Exposure: time.Millisecond},
		{Exposure: time.Minute},
		{Exposure: time.Millisecond, X: physic.Metre},
		{Exposure: time.Millisecond, Z: physic.MilliMetre},
	} {
		if _, err := s.Set(context.Background(), to); err == nil {
			t.Errorf("%+v was accepted", to)
		}
	}
	if _, err := s.Expose(context.Background()); err == nil {
		t.Error("exposed without a setting")
	}
}

// TestWafersNeedAProgram: without one the stand says so, and with one of another
// frame too.
func TestWafersNeedAProgram(t *testing.T) {
	s := open(t, even())
	if _, err := s.Set(context.Background(), bench.Setting{Target: bench.Good, Exposure: time.Millisecond}); err == nil || !strings.Contains(err.Error(), "program is missing") {
		t.Errorf("error %v", err)
	}
	if _, err := s.Certificate(); err == nil {
		t.Error("a certificate of nothing")
	}
	truth := even()
	truth.Wafers.Program.Stops = []simulator.Stop{{}}
	if _, err := stand.New(truth); err == nil || !strings.Contains(err.Error(), "the camera's are 160×120") {
		t.Errorf("error %v", err)
	}
}
