package geometry

import (
	"math"
	"slices"
)

// node is a place in a lattice, by column and row.
type node struct{ x, y int }

// lattice is points that lie in columns and rows, numbered from 0, of which a few
// may be missing. Columns run to the right or down in the picture, and rows are on
// their right hand side: it is not mirrored.
type lattice struct {
	columns, rows int
	at            map[node]Point
	extent        float64 // of its dots or dies; see Match
}

// of sets its points' extent.
func (l *lattice) of(extent float64) *lattice {
	if l != nil {
		l.extent = extent
	}
	return l
}

// connect walks from point to point, each step taken where the ones before lead to
// expect it, and returns the largest lattice found; nil if there is none of 3×3.
func connect(points []Point) *lattice {
	var best *lattice
	used := map[int]bool{}
	for range 8 {
		seed := central(points, used)
		if seed < 0 {
			break
		}
		l := walk(points, seed, used)
		if l != nil && (best == nil || len(l.at) > len(best.at)) {
			best = l
		}
		if best != nil && 2*len(best.at) > len(points) {
			break
		}
	}
	if best == nil || best.columns < 3 || best.rows < 3 {
		return nil
	}
	return best
}

// central is the unused point nearest to the middle of all; −1 if there is none.
func central(points []Point, used map[int]bool) int {
	var m Point
	for _, p := range points {
		m.X, m.Y = m.X+p.X/float64(len(points)), m.Y+p.Y/float64(len(points))
	}
	best, least := -1, math.Inf(1)
	for i, p := range points {
		if d := math.Hypot(p.X-m.X, p.Y-m.Y); d < least && !used[i] {
			best, least = i, d
		}
	}
	return best
}

// reached is a point of the walk with the steps to its neighbours, as known there.
type reached struct {
	node
	point  int
	dx, dy Point
}

func walk(points []Point, seed int, used map[int]bool) *lattice {
	used[seed] = true
	first, ok := steps(points, seed)
	if !ok {
		return nil
	}
	at := map[node]int{{}: seed}
	queue := []reached{first}
	for len(queue) > 0 {
		r := queue[0]
		queue = queue[1:]
		for _, d := range [4]node{{1, 0}, {-1, 0}, {0, 1}, {0, -1}} {
			next := node{r.x + d.x, r.y + d.y}
			if _, taken := at[next]; taken {
				continue
			}
			step := Point{float64(d.x)*r.dx.X + float64(d.y)*r.dy.X, float64(d.x)*r.dx.Y + float64(d.y)*r.dy.Y}
			from := points[r.point]
			i := nearest(points, Point{from.X + step.X, from.Y + step.Y}, math.Hypot(step.X, step.Y)/4)
			if i < 0 || used[i] {
				continue
			}
			used[i] = true
			at[next] = i
			n := reached{next, i, r.dx, r.dy}
			// The step just taken says more of the next one than the first did.
			took := Point{points[i].X - from.X, points[i].Y - from.Y}
			if d.x != 0 {
				n.dx = Point{(n.dx.X + float64(d.x)*took.X) / 2, (n.dx.Y + float64(d.x)*took.Y) / 2}
			} else {
				n.dy = Point{(n.dy.X + float64(d.y)*took.X) / 2, (n.dy.Y + float64(d.y)*took.Y) / 2}
			}
			queue = append(queue, n)
		}
	}
	return number(points, at)
}

// steps to the seed's nearest neighbour and at a right angle to it. dx is the one
// that leads more to the right or down, dy on its right hand.
func steps(points []Point, seed int) (reached, bool) {
	p := points[seed]
	best, least := -1, math.Inf(1)
	for i, q := range points {
		if d := math.Hypot(q.X-p.X, q.Y-p.Y); i != seed && d < least {
			best, least = i, d
		}
	}
	if best < 0 || least < 4 {
		return reached{}, false
	}
	dx := Point{points[best].X - p.X, points[best].Y - p.Y}
	for dx.X < math.Abs(dx.Y) || dx.X == -dx.Y {
		dx = Point{-dx.Y, dx.X}
	}
	return reached{point: seed, dx: dx, dy: Point{-dx.Y, dx.X}}, true
}

func nearest(points []Point, q Point, within float64) int {
	best := -1
	for i, p := range points {
		if d := math.Hypot(p.X-q.X, p.Y-q.Y); d < within {
			best, within = i, d
		}
	}
	return best
}

// number counts columns and rows from 0. Outer ones that have fewer than a third of
// their points are left out: what they have is not of the plate.
func number(points []Point, at map[node]int) *lattice {
	l := &lattice{at: map[node]Point{}}
	for n, i := range at {
		l.at[n] = points[i]
	}
	for l.trim() {
	}
	return l
}

func (l *lattice) trim() bool {
	if len(l.at) == 0 {
		return false
	}
	var xs, ys []int
	for n := range l.at {
		xs, ys = append(xs, n.x), append(ys, n.y)
	}
	x0, x1, y0, y1 := slices.Min(xs), slices.Max(xs), slices.Min(ys), slices.Max(ys)
	l.columns, l.rows = x1-x0+1, y1-y0+1
	moved := map[node]Point{}
	for n, p := range l.at {
		moved[node{n.x - x0, n.y - y0}] = p
	}
	l.at = moved
	for _, side := range []struct {
		of  func(node) bool
		all int
	}{
		{func(n node) bool { return n.x == 0 }, l.rows}, {func(n node) bool { return n.x == l.columns-1 }, l.rows},
		{func(n node) bool { return n.y == 0 }, l.columns}, {func(n node) bool { return n.y == l.rows-1 }, l.columns},
	} {
		count := 0
		for n := range l.at {
			if side.of(n) {
				count++
			}
		}
		if 3*count >= side.all {
			continue
		}
		for n := range l.at {
			if side.of(n) {
				delete(l.at, n)
			}
		}
		return true
	}
	return false
}

// turn renumbers by a quarter turn: what were rows become columns.
func (l *lattice) turn() {
	turned := map[node]Point{}
	for n, p := range l.at {
		turned[node{n.y, l.columns - 1 - n.x}] = p
	}
	l.at, l.columns, l.rows = turned, l.rows, l.columns
}

// step is the way from a node to its neighbour in a direction, or as far from the one
// opposite; false if both are missing.
func (l *lattice) step(n, way node) (Point, bool) {
	at := l.at[n]
	if q, ok := l.at[node{n.x + way.x, n.y + way.y}]; ok {
		return Point{q.X - at.X, q.Y - at.Y}, true
	}
	if q, ok := l.at[node{n.x - way.x, n.y - way.y}]; ok {
		return Point{at.X - q.X, at.Y - q.Y}, true
	}
	return Point{}, false
}

// pitch is about how far neighbours are apart, pixels.
func (l *lattice) pitch() float64 {
	var all []float64
	for n, p := range l.at {
		for _, d := range [2]node{{1, 0}, {0, 1}} {
			if q, ok := l.at[node{n.x + d.x, n.y + d.y}]; ok {
				all = append(all, math.Hypot(q.X-p.X, q.Y-p.Y))
			}
		}
	}
	if len(all) == 0 {
		return 0
	}
	return median(all)
}

// order is the nodes by rows, so that equal pictures give equal lists.
func (l *lattice) order() []node {
	var out []node
	for n := range l.at {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b node) int {
		if a.y != b.y {
			return a.y - b.y
		}
		return a.x - b.x
	})
	return out
}
