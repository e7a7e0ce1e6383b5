package flaw

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"kensa/hw/simulator/die"
)

func placer(t testing.TB, layout string) *Placer {
	t.Helper()
	d, err := die.New(layout, 290, 240)
	if err != nil {
		t.Fatal(err)
	}
	return NewPlacer(d)
}

// flood counts the connected parts of a predicate on a grid by flooding, with
// steps to 4 or 8 neighbours. It shares nothing with the placer's own check.
func flood(w, h int, in func(x, y int) bool, steps [][2]int) int {
	seen := make([]bool, w*h)
	parts := 0
	var stack [][2]int
	visit := func(x, y int) bool {
		if x < 0 || y < 0 || x >= w || y >= h || seen[y*w+x] || !in(x, y) {
			return false
		}
		seen[y*w+x] = true
		stack = append(stack, [2]int{x, y})
		return true
	}
	for start := range w * h {
		if visit(start%w, start/w) {
			parts++
		}
		for len(stack) > 0 {
			p := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for _, s := range steps {
				visit(p[0]+s[0], p[1]+s[1])
			}
		}
	}
	return parts
}

var (
	four  = [][2]int{{1, 0}, {-1, 0}, {0, 1}, {0, -1}}
	eight = append([][2]int{{1, 1}, {-1, 1}, {1, -1}, {-1, -1}}, four...)
)

// parts counts conductors and spaces of a raster at half its resolution.
func parts(r *die.Raster) (conductors, spaces int) {
	conducts := func(x, y int) bool { return r.Cells[2*y*r.Stride+2*x].Conducts() }
	w, h := r.Stride/2, r.Rows()/2
	return flood(w, h, conducts, four), flood(w, h, func(x, y int) bool { return !conducts(x, y) }, eight)
}

func TestTopologyAgreesWithFlooding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := die.NewRaster(image.Rect(0, 0, 1, rapid.IntRange(1, 2).Draw(t, "rows")))
		metal := 0
		for i := range r.Cells {
			if rapid.Bool().Draw(t, "conducts") {
				r.Cells[i] = die.Metal
				metal++
			}
		}
		in := func(want bool) func(x, y int) bool {
			return func(x, y int) bool { return r.Cells[y*r.Stride+x].Conducts() == want }
		}
		want := topology{flood(r.Stride, r.Rows(), in(true), four), flood(r.Stride, r.Rows(), in(false), eight), metal}
		if got := topologyOf(r); got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

func TestClassesAreTrue(t *testing.T) {
	change := map[Class][2]int{Open: {1, 0}, Short: {-1, 0}, MouseBite: {0, 0}, Spur: {0, 0}, Copper: {1, 0}, PinHole: {0, 1}}
	for _, layout := range die.Layouts {
		p := placer(t, layout)
		for class, want := range change {
			random := rand.New(rand.NewPCG(7, uint64(len(class))))
			for range 6 {
				f, err := p.Place(random, class, Sizes{3, 12}, nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, bias := range []float64{-Bias, 0, Bias} {
					r := p.design.Raster(f.Box.Inset(-5), bias)
					c0, s0 := parts(r)
					f.Carve(r)
					c1, s1 := parts(r)
					// An open may join the spaces on its sides, a short may part them.
					spacesFree := class == Open || class == Short
					if c1-c0 != want[0] || !spacesFree && s1-s0 != want[1] {
						t.Errorf("%s on %s at bias %v, %v: %d conductors and %d spaces became %d and %d",
							class, layout, bias, f.Box, c0, s0, c1, s1)
					}
				}
			}
		}
	}
}

func TestFlawsStayInTheirBoxes(t *testing.T) {
	p := placer(t, "logic")
	random := rand.New(rand.NewPCG(1, 1))
	for _, class := range Classes {
		f, err := p.Place(random, class, Sizes{3, 10}, nil)
		if err != nil {
			t.Fatal(err)
		}
		whole := image.Rect(0, 0, 290, 240)
		if !f.Box.In(whole) || f.Size <= 0 || f.Strength <= 0 || f.Strength > 1 {
			t.Errorf("%s: %+v", class, f)
		}
		window := f.Box.Inset(-10)
		before, after := p.design.Raster(window, 0), p.design.Raster(window, 0)
		f.Carve(after)
		changed := 0
		for i := range before.Cells {
			if before.Cells[i] == after.Cells[i] {
				continue
			}
			changed++
			if at := image.Pt(i%before.Stride/die.Fine, i/before.Stride/die.Fine).Add(window.Min); !at.In(f.Box) {
				t.Fatalf("%s in %v changes %v", class, f.Box, at)
			}
		}
		if (changed > 0) != class.Patterned() {
			t.Errorf("%s changes %d cells", class, changed)
		}
		if outside, x, y := coverOutside(f); outside {
			t.Errorf("%s in %v covers (%v, %v)", class, f.Box, x, y)
		}
	}
}

// coverOutside looks for a place beyond a flaw's box that it covers.
func coverOutside(f *Flaw) (found bool, x, y float64) {
	for y := -2.75; y < 243; y += 1.25 {
		for x := -2.75; x < 293; x += 1.25 {
			inside := image.Pt(int(math.Floor(x)), int(math.Floor(y))).In(f.Box)
			if !inside && f.Cover(x, y) > 0 {
				return true, x, y
			}
		}
	}
	return false, 0, 0
}

func TestFlawsKeepApart(t *testing.T) {
	p := placer(t, "memory")
	random := rand.New(rand.NewPCG(2, 2))
	var all []*Flaw
	for range 20 {
		f, err := p.Place(random, Particle, Sizes{3, 8}, all)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all {
			if o.Box.Inset(-apart).Overlaps(f.Box) {
				t.Errorf("%v and %v", o.Box, f.Box)
			}
		}
		all = append(all, f)
	}
}

func TestAFullDieIsAnError(t *testing.T) {
	p := placer(t, "memory")
	full := &Flaw{Box: image.Rect(0, 0, 290, 240)}
	if _, err := p.Place(rand.New(rand.NewPCG(3, 3)), Particle, Sizes{3, 8}, []*Flaw{full}); err == nil {
		t.Error("no error")
	}
}

func TestAlongKeepsToTheDie(t *testing.T) {
	p := placer(t, "power")
	random := rand.New(rand.NewPCG(4, 4))
	if f := p.Along(random, [][2]float64{{-500, 100}, {900, 130}}); f == nil || f.Box.Dx() < 280 || !f.Box.In(image.Rect(0, 0, 290, 240)) {
		t.Errorf("across the die: %+v", f)
	}
	if f := p.Along(random, [][2]float64{{-500, -100}, {900, -130}}); f != nil {
		t.Errorf("beside the die: %+v", f)
	}
}

func BenchmarkPlace(b *testing.B) {
	p := placer(b, "logic")
	random := rand.New(rand.NewPCG(5, 5))
	for _, class := range Classes {
		b.Run(string(class), func(b *testing.B) {
			for b.Loop() {
				if _, err := p.Place(random, class, Sizes{3, 12}, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
