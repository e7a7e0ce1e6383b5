package binary

import (
	"image"
	"math/bits"

	"kensa/vision/defect"
)

// runs appends the stretches of set pixels within a rectangle of the bitmap, by
// row, then column. Each pixel weighs 1.
func (b *bitmap) runs(to []defect.Run, within image.Rectangle) []defect.Run {
	for y := within.Min.Y; y < within.Max.Y; y++ {
		row, from := b.row(y), len(to)
		for w := within.Min.X / wordBits; w*wordBits < within.Max.X; w++ {
			if word := between(row[w], w, within.Min.X, within.Max.X); word != 0 {
				to = wordRuns(to, from, word, y, w*wordBits)
			}
		}
		for n := from; n < len(to); n++ {
			k := int64(to[n].X1 - to[n].X0)
			to[n].Weight, to[n].MomentX = k, k*(k-1)/2
		}
	}
	return to
}

// wordRuns appends the stretches of a word that begins at column x, joining one
// to the row's last, which has at least number from, where they meet.
func wordRuns(to []defect.Run, from int, word uint64, y, x int) []defect.Run {
	for word != 0 {
		start := bits.TrailingZeros64(word)
		length := bits.TrailingZeros64(^(word >> start))
		word &^= (1<<length - 1) << start
		if n := len(to) - 1; n >= from && to[n].X1 == x+start {
			to[n].X1 += length
			continue
		}
		to = append(to, defect.Run{Y: y, X0: x + start, X1: x + start + length})
	}
	return to
}

// between keeps those bits of a row's word w that lie in columns x0 to x1, the
// last outside.
func between(word uint64, w, x0, x1 int) uint64 {
	if low := x0 - w*wordBits; low > 0 {
		word = word >> low << low
	}
	if high := (w+1)*wordBits - x1; high > 0 {
		word = word << high >> high
	}
	return word
}

// count is the number of set pixels in a blob.
func (b *bitmap) count(blob defect.Blob) (n int) {
	for _, r := range blob.Runs {
		row := b.row(r.Y)
		for w := r.X0 / wordBits; w*wordBits < r.X1; w++ {
			n += bits.OnesCount64(between(row[w], w, r.X0, r.X1))
		}
	}
	return n
}
