package inspect_test

import (
	"math"
	"strings"
	"testing"

	"kensa/vision/frame"
	"kensa/vision/inspect"
	"kensa/vision/internal/testdie"
	"kensa/vision/pose"
)

// turnedScore is how a turned field was inspected.
type turnedScore struct {
	dies, registered, injected, found, false int
	worst, square                            float64 // pixels, over the dies' corners and middles
	field                                    pose.Turn
}

// inspectTurned inspects frames of nine dies with one disc on each.
func inspectTurned(t *testing.T, in inspect.Inspector, l testdie.Layout, c testdie.Conditions, frames int) (s turnedScore) {
	t.Helper()
	r := source(12)
	w, h := float64(l.Width), float64(l.Height)
	for range frames {
		truth := make([]testdie.Disc, 9)
		f := l.Draw(c, r, func(die int) []testdie.Disc {
			truth[die] = testdie.Disc{X: 5 + (w-10)*r.Float64(), Y: 5 + (h-10)*r.Float64(), Radius: 2 + 2*r.Float64(), Delta: 45 + 55*r.Float64()}
			if r.IntN(2) == 0 {
				truth[die].Delta *= -1
			}
			return truth[die : die+1]
		})
		for n, d := range dies(t, in, f) {
			s.dies, s.injected, s.field = s.dies+1, s.injected+1, d.Field
			if !d.Registered {
				t.Logf("die %d: %s", n, d.Reason)
				continue
			}
			s.registered++
			for _, p := range [5][2]float64{{0, 0}, {w - 1, 0}, {0, h - 1}, {w - 1, h - 1}, {(w - 1) / 2, (h - 1) / 2}} {
				tx, ty := f.At(n, p[0], p[1])
				gx, gy := d.InFrame(p[0], p[1])
				off := math.Hypot(gx-tx, gy-ty)
				s.worst, s.square = max(s.worst, off), s.square+off*off
			}
			x, y := f.At(n, truth[n].X, truth[n].Y)
			hit := false
			for _, got := range d.Defects {
				if math.Hypot(got.CX-x, got.CY-y) < 1.5 && !hit {
					hit = true
				} else {
					s.false++
				}
			}
			if hit {
				s.found++
			}
		}
	}
	return s
}

func (s turnedScore) rms() float64 { return math.Sqrt(s.square / float64(5*max(1, s.registered))) }

// TestTurnedFields turns the camera against the wafer, by up to the limit. The
// registration is judged at the dies' corners.
func TestTurnedFields(t *testing.T) {
	l := testdie.NewLayout(290, 240, 7)
	still := testdie.Usual()
	still.Jitter = 0 // so that the golden lies where its rectangles are
	g, err := learn(l, still)
	if err != nil {
		t.Fatal(err)
	}
	angles, frames := []float64{0, 0.01, -0.03, 0.1, -0.2, 0.28}, 2
	if testing.Short() {
		angles, frames = []float64{-0.2}, 1
	}
	for _, angle := range angles {
		c := testdie.Usual()
		c.Angle, c.Scale = angle*math.Pi/180, 2e-4
		in := inspector(t, g)
		s := inspectTurned(t, in, l, c, frames)
		t.Logf("%6.3f°: found turned by %v, scale %+.5f; registered %d/%d, error rms %.3f, worst %.3f px; found %d/%d, false %d",
			angle, s.field.Angle, s.field.Scale, s.registered, s.dies, s.rms(), s.worst, s.found, s.injected, s.false)
		if s.registered != s.dies || s.found != s.injected || s.false > 0 {
			t.Errorf("%v°: registered %d/%d, found %d/%d, false %d; want all and none", angle, s.registered, s.dies, s.found, s.injected, s.false)
		}
		if off := math.Abs(s.field.Angle.Degrees() - angle); off > 0.003 || math.Abs(s.field.Scale-c.Scale) > 5e-5 {
			t.Errorf("%v°, scale %v: found as %v, %v", angle, c.Scale, s.field.Angle, s.field.Scale)
		}
		if s.rms() > 0.05 || s.worst > 0.12 {
			t.Errorf("%v°: registration error rms %.3f, worst %.3f px", angle, s.rms(), s.worst)
		}
	}
}

