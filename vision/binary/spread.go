package binary

// dilate sets what is set in from or beside it: above, below, left, right, and
// with square also at the corners.
func (b *bitmap) dilate(from *bitmap, square bool) {
	b.spread(from, square, 0)
}

// erode clears what is clear in from or beside it.
func (b *bitmap) erode(from *bitmap, square bool) {
	b.spread(from, square, ^uint64(0))
}

// spread dilates what is set in from once xored with flip, and flips back.
func (b *bitmap) spread(from *bitmap, square bool, flip uint64) {
	b.resize(from.width, from.height)
	for y := range from.height {
		above, here, below := from.row(max(0, y-1)), from.row(y), from.row(min(from.height-1, y+1))
		to := b.row(y)
		before, after := first(here)^flip, last(here)^flip
		if square {
			before |= (first(above) ^ flip) | (first(below) ^ flip)
			after |= (last(above) ^ flip) | (last(below) ^ flip)
		}
		spreadRow(to, above, here, below, [2]uint64{before, after}, square, flip)
	}
}

// spreadRow is spread for one row; ends are the words beyond its two ends.
func spreadRow(to, above, here, below []uint64, ends [2]uint64, square bool, flip uint64) {
	column := func(w int) (cross, wide uint64) {
		h := here[w] ^ flip
		cross = h | (above[w] ^ flip) | (below[w] ^ flip)
		if square {
			return cross, cross
		}
		return cross, h
	}
	before := ends[0]
	cross, wide := column(0)
	for w := range to {
		nextCross, nextWide := uint64(0), ends[1]
		if w+1 < len(to) {
			nextCross, nextWide = column(w + 1)
		}
		to[w] = (cross | wide<<1 | before>>(wordBits-1) | wide>>1 | nextWide<<(wordBits-1)) ^ flip
		before, cross, wide = wide, nextCross, nextWide
	}
}
