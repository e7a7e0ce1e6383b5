package register

import (
	"fmt"
	"math"

	"kensa/vision/internal/plane"
)

// Patches: one from each cell of a grid over the die.
const (
	cellSide  = 48 // pixels, about
	maxSide   = 32 // of a patch
	maxCells  = 8  // across and down
	cellStep  = 4  // pixels between the places tried in a cell
	minSpread = 2  // standard deviation of a patch's grey values below which it is noise
)

// patch is a square of the mean, smoothed, as the basis of a linear fit: the
// pattern, its derivatives, and a constant, each freed of those before it.
type patch struct {
	x, y, side    int // of the corner in the die; pixels
	average       float64
	pattern       []float32 // less its average
	gx, gy        []float32 // derivative across and down, orthogonal to pattern and constant
	energy        float64   // sum of pattern²
	sxx, sxy, syy float64   // sums of products of gx and gy
}

// choosePatches takes from each cell of a grid the place of most structure, in
// both directions if there is such a place.
func choosePatches(mean plane.Plane) []patch {
	var smooth, scratch plane.Plane
	smooth.Smooth(mean.Pad(2), &scratch)
	gx, gy := gradients(smooth)
	columns := max(2, min(maxCells, mean.Width/cellSide))
	rows := max(2, min(maxCells, mean.Height/cellSide))
	var patches []patch
	for r := range rows {
		for c := range columns {
			x0, x1 := c*mean.Width/columns, (c+1)*mean.Width/columns
			y0, y1 := r*mean.Height/rows, (r+1)*mean.Height/rows
			side := min(maxSide, x1-x0, y1-y0)
			x, y := bestPlace(gx, gy, x0, y0, x1-side, y1-side, side)
			if p := newPatch(smooth, gx, gy, x, y, side); p.energy > minSpread*minSpread*float64(side*side) {
				patches = append(patches, p)
			}
		}
	}
	return patches
}

// gradients are central differences, one-sided at the border.
func gradients(p plane.Plane) (gx, gy plane.Plane) {
	gx, gy = plane.New(p.Width, p.Height), plane.New(p.Width, p.Height)
	for y := range p.Height {
		up, down := max(y-1, 0), min(y+1, p.Height-1)
		for x := range p.Width {
			left, right := max(x-1, 0), min(x+1, p.Width-1)
			gx.Row(y)[x] = (p.Row(y)[right] - p.Row(y)[left]) / float32(right-left)
			gy.Row(y)[x] = (p.Row(down)[x] - p.Row(up)[x]) / float32(down-up)
		}
	}
	return gx, gy
}

func bestPlace(gx, gy plane.Plane, x0, y0, x1, y1, side int) (bx, by int) {
	best := -1.0
	for y := y0; y <= y1; y += cellStep {
		for x := x0; x <= x1; x += cellStep {
			if s := structure(gx, gy, x, y, side); s > best {
				best, bx, by = s, x, y
			}
		}
	}
	return bx, by
}

// structure is the smaller eigenvalue of the structure tensor (Shi and Tomasi,
// "Good features to track", 1994) and a little of the greater, which decides
// where all edges run one way.
func structure(gx, gy plane.Plane, x, y, side int) float64 {
	var xx, xy, yy float64
	for row := y; row < y+side; row++ {
		a, b := gx.Row(row)[x:x+side], gy.Row(row)[x:x+side]
		for n := range a {
			u, v := float64(a[n]), float64(b[n])
			xx, xy, yy = xx+u*u, xy+u*v, yy+v*v
		}
	}
	small, great := eigenvalues(xx, xy, yy)
	return small + 0.05*great
}

func eigenvalues(xx, xy, yy float64) (small, great float64) {
	middle, spread := (xx+yy)/2, math.Hypot((xx-yy)/2, xy)
	return middle - spread, middle + spread
}

func newPatch(smooth, gx, gy plane.Plane, x, y, side int) patch {
	p := patch{x: x, y: y, side: side}
	for row := y; row < y+side; row++ {
		p.pattern = append(p.pattern, smooth.Row(row)[x:x+side]...)
		p.gx = append(p.gx, gx.Row(row)[x:x+side]...)
		p.gy = append(p.gy, gy.Row(row)[x:x+side]...)
	}
	p.average = centre(p.pattern)
	p.energy = dot(p.pattern, p.pattern)
	for _, g := range [][]float32{p.gx, p.gy} {
		centre(g)
		if p.energy > 0 {
			share := float32(dot(g, p.pattern) / p.energy)
			for n := range g {
				g[n] -= share * p.pattern[n]
			}
		}
	}
	p.sxx, p.sxy, p.syy = dot(p.gx, p.gx), dot(p.gx, p.gy), dot(p.gy, p.gy)
	return p
}

// centre takes the average away and returns it.
func centre(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x)
	}
	average := sum / float64(len(v))
	for n := range v {
		v[n] -= float32(average)
	}
	return average
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for n := range a {
		sum += float64(a[n]) * float64(b[n])
	}
	return sum
}

// minStructure is the sum of squared derivatives below which noise of 2.5 grey
// levels would move the shift by more than 0.05 pixel: (2.5/0.05)².
const minStructure = 2500

// minPatches carry a match: fewer could all lie under one defect.
const minPatches = 3

func (t *Template) checkStructure() error {
	var xx, xy, yy float64
	for _, p := range t.patches {
		xx, xy, yy = xx+p.sxx, xy+p.sxy, yy+p.syy
	}
	small, _ := eigenvalues(xx, xy, yy)
	if len(t.patches) < minPatches || small < minStructure {
		return fmt.Errorf("register: the golden has too little structure: %d patches of %.0f grey levels² of derivative; want %d of %d in every direction",
			len(t.patches), max(small, 0), minPatches, minStructure)
	}
	return nil
}