// TestTurnedLargeDies has dies whose corners are displaced by nearly two pixels, in
// whole fields and one a frame, where only the die itself can tell its turn.
func TestTurnedLargeDies(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: dies of 500×488 pixels take a while to draw")
	}
	l := testdie.NewLayout(500, 488, 7)
	still := testdie.Usual()
	still.Jitter = 0
	g, err := learn(l, still)
	if err != nil {
		t.Fatal(err)
	}
	c := testdie.Usual()
	c.Angle = -0.28 * math.Pi / 180
	s := inspectTurned(t, inspector(t, g), l, c, 1)
	t.Logf("field: turned by %v; registered %d/%d, error rms %.3f, worst %.3f px; found %d/%d, false %d",
		s.field.Angle, s.registered, s.dies, s.rms(), s.worst, s.found, s.injected, s.false)
	if s.registered != s.dies || s.found != s.injected || s.false > 0 || s.rms() > 0.06 {
		t.Errorf("%+v, rms %.3f", s, s.rms())
	}
	f := l.Draw(c, source(15), nil)
	in := inspector(t, g)
	found, err := in.Inspect(f.Image, f.Rects[4:5])
	if err != nil || !found[0].Registered || len(found[0].Defects) > 0 || math.Abs(found[0].Field.Angle.Degrees()+0.28) > 0.02 {
		t.Errorf("one die: registered %v, %q, %d defects, field %v, %v; want none, turned by −0.28°", found[0].Registered, found[0].Reason, len(found[0].Defects), found[0].Field.Angle, err)
	}
}

// TestTurnedTooFar wants the angle told, and nothing compared.
func TestTurnedTooFar(t *testing.T) {
	l := layout
	in := inspector(t, trained(t))
	for _, angle := range []float64{0.4, -0.6} {
		c := testdie.Usual()
		c.Angle = angle * math.Pi / 180
		for n, d := range dies(t, in, l.Draw(c, source(13), nil)) {
			if d.Registered || !strings.Contains(d.Reason, "turned by") || math.Abs(d.Field.Angle.Degrees()-angle) > 0.02 {
				t.Errorf("die %d of a field turned by %v°: registered %v, %q, field %v", n, angle, d.Registered, d.Reason, d.Field.Angle)
			}
		}
	}
	if s := inspectTurned(t, in, l, testdie.Usual(), 1); s.registered != s.dies {
		t.Errorf("afterwards %d of %d dies of a straight field registered", s.registered, s.dies)
	}
}

// TestSaturatedDieAmongGoodOnes has a highlight on one die, away from most of its
// marks, so that it can be tracked.
func TestSaturatedDieAmongGoodOnes(t *testing.T) {
	in := inspector(t, trained(t))
	for _, depth := range []int{8, 12} {
		f := layout.Draw(testdie.Usual(), source(14), nil)
		shine := f.Image.Clone()
		for n := range 40 * 40 {
			shine.Set(f.Rects[5].Min.X+100+n%40, f.Rects[5].Min.Y+90+n/40, 255)
		}
		if depth > 8 {
			shine = deeper(shine, depth)
		}
		for n, d := range dies(t, in, testdie.Frame{Image: shine, Rects: f.Rects}) {
			if n == 5 != strings.Contains(d.Reason, "saturated") {
				t.Errorf("%d bits, die %d: registered %v, %q", depth, n, d.Registered, d.Reason)
			}
		}
	}
}

func deeper(m frame.Image, depth int) frame.Image {
	deep := frame.New(m.Width, m.Height, depth)
	for n, v := range m.Pix {
		deep.Set(n%m.Width, n/m.Width, int(v)*deep.Max()/255)
	}
	return deep
}
