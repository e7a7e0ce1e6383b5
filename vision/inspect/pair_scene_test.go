package inspect_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"kensa/vision/frame"
	"kensa/vision/inspect"
)

// A scene is a pattern of dark lines with bright edges, as an electron
// microscope shows them, that can be drawn at any place, turn and scale without
// interpolation.
type scene struct{ lines []segment }

type segment struct{ x0, y0, x1, y1, half float64 }

// newScene scatters lines along both axes over side × side pixels and round
// about.
func newScene(seed uint64, side float64) scene {
	r := rand.New(rand.NewPCG(seed, 11))
	var s scene
	for range int(side * side / 2500) {
		x, y, length := (r.Float64()*1.6-0.3)*side, (r.Float64()*1.6-0.3)*side, 15+r.Float64()*side/3
		l := segment{x, y, x + length, y, 4 + 4*r.Float64()}
		if r.IntN(2) == 0 {
			l.x1, l.y1 = x, y+length
		}
		s.lines = append(s.lines, l)
	}
	return s
}

// grey is the scene's grey value at a point.
func (s scene) grey(x, y float64) float64 {
	nearest := math.Inf(1)
	for _, l := range s.lines {
		dx := x - min(max(x, l.x0), l.x1)
		dy := y - min(max(y, l.y0), l.y1)
		nearest = min(nearest, math.Hypot(dx, dy)-l.half)
	}
	inside := 1 / (1 + math.Exp(nearest/0.8))
	return 105 - 60*inside + 80*math.Exp(-square(nearest/1.8))
}

func square(v float64) float64 { return v * v }

// blot is a round spot with a Gaussian profile.
type blot struct{ x, y, sigma, contrast float64 }

// view is how a picture of a scene is taken.
type view struct {
	side         int     // pixels
	depth        int     // bits; 0 is 8
	dx, dy       float64 // where the scene lies in the picture, at its centre
	turn, scale  float64 // degrees clockwise; 0 is a scale of 1
	noise        float64 // standard deviation, 8-bit grey values
	gain, offset float64 // gain 0 is 1
	seed         uint64
	blots        []blot // in the picture's pixels
	fromX, fromY int    // first column and row taken
}

func (s scene) picture(v view) frame.Image {
	if v.depth == 0 {
		v.depth = 8
	}
	if v.scale == 0 {
		v.scale = 1
	}
	if v.gain == 0 {
		v.gain = 1
	}
	r := rand.New(rand.NewPCG(v.seed, 12))
	m := frame.New(v.side, v.side, v.depth)
	sin, cos := math.Sincos(v.turn * math.Pi / 180)
	c := float64(v.side-1) / 2
	white := float64(m.Max())
	for y := range v.side {
		for x := range v.side {
			px, py := float64(x+v.fromX), float64(y+v.fromY)
			ux, uy := (px-c-v.dx)/v.scale, (py-c-v.dy)/v.scale
			g := s.grey(c+cos*ux+sin*uy, c-sin*ux+cos*uy)
			for _, b := range v.blots {
				g += b.contrast * math.Exp(-(square(px-b.x)+square(py-b.y))/(2*square(b.sigma)))
			}
			g = g*v.gain + v.offset + v.noise*r.NormFloat64()
			m.Set(x, y, int(min(max(math.Round(g*white/255), 0), white)))
		}
	}
	return m
}

func pair(t testing.TB, ref, img frame.Image) inspect.PairResult {
	t.Helper()
	r, err := inspect.Pair(ref, img, inspect.DefaultPairParams())
	if err != nil {
		t.Fatal(err)
	}
	if !r.Registered {
		t.Fatalf("not registered: %s", r.Reason)
	}
	return r
}

// missing lists the blots that no defect lies within 4 pixels of, and counts
// the defects that lie at no blot.
func missing(r inspect.PairResult, blots []blot) (missed []blot, extra int) {
	at := make([]bool, len(r.Defects))
	for _, b := range blots {
		found := false
		for n, d := range r.Defects {
			if math.Hypot(d.CX-b.x, d.CY-b.y) <= 4 {
				found, at[n] = true, true
			}
		}
		if !found {
			missed = append(missed, b)
		}
	}
	for _, ok := range at {
		if !ok {
			extra++
		}
	}
	return missed, extra
}
