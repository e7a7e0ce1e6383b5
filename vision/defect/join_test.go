package defect_test

import (
	"errors"
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kensa/vision/defect"
)

// picture is a grid of weights: 0 is good, positive above the limit by so many
// grey levels, negative below.
type picture struct {
	width, height int
	excess        []int
}

func (p picture) runs() []defect.Run {
	var runs []defect.Run
	for y := range p.height {
		for x := 0; x < p.width; {
			if p.excess[y*p.width+x] == 0 {
				x++
				continue
			}
			r := defect.Run{Y: y, X0: x}
			for ; x < p.width && p.excess[y*p.width+x] != 0; x++ {
				e := p.excess[y*p.width+x]
				if e > 0 {
					r.Bright++
				}
				weight := max(e, -e)
				r.Weight += int64(weight)
				r.MomentX += int64(weight * (x - r.X0))
				r.Peak = max(r.Peak, float32(weight))
			}
			r.X1 = x
			runs = append(runs, r)
		}
	}
	return runs
}

// flood is the reference: a flood fill that steps to any pixel within reach.
func (p picture) flood(reach int) []defect.Blob {
	seen := make([]bool, len(p.excess))
	var blobs []defect.Blob
	for start, e := range p.excess {
		if e == 0 || seen[start] {
			continue
		}
		var member []int
		seen[start] = true
		for stack := []int{start}; len(stack) > 0; {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			member = append(member, at)
			for n := range p.excess {
				near := max(abs(n%p.width-at%p.width), abs(n/p.width-at/p.width)) <= reach
				if near && p.excess[n] != 0 && !seen[n] {
					seen[n] = true
					stack = append(stack, n)
				}
			}
		}
		blobs = append(blobs, p.measure(member))
	}
	return blobs
}

func (p picture) measure(member []int) defect.Blob {
	b := defect.Blob{Box: image.Rectangle{}}
	var x, y, weight float64
	for _, n := range member {
		e := p.excess[n]
		w := float64(max(e, -e))
		b.Box = b.Box.Union(image.Rect(n%p.width, n/p.width, n%p.width+1, n/p.width+1))
		b.Area++
		if e > 0 {
			b.Bright++
		}
		x, y, weight = x+w*float64(n%p.width), y+w*float64(n/p.width), weight+w
		b.Peak = max(b.Peak, w)
	}
	b.CX, b.CY, b.Weight = x/weight, y/weight, int64(weight)
	return b
}

func abs(n int) int { return max(n, -n) }

func drawPicture(t *rapid.T) picture {
	p := picture{width: rapid.IntRange(1, 24).Draw(t, "width"), height: rapid.IntRange(1, 16).Draw(t, "height")}
	density := rapid.IntRange(1, 8).Draw(t, "density")
	p.excess = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) int {
		if rapid.IntRange(0, 8).Draw(t, "beyond") >= density {
			return 0
		}
		return rapid.SampledFrom([]int{-300, -2, -1, 1, 2, 300}).Draw(t, "excess")
	}), p.width*p.height, p.width*p.height).Draw(t, "excess")
	return p
}

// TestJoinEqualsFloodFill compares with a flood fill over every pixel, and
// reuses one Joiner, so that nothing may be left from the image before.
func TestJoinEqualsFloodFill(t *testing.T) {
	var joiner defect.Joiner
	rapid.Check(t, func(t *rapid.T) {
		p := drawPicture(t)
		distance := rapid.IntRange(0, 5).Draw(t, "distance")
		params := defect.Params{MinArea: 1, MergeDistance: distance, MaxDefects: 1000}
		got, err := joiner.Join(p.runs(), params)
		if err != nil {
			t.Fatal(err)
		}
		want := p.flood(distance + 1)
		if len(got) != len(want) {
			t.Fatalf("%d blobs; flood fill finds %d", len(got), len(want))
		}
		for n := range want {
			compare(t, p, got[n], want[n])
		}
	})
}

func compare(t *rapid.T, p picture, got, want defect.Blob) {
	if math.Abs(got.CX-want.CX) > 1e-9 || math.Abs(got.CY-want.CY) > 1e-9 {
		t.Fatalf("centroid (%v, %v); want (%v, %v)", got.CX, got.CY, want.CX, want.CY)
	}
	pixels := 0
	for _, r := range got.Runs {
		pixels += r.X1 - r.X0
	}
	if pixels != got.Area {
		t.Fatalf("the runs have %d pixels; area is %d", pixels, got.Area)
	}
	got.Runs, got.CX, got.CY, want.CX, want.CY = nil, 0, 0, 0, 0
	if got.Box != want.Box || got.Area != want.Area || got.Bright != want.Bright || got.Weight != want.Weight || got.Peak != want.Peak {
		t.Fatalf("got %+v\nwant %+v", got, want)
	}
}

