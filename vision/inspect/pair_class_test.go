package inspect_test

import (
	"image"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/inspect"
)

// lines are the material of a two-level pattern of 200 × 200 pixels.
var lines = []image.Rectangle{
	image.Rect(-20, 20, 90, 30), image.Rect(110, 20, 230, 30), image.Rect(-20, 42, 150, 52),
	image.Rect(30, 70, 40, 140), image.Rect(56, 70, 66, 230), image.Rect(90, 80, 170, 150), image.Rect(80, 170, 180, 180),
}

// etched is a picture of the lines, with a rectangle of a grey value upon them,
// shifted, behind a Gaussian optic.
func etched(mark image.Rectangle, grey float64, dx, dy float64, seed uint64, dark bool) frame.Image {
	r := rand.New(rand.NewPCG(seed, 31))
	cover := func(q image.Rectangle, x, y float64) float64 {
		edge := func(v float64) float64 { return 0.5 * math.Erfc(-v/(0.8*math.Sqrt2)) }
		return (edge(x-float64(q.Min.X)+0.5) - edge(x-float64(q.Max.X)+0.5)) * (edge(y-float64(q.Min.Y)+0.5) - edge(y-float64(q.Max.Y)+0.5))
	}
	m := frame.New(200, 200, 8)
	for i := range m.Pix {
		x, y := float64(i%200)-dx, float64(i/200)-dy
		material := 0.0
		for _, l := range lines {
			material += cover(l, x, y)
		}
		v := 60 + 100*min(material, 1)
		v += (grey - v) * cover(mark, x, y)
		if dark {
			v = 220 - v
		}
		m.Pix[i] = uint8(min(max(math.Round(v+3*r.NormFloat64()), 0), 255))
	}
	return m
}

func TestPairClassesByTopology(t *testing.T) {
	const ground, material = 60, 160
	for _, c := range []struct {
		mark image.Rectangle
		grey float64
		want defect.Class
	}{
		{image.Rect(50, 40, 56, 54), ground, defect.Open},
		{image.Rect(70, 42, 77, 47), ground, defect.MouseBite},
		{image.Rect(120, 110, 126, 116), ground, defect.PinHole},
		{image.Rect(60, 30, 66, 42), material, defect.Short},
		{image.Rect(100, 164, 106, 170), material, defect.Spur},
		{image.Rect(180, 90, 187, 97), material, defect.Copper},
		{image.Rect(110, 60, 118, 68), 250, defect.Particle},
	} {
		for _, dark := range []bool{false, true} {
			p := inspect.DefaultPairParams()
			if dark {
				p.Material = defect.DarkMaterial
				if c.want == defect.Particle {
					continue // what is brightest of all would be black: below no grey value
				}
			}
			r, err := inspect.Pair(etched(image.Rectangle{}, 0, 0, 0, 1, dark), etched(c.mark, c.grey, 4.3, -2.6, 2, dark), p)
			if err != nil || len(r.Defects) != 1 || r.Defects[0].Class != c.want {
				t.Errorf("%v of grey %v, dark %v: %v %s %+v; want one %s", c.mark, c.grey, dark, err, r.Reason, r.Defects, c.want)
			}
		}
	}
}

func TestPairRefusesEdgesThatWander(t *testing.T) {
	s := newScene(4, side)
	ref, img := s.picture(view{side: side, noise: 3}), s.picture(view{side: side, noise: 3, seed: 2})
	bent := img.Clone()
	for y := range side {
		for x := range side {
			u := x + int(math.Round(2.6*math.Sin(float64(y)/3)*math.Cos(float64(x)/4)))
			bent.Set(x, y, img.At(min(max(u, 0), side-1), y))
		}
	}
	p := inspect.DefaultPairParams()
	p.MaxWander = 0.5
	r, err := inspect.Pair(ref, bent, p)
	if err != nil || r.Registered || !strings.Contains(r.Reason, "max_wander is 0.5") {
		t.Errorf("%v, registered %v: %q, wander %.2f; want max_wander as the reason", err, r.Registered, r.Reason, r.Wander)
	}
	if r, err = inspect.Pair(ref, bent, inspect.DefaultPairParams()); err != nil || !r.Registered {
		t.Errorf("%v: %q, wander %.2f; the default lets %v pass", err, r.Reason, r.Wander, inspect.DefaultPairParams().MaxWander)
	}
}
