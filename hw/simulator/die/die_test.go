package die

import (
	"image"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func design(t testing.TB, layout string, w, h int) *Design {
	t.Helper()
	d, err := New(layout, w, h)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestShapesLieOnTheDieAndCanBeSeen(t *testing.T) {
	for _, layout := range Layouts {
		for _, size := range [][2]int{{290, 240}, {96, 96}, {512, 500}, {97, 311}} {
			d := design(t, layout, size[0], size[1])
			for _, s := range d.Shapes() {
				if s.X0 < 0 || s.Y0 < 0 || s.X1 > float64(size[0]) || s.Y1 > float64(size[1]) {
					t.Errorf("%s %v: %+v reaches beyond the die", layout, size, s)
				}
				if s.Material.Conducts() && min(s.Width(), s.Height()) < 3 {
					t.Errorf("%s %v: %+v is thinner than 3 pixels", layout, size, s)
				}
			}
		}
	}
}

func TestBadSizesAndNamesAreErrors(t *testing.T) {
	for _, test := range []struct {
		layout        string
		width, height int
	}{{"memory", MinSide - 1, 200}, {"memory", 200, MaxSide + 1}, {"mosaic", 200, 200}} {
		if _, err := New(test.layout, test.width, test.height); err == nil {
			t.Errorf("%+v: no error", test)
		}
	}
}

// conductors counts the connected conductors by flooding from every cell.
func conductors(r *Raster) int {
	seen := make([]bool, len(r.Cells))
	count := 0
	for start, c := range r.Cells {
		if !c.Conducts() || seen[start] {
			continue
		}
		count++
		for queue := []int{start}; len(queue) > 0; {
			i := queue[len(queue)-1]
			queue = queue[:len(queue)-1]
			if seen[i] || !r.Cells[i].Conducts() {
				continue
			}
			seen[i] = true
			if x := i % r.Stride; x > 0 {
				queue = append(queue, i-1)
			}
			if x := i % r.Stride; x+1 < r.Stride {
				queue = append(queue, i+1)
			}
			if i >= r.Stride {
				queue = append(queue, i-r.Stride)
			}
			if i+r.Stride < len(r.Cells) {
				queue = append(queue, i+r.Stride)
			}
		}
	}
	return count
}

// TestLineWidthChangesNoConnection would find parts drawn just touching, or so
// near that wide lines would short.
func TestLineWidthChangesNoConnection(t *testing.T) {
	for _, layout := range Layouts {
		d := design(t, layout, 150, 130)
		all := image.Rect(0, 0, d.Width, d.Height)
		nominal := conductors(d.Raster(all, 0))
		if nominal < 4 {
			t.Errorf("%s: %d conductors; too few to short", layout, nominal)
		}
		for _, bias := range []float64{-0.5, 0.5} {
			if n := conductors(d.Raster(all, bias)); n != nominal {
				t.Errorf("%s: %d conductors at bias %v, %d at 0", layout, n, bias, nominal)
			}
		}
	}
}

func TestEveryMaterialCanBeToldFromMetal(t *testing.T) {
	for m := Street; m < Metal; m++ {
		if Grey[Metal]-Grey[m] < 70 {
			t.Errorf("material %d: grey %v, metal %v", m, Grey[m], Grey[Metal])
		}
	}
}

func TestAWindowIsAPartOfTheWhole(t *testing.T) {
	d := design(t, "logic", 120, 110)
	all := d.Raster(image.Rect(-5, -5, 125, 115), 0.25)
	rapid.Check(t, func(t *rapid.T) {
		x, y := rapid.IntRange(-5, 110).Draw(t, "x"), rapid.IntRange(-5, 100).Draw(t, "y")
		part := d.Raster(image.Rect(x, y, x+15, y+15), 0.25)
		for j := range part.Rows() {
			at := ((y+5)*Fine+j)*all.Stride + (x+5)*Fine
			if !slices.Equal(part.Cells[j*part.Stride:(j+1)*part.Stride], all.Cells[at:at+part.Stride]) {
				t.Fatalf("row %d of the window at (%d, %d) differs", j, x, y)
			}
		}
	})
}

func TestRoundShapesAreRound(t *testing.T) {
	r := NewRaster(image.Rect(0, 0, 20, 20))
	r.Paint(Shape{3, 4, 17, 18, Pad, true})
	cells := 0
	for j := range r.Rows() {
		for i := range r.Stride {
			x, y := r.Center(i, j)
			inside := (x-10)*(x-10)+(y-11)*(y-11) < 49
			if inside != (r.At(x, y) == Pad) {
				t.Fatalf("(%v, %v): %v", x, y, r.At(x, y))
			}
			if inside {
				cells++
			}
		}
	}
	if cells == 0 {
		t.Fatal("no disc")
	}
}