func TestJoinDropsSmallAndFaint(t *testing.T) {
	p := picture{8, 3, []int{
		9, 9, 0, 0, 0, 0, 0, 2,
		9, 9, 0, 0, 0, 0, 2, 2,
		0, 0, 0, 9, 0, 0, 2, 2,
	}}
	for _, c := range []struct {
		name   string
		params defect.Params
		areas  []int
	}{
		{"all", defect.Params{MinArea: 1, MaxDefects: 9}, []int{4, 5, 1}},
		{"small ones dropped", defect.Params{MinArea: 2, MaxDefects: 9}, []int{4, 5}},
		{"faint ones dropped", defect.Params{MinArea: 1, MinContrast: 3, MaxDefects: 9}, []int{4, 1}},
		{"near ones joined first", defect.Params{MinArea: 5, MergeDistance: 1, MaxDefects: 9}, []int{5, 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			blobs, err := new(defect.Joiner).Join(p.runs(), c.params)
			if err != nil {
				t.Fatal(err)
			}
			var areas []int
			for _, b := range blobs {
				areas = append(areas, b.Area)
			}
			if !slices.Equal(areas, c.areas) {
				t.Errorf("areas %v; want %v", areas, c.areas)
			}
		})
	}
}

func TestJoinBoundsDefects(t *testing.T) {
	dots := picture{width: 40, height: 1, excess: make([]int, 40)}
	for x := 0; x < 40; x += 4 {
		dots.excess[x] = 9
	}
	params := defect.Params{MinArea: 1, MaxDefects: 9}
	if _, err := new(defect.Joiner).Join(dots.runs(), params); !errors.Is(err, defect.ErrTooMany) {
		t.Errorf("10 blobs: error %v; want ErrTooMany", err)
	}
	runs := make([]defect.Run, params.MaxRuns()+1)
	if _, err := new(defect.Joiner).Join(runs, params); !errors.Is(err, defect.ErrTooMany) {
		t.Errorf("%d runs: error %v; want ErrTooMany", len(runs), err)
	}
}

func TestJoinRefusesDisorder(t *testing.T) {
	run := func(y, x0, x1 int) defect.Run { return defect.Run{Y: y, X0: x0, X1: x1, Weight: 9} }
	for name, runs := range map[string][]defect.Run{
		"row before":  {run(1, 0, 1), run(0, 0, 1)},
		"column left": {run(0, 4, 5), run(0, 0, 1)},
		"overlap":     {run(0, 0, 3), run(0, 2, 4)},
		"empty":       {run(0, 3, 3)},
		"weightless":  {{Y: 0, X0: 0, X1: 2, Weight: 1}},
	} {
		if _, err := new(defect.Joiner).Join(runs, defect.DefaultParams()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestPolarity(t *testing.T) {
	for _, c := range []struct {
		bright int
		want   defect.Polarity
	}{{0, defect.Dark}, {24, defect.Dark}, {25, defect.Mixed}, {75, defect.Mixed}, {76, defect.Bright}, {100, defect.Bright}} {
		if got := (defect.Blob{Area: 100, Bright: c.bright}).Polarity(); got != c.want {
			t.Errorf("%d of 100 bright: %s; want %s", c.bright, got, c.want)
		}
	}
}

func TestParamsCheckNamesTheKey(t *testing.T) {
	if err := defect.DefaultParams().Check(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	for key, spoil := range map[string]func(*defect.Params){
		"min_area":       func(p *defect.Params) { p.MinArea = 0 },
		"merge_distance": func(p *defect.Params) { p.MergeDistance = -1 },
		"min_contrast":   func(p *defect.Params) { p.MinContrast = math.NaN() },
		"max_defects":    func(p *defect.Params) { p.MaxDefects = 0 },
	} {
		p := defect.DefaultParams()
		spoil(&p)
		if err := p.Check(); err == nil || !strings.HasPrefix(err.Error(), key+":") {
			t.Errorf("%s: error %v does not start with the key", key, err)
		}
	}
}
