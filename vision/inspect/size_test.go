package inspect_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"kensa/vision/frame"
	"kensa/vision/golden"
	"kensa/vision/inspect"
	"kensa/vision/internal/testdie"
)

// sizing counts how often a true length lies within the uncertainty stated.
type sizing struct {
	n, within  int
	stated     float64
	deviations []float64
}

func (s *sizing) add(measured, uncertainty, truth float64) {
	s.n++
	s.stated += uncertainty
	s.deviations = append(s.deviations, math.Abs(measured-truth))
	if math.Abs(measured-truth) <= uncertainty {
		s.within++
	}
}

// check wants 93 of 100, and an uncertainty that is not idly large: no more than
// six times the usual error, or a pixel and a half.
func (s *sizing) check(t *testing.T, name string, least int) {
	t.Helper()
	if s.n < least {
		t.Errorf("%s: %d sizes; want at least %d", name, s.n, least)
		return
	}
	slices.Sort(s.deviations)
	usual, stated := s.deviations[len(s.deviations)/2], s.stated/float64(s.n)
	t.Logf("%-34s %4d sizes, %5.1f %% within ± %.2f px on average; error %.2f median, %.2f at 95 %%",
		name, s.n, 100*float64(s.within)/float64(s.n), stated, usual, s.deviations[len(s.deviations)*95/100])
	if float64(s.within) < 0.93*float64(s.n) || stated > max(1.5, 6*usual) {
		t.Errorf("%s: %d of %d within the uncertainty, %.2f px on average", name, s.within, s.n, stated)
	}
}

// TestSizesOnDies puts a disc on each die, against a golden and by vote.
func TestSizesOnDies(t *testing.T) {
	voting, err := inspect.NewVoting(inspect.DefaultGoldenParams(), []golden.Mask(nil), new(inspect.Kept))
	if err != nil {
		t.Fatal(err)
	}
	for mode, in := range map[string]inspect.Inspector{"golden": inspector(t, trained(t)), "voting": voting} {
		for _, c := range []struct{ from, to, contrast float64 }{{1, 1.5, 40}, {1.5, 2.5, 40}, {2.5, 4, 40}, {4, 8, 40}, {1.5, 2.5, 20}, {2.5, 4, 20}, {4, 8, 20}} {
			var s sizing
			r := source(uint64(100*c.from + c.contrast))
			for range frames(8) {
				truth := make([]testdie.Disc, 9)
				f := layout.Draw(testdie.Usual(), r, func(die int) []testdie.Disc {
					truth[die] = testdie.Disc{X: 10 + (width-20)*r.Float64(), Y: 10 + (height-20)*r.Float64(),
						Radius: c.from + (c.to-c.from)*r.Float64(), Delta: c.contrast * (1 + r.Float64())}
					if r.IntN(2) == 0 {
						truth[die].Delta *= -1
					}
					return truth[die : die+1]
				})
				for n, d := range dies(t, in, f) {
					if len(d.Defects) == 1 {
						s.add(d.Defects[0].Measures.Size, d.Defects[0].Measures.SizeUncertainty, 2*truth[n].Radius)
					}
				}
			}
			s.check(t, fmt.Sprintf("%s, radius %v to %v, from %v grey", mode, c.from, c.to, c.contrast), 6*frames(8))
		}
	}
}

// frames is less under -short, where every tenth may fail by chance all the same
// seldom enough.
func frames(n int) int {
	if testing.Short() {
		return max(1, n/4)
	}
	return n
}

// A mark is a disc, or a line with round ends, behind a Gaussian optic.
type mark struct{ x, y, radius, length, angle, contrast float64 }

const optic = 0.8 // standard deviation of the optic's blur, pixels

func (m mark) change(x, y float64) float64 {
	sin, cos := math.Sincos(m.angle)
	u, v := cos*(x-m.x)+sin*(y-m.y), cos*(y-m.y)-sin*(x-m.x)
	inside := m.radius - math.Hypot(max(math.Abs(u)-m.length/2, 0), v)
	if m.length > 0 && m.radius < 3*optic { // a line's own profile: two edges
		across := math.Erfc((math.Abs(v)-m.radius)/(optic*math.Sqrt2)) - math.Erfc((math.Abs(v)+m.radius)/(optic*math.Sqrt2))
		return m.contrast / 2 * across * 0.5 * math.Erfc((math.Abs(u)-m.length/2-m.radius)/(optic*math.Sqrt2))
	}
	return m.contrast * 0.5 * math.Erfc(-inside/(optic*math.Sqrt2))
}

// TestSizesOnBareWafers measures discs and lines.
func TestSizesOnBareWafers(t *testing.T) {
	for name, c := range map[string]struct{ from, to, contrast, length float64 }{
		"specks":            {1, 2, 30, 0},
		"discs":             {2, 4, 30, 0},
		"larger discs":      {4, 10, 30, 0},
		"faint discs":       {2, 4, 12, 0},
		"wide, faint discs": {10, 30, 8, 0},
		"scratches":         {1, 2, 30, 60},
	} {
		var s sizing
		for seed := range uint64(frames(8)) {
			r := source(seed)
			b := usualWafer()
			b.seed = seed
			var all []mark
			for n := range 6 {
				all = append(all, mark{110 + 200*float64(n%3) + 20*r.Float64(), 120 + 220*float64(n/3) + 20*r.Float64(),
					c.from + (c.to-c.from)*r.Float64(), c.length * (0.5 + r.Float64()), math.Pi * r.Float64(), -c.contrast * (1 + r.Float64())})
			}
			b.paint = func(x, y, g float64) float64 {
				for _, m := range all {
					if math.Hypot(x-m.x, y-m.y) < m.radius+m.length+6 {
						g += m.change(x, y)
					}
				}
				return g
			}
			res := inspectBare(t, b.picture(), inspect.DefaultUnpatternedParams())
			for _, m := range all {
				if d, ok := nearest(res.Defects, m.x, m.y, 4); ok {
					s.add(d.Measures.Size, d.Measures.SizeUncertainty, m.length+2*m.radius)
				}
			}
		}
		s.check(t, name, 5*frames(8))
	}
}

// TestSizesInPairs measures discs between the lines of a scene and on them.
func TestSizesInPairs(t *testing.T) {
	var s sizing
	for seed := range uint64(frames(8)) {
		r := source(seed + 50)
		scene := newScene(seed, side)
		ref, img := scene.picture(view{side: side, noise: 4, seed: 2 * seed}), scene.picture(view{side: side, noise: 4, seed: 2*seed + 1, dx: 3.4, dy: -2.2})
		var all []mark
		for n := range 4 {
			m := mark{x: 60 + 80*float64(n%2) + 10*r.Float64(), y: 60 + 80*float64(n/2) + 10*r.Float64(), radius: 2 + 2*r.Float64(), contrast: 1}
			cover(img, m, 250)
			all = append(all, m)
		}
		found := pair(t, ref, img).Defects
		for _, m := range all {
			if d, ok := nearest(found, m.x, m.y, 4); ok {
				s.add(d.Measures.Size, d.Measures.SizeUncertainty, 2*m.radius)
			}
		}
	}
	s.check(t, "particles in pairs", 3*frames(8))
}

// cover paints what hides all below it.
func cover(img frame.Image, m mark, grey float64) {
	for i := range img.Pix {
		v := float64(img.Pix[i])
		img.Pix[i] = uint8(math.Round(v + (grey-v)*m.change(float64(i%img.Width), float64(i/img.Width))))
	}
}
