package pose_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"kensa/vision/frame"
	"kensa/vision/pose"
)

// sightings are a field of dies under a pose, with noise.
func sightings(p pose.Pose, columns, rows int, noise float64, r *rand.Rand) (all []pose.Sighting) {
	for n := range columns * rows {
		x, y := 300*(float64(n%columns)-float64(columns-1)/2), 250*(float64(n/columns)-float64(rows-1)/2)
		dx, dy := p.Shift(x, y)
		all = append(all, pose.Sighting{X: x, Y: y, DX: dx + noise*r.NormFloat64(), DY: dy + noise*r.NormFloat64()})
	}
	return all
}

func TestFit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, want := range []pose.Pose{
		{}, {DX: 2, DY: -1}, {DX: -0.3, DY: 3, Turn: pose.Turn{Angle: 0.3 * pose.Degree, Scale: -4e-4}}, {Turn: pose.Turn{Angle: -0.02 * pose.Degree}},
	} {
		for _, size := range [][2]int{{3, 3}, {2, 1}, {8, 6}} {
			got, rms := pose.Fit(sightings(want, size[0], size[1], 0, r))
			if math.Abs(got.DX-want.DX)+math.Abs(got.DY-want.DY) > 1e-9 || math.Abs(float64(got.Angle-want.Angle)) > 1e-12 || math.Abs(got.Scale-want.Scale) > 1e-12 || rms > 1e-9 {
				t.Errorf("%v dies: %+v, rms %v; want %+v", size, got, rms, want)
			}
		}
		noisy := sightings(want, 3, 3, 0.03, r)
		noisy[3].DX += 12 // taken for its neighbour
		got, rms := pose.Fit(noisy)
		if off := math.Abs(float64(got.Angle - want.Angle)); off > 1.5e-4 || rms > 0.1 {
			t.Errorf("with an outlier: off by %v, rms %.3f", pose.Angle(off), rms)
		}
	}
	if got, _ := pose.Fit([]pose.Sighting{{X: 50, Y: 60, DX: 1, DY: 2}}); got != (pose.Pose{DX: 1, DY: 2}) {
		t.Errorf("one die: %+v", got)
	}
	if got, _ := pose.Fit(nil); got != (pose.Pose{}) {
		t.Errorf("no die: %+v", got)
	}
}

func TestUndoIsTheReverse(t *testing.T) {
	turn := pose.Turn{Angle: 0.01, Scale: 0.002}
	x, y := turn.Apply(120, -70)
	if u, v := turn.Undo(x, y); math.Hypot(u-120, v+70) > 1e-9 {
		t.Errorf("(%v, %v); want (120, -70)", u, v)
	}
	if got := pose.Angle(0.0071).String(); got != "0.407°" {
		t.Errorf("prints %q", got)
	}
}

// TestStraighten draws a plane of grey, which bilinear interpolation reproduces,
// and reads it back at turned places.
func TestStraighten(t *testing.T) {
	img := frame.New(90, 80, 8)
	at := func(x, y float64) float64 { return 20 + 1.1*x + 0.9*y }
	for y := range img.Height {
		for x := range img.Width {
			img.Set(x, y, int(math.Round(at(float64(x), float64(y)))))
		}
	}
	var s pose.Straightener
	for _, turn := range []pose.Turn{{}, {Angle: 0.3 * pose.Degree}, {Angle: -0.005, Scale: 0.001}} {
		for _, middle := range [][2]float64{{45, 40}, {44.37, 38.81}} {
			const width, height = 41, 30
			out := s.Straighten(img, nil, turn, middle[0], middle[1], width, height)
			for n := range width * height {
				tx, ty := turn.Apply(float64(n%width)-(width-1)/2.0, float64(n/width)-(height-1)/2.0)
				want, got := at(middle[0]+tx, middle[1]+ty), float64(out.At(n%width, n/width))/256
				if math.Abs(got-want) > 0.51 { // the frame is rounded to grey levels
					t.Fatalf("%+v at %v, pixel %d: %.3f; want %.3f", turn, middle, n, got, want)
				}
			}
		}
	}
	beyond := s.Straighten(img, nil, pose.Turn{}, 0, 0, 21, 21)
	if got, want := beyond.At(0, 0)/256, img.At(0, 0); got != want {
		t.Errorf("beyond the corner %d; want the corner's %d", got, want)
	}
	if far := s.Straighten(img, nil, pose.Turn{}, -500, 9000, 21, 21); far.At(5, 5)/256 != img.At(0, 79) {
		t.Errorf("far beyond: %d", far.At(5, 5)/256)
	}
}

func BenchmarkStraighten(b *testing.B) {
	img := frame.New(700, 700, 8)
	var s pose.Straightener
	b.SetBytes(500 * 488)
	b.ReportAllocs()
	for b.Loop() {
		s.Straighten(img, nil, pose.Turn{Angle: 0.002}, 350, 350, 500, 488)
	}
}
