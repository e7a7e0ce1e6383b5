package binary

import (
	"image"
	"math"
	"math/bits"
)

// Sizes of the search.
const (
	tileRows   = 32 // height of a tile; its width is a word
	coarseStep = 3  // of the first search for the whole, pixels: less than lines are wide
	sampleRows = 8  // the whole is judged by every so many rows
)

// offset is how far the template is moved, in pixels, x to the right and y down.
type offset struct{ dx, dy int }

// aligner moves a template onto an image: as a whole, then tile by tile. It
// keeps its memory.
type aligner struct {
	cost     []int32 // by offset, then tile: pixels that differ
	shifts   []offset
	across   int    // tiles in a row
	sideways bitmap // the template moved by dx only
}

// align writes into to the template as it lies in the image. A tile's shift is
// that at which the fewest pixels of it and of the tiles around it differ; to
// leave the whole by d pixels it must win p.Pull·d² of them. So where nothing but
// a straight edge is seen, the shift along it is the whole's.
func (a *aligner) align(to, template, test *bitmap, p Alignment) {
	whole := findWhole(template, test, p.Reach)
	down, side := (test.height+tileRows-1)/tileRows, 2*p.Wander+1
	a.across = test.words
	tiles := a.across * down
	a.cost = append(a.cost[:0], make([]int32, side*side*tiles)...)
	for dx := range side {
		a.sideways.shift(template, whole.dx+dx-p.Wander)
		for dy := range side {
			o := dy*side + dx
			tileCosts(a.cost[o*tiles:(o+1)*tiles], &a.sideways, test, whole.dy+dy-p.Wander)
		}
	}
	a.shifts = append(a.shifts[:0], make([]offset, tiles)...)
	for t := range tiles {
		a.shifts[t] = a.best(t, down, whole, p)
	}
	a.move(to, template)
}

// shift copies another bitmap moved sideways by dx.
func (b *bitmap) shift(from *bitmap, dx int) {
	b.resize(from.width, from.height)
	for y := range b.height {
		shiftRow(b.row(y), from.row(y), dx)
	}
}

// best is the shift of a tile.
func (a *aligner) best(t, down int, whole offset, p Alignment) (best offset) {
	side, tiles, least := 2*p.Wander+1, len(a.shifts), int32(-1)
	for o := range side * side {
		dx, dy := o%side-p.Wander, o/side-p.Wander
		cost := around(a.cost[o*tiles:(o+1)*tiles], t, a.across, down) + int32(p.Pull*(dx*dx+dy*dy))
		if least < 0 || cost < least {
			least, best = cost, offset{whole.dx + dx, whole.dy + dy}
		}
	}
	return best
}

// around sums the cost of a tile, twice, and of its neighbours.
func around(cost []int32, t, across, down int) (sum int32) {
	x, y := t%across, t/across
	for v := max(0, y-1); v <= min(down-1, y+1); v++ {
		for _, c := range cost[v*across+max(0, x-1) : v*across+min(across, x+2)] {
			sum += c
		}
	}
	return sum + cost[t]
}

// tileCosts counts the pixels of each tile that differ, on every other row, with
// the template moved down by dy.
func tileCosts(cost []int32, template, test *bitmap, dy int) {
	for y := 0; y < test.height; y += 2 {
		from, row := template.row(clamp(y-dy, test.height)), test.row(y)
		tiles := cost[y/tileRows*test.words:][:len(row)]
		for w, word := range row {
			tiles[w] += int32(bits.OnesCount64(word ^ from[w]))
		}
	}
}

// move assembles the template from its tiles, each at its own shift.
func (a *aligner) move(to, template *bitmap) {
	to.resize(template.width, template.height)
	for y := range to.height {
		row := to.row(y)
		for w, d := range a.shifts[y/tileRows*a.across:][:len(row)] {
			row[w] = shifted(template.row(clamp(y-d.dy, to.height)), w, d.dx)
		}
	}
}

// at is the shift of the tile at a point of the image.
func (a *aligner) at(p image.Point) offset { return a.shifts[p.Y/tileRows*a.across+p.X/wordBits] }

// overlap is the part of the image over which the template lies, whatever the
// tile.
func (a *aligner) overlap(bounds image.Rectangle) image.Rectangle {
	out := bounds
	for _, d := range a.shifts {
		out = out.Intersect(bounds.Add(image.Pt(d.dx, d.dy)))
	}
	return out
}

// findWhole is the shift of the whole image: that of the best point of a coarse
// grid, then of those around it.
func findWhole(template, test *bitmap, reach int) offset {
	coarse := bestOf(template, test, offset{}, reach, coarseStep)
	return bestOf(template, test, coarse, coarseStep, 1)
}

// bestOf is the shift with the fewest differences within reach of another, on a
// grid of the given step that includes it.
func bestOf(template, test *bitmap, near offset, reach, step int) offset {
	best, least := near, differing(template, test, near, math.MaxInt)
	for dy := -reach / step * step; dy <= reach; dy += step {
		for dx := -reach / step * step; dx <= reach; dx += step {
			d := offset{near.dx + dx, near.dy + dy}
			if count := differing(template, test, d, least); count < least {
				least, best = count, d
			}
		}
	}
	return best
}

// differing counts, on a sample of rows, the pixels that differ, as long as they
// are fewer than limit.
func differing(template, test *bitmap, d offset, limit int) (count int) {
	for y := sampleRows / 2; y < test.height && count < limit; y += sampleRows {
		count += differences(test.row(y), template.row(clamp(y-d.dy, test.height)), d.dx)
	}
	return count
}

func clamp(y, height int) int { return max(0, min(height-1, y)) }
