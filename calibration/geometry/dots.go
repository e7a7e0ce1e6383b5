package geometry

import "math"

// blobs finds spots that are darker than half-way between dark and bright (or
// brighter), whole in view, by connected components, and gives their centroids and
// their typical area, pixels.
func (p *picture) blobs(darker bool) (found []Point, area float64) {
	dark, bright := p.contrast()
	half, sign := (dark+bright)/2, 1.0
	if !darker {
		sign = -1
	}
	spot := func(i int) bool { return sign*(half-float64(p.pix[i])) > 0 }
	seen := make([]bool, len(p.pix))
	var areas []float64
	for i := range p.pix {
		if seen[i] || !spot(i) {
			continue
		}
		b := p.grow(i, seen, spot)
		if b.count < 12 || b.x1-b.x0 < 4 || b.y1-b.y0 < 4 || b.x0 < 2 || b.y0 < 2 || b.x1 > p.width-3 || b.y1 > p.height-3 {
			continue
		}
		found, areas = append(found, p.centroid(b, sign)), append(areas, float64(b.count))
	}
	return fellows(found, areas)
}

// blob is a connected component: its bounds, inclusive, and its pixels.
type blob struct{ x0, y0, x1, y1, count int }

func (p *picture) grow(start int, seen []bool, spot func(int) bool) blob {
	b := blob{p.width, p.height, -1, -1, 0}
	stack := []int{start}
	seen[start] = true
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		x, y := i%p.width, i/p.width
		b.x0, b.y0, b.x1, b.y1, b.count = min(b.x0, x), min(b.y0, y), max(b.x1, x), max(b.y1, y), b.count+1
		for _, n := range [4][2]int{{x - 1, y}, {x + 1, y}, {x, y - 1}, {x, y + 1}} {
			if n[0] < 0 || n[1] < 0 || n[0] >= p.width || n[1] >= p.height {
				continue
			}
			if k := n[1]*p.width + n[0]; !seen[k] && spot(k) {
				seen[k] = true
				stack = append(stack, k)
			}
		}
	}
	return b
}

// centroid weighs each pixel with how far it stands out of the blob's own
// surroundings, edges included. Grey values are divided by the light's own, a plane
// through the bright pixels, or its slope would pull the centroid downhill.
func (p *picture) centroid(b blob, sign float64) Point {
	x0, y0, x1, y1 := b.x0-2, b.y0-2, b.x1+2, b.y1+2
	var light plane
	if sign > 0 { // a dark blob: what is bright lies around it
		light = p.fit(x0, y0, x1, y1, func(x, y int) bool { return x == x0 || x == x1 || y == y0 || y == y1 })
	} else {
		light = p.fit(b.x0+2, b.y0+2, b.x1-2, b.y1-2, func(int, int) bool { return true })
		x0, y0, x1, y1 = b.x0-1, b.y0-1, b.x1+1, b.y1+1
	}
	base := 1.0
	if sign < 0 {
		for x := x0; x <= x1; x++ {
			base = min(base, p.at(x, y0)/light.at(x, y0), p.at(x, y1)/light.at(x, y1))
		}
	}
	var sum, sx, sy float64
	for y := y0; y <= y1; y++ {
		for x := x0; x <= x1; x++ {
			w := sign * (base - p.at(x, y)/light.at(x, y))
			sum, sx, sy = sum+w, sx+w*(float64(x)+0.5), sy+w*(float64(y)+0.5)
		}
	}
	return Point{sx / sum, sy / sum}
}

// plane is a grey value that changes evenly about a middle.
type plane struct{ x, y, value, slopeX, slopeY float64 }

func (l plane) at(x, y int) float64 {
	return l.value + l.slopeX*(float64(x)-l.x) + l.slopeY*(float64(y)-l.y)
}

// fit puts a plane through the chosen pixels of a box, bounds inclusive; the choice
// is symmetric about the box's middle, so that its coefficients do not mix.
func (p *picture) fit(x0, y0, x1, y1 int, of func(x, y int) bool) plane {
	l := plane{x: float64(x0+x1) / 2, y: float64(y0+y1) / 2}
	var n, xx, yy, vx, vy float64
	for y := y0; y <= y1; y++ {
		for x := x0; x <= x1; x++ {
			if !of(x, y) {
				continue
			}
			dx, dy, v := float64(x)-l.x, float64(y)-l.y, p.at(x, y)
			n, l.value, xx, yy, vx, vy = n+1, l.value+v, xx+dx*dx, yy+dy*dy, vx+dx*v, vy+dy*v
		}
	}
	l.value, l.slopeX, l.slopeY = l.value/n, vx/max(xx, 1), vy/max(yy, 1)
	return l
}

// fellows keeps the blobs of about the typical area: dust and letters go.
func fellows(found []Point, areas []float64) (out []Point, typical float64) {
	if len(found) == 0 {
		return nil, 0
	}
	typical = median(append([]float64(nil), areas...))
	for i, a := range areas {
		if a > 0.6*typical && a < 1.6*typical && !math.IsNaN(found[i].X) {
			out = append(out, found[i])
		}
	}
	return out, typical
}
