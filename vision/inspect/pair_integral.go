package inspect

import "image"

// integral holds running sums over a grid, so that the sum over any rectangle
// takes four look-ups.
type integral struct {
	w, h int
	v    []float64
}

// integralOf sums value(i) of the pixels i of a w × h grid, row-major.
func integralOf(w, h int, value func(i int) float64) integral {
	t := integral{w + 1, h + 1, make([]float64, (w+1)*(h+1))}
	for y := range h {
		sum := 0.0
		for x := range w {
			sum += value(y*w + x)
			i := (y+1)*t.w + x + 1
			t.v[i] = t.v[i-t.w] + sum
		}
	}
	return t
}

// sum is that of the pixels within r, clipped to the grid.
func (t integral) sum(r image.Rectangle) float64 {
	r = r.Intersect(image.Rect(0, 0, t.w-1, t.h-1))
	at := func(x, y int) float64 { return t.v[y*t.w+x] }
	return at(r.Max.X, r.Max.Y) - at(r.Min.X, r.Max.Y) - at(r.Max.X, r.Min.Y) + at(r.Min.X, r.Min.Y)
}
