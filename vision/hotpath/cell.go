package hotpath

import "math"

// cell is the range of gain and of dark times gain, in grey levels, over
// cellWidth × cellHeight pixels of a frame; kernel.h has the same layout.
type cell struct{ gainLow, gainHigh, blackLow, blackHigh float32 }

// mean is the mean of gain and of dark times gain over a cell.
type mean struct{ gain, black float64 }

const cellWidth, cellHeight = 64, 32

// survey makes the cells.
func (f *Flat) survey() {
	f.cellStride = (f.width + cellWidth - 1) / cellWidth
	f.cells = make([]cell, f.cellStride*((f.height+cellHeight-1)/cellHeight))
	f.means = make([]mean, len(f.cells))
	for n := range f.cells {
		f.cells[n] = cell{math.MaxFloat32, 0, math.MaxFloat32, 0}
	}
	for y := range f.height {
		for x := range f.width {
			n, w := y/cellHeight*f.cellStride+x/cellWidth, f.words[y*f.width+x]
			c, m := &f.cells[n], &f.means[n]
			gain, dark := float32(f.coding.gain(w))/gainOne, float32(f.coding.dark(w))/darkOne
			c.gainLow, c.gainHigh = min(c.gainLow, gain), max(c.gainHigh, gain)
			c.blackLow, c.blackHigh = min(c.blackLow, dark*gain), max(c.blackHigh, dark*gain)
			m.gain, m.black = m.gain+float64(gain), m.black+float64(dark*gain)
		}
	}
	for n := range f.means {
		columns, rows := min(cellWidth, f.width-n%f.cellStride*cellWidth), min(cellHeight, f.height-n/f.cellStride*cellHeight)
		f.means[n].gain /= float64(columns * rows)
		f.means[n].black /= float64(columns * rows)
	}
}

// near is the mean gain, and dark times gain in grey levels, around a place in
// the frame: between the middles of cells it goes linearly.
func (f *Flat) near(x, y float64) (gain, black float64) {
	column, right, u := between(x/cellWidth, f.cellStride)
	row, below, v := between(y/cellHeight, len(f.means)/f.cellStride)
	for _, at := range [4]struct {
		cell   int
		weight float64
	}{{row*f.cellStride + column, (1 - u) * (1 - v)}, {row*f.cellStride + right, u * (1 - v)},
		{below*f.cellStride + column, (1 - u) * v}, {below*f.cellStride + right, u * v}} {
		m := f.means[at.cell]
		gain, black = gain+at.weight*m.gain, black+at.weight*m.black
	}
	return gain, black
}

// between finds the two cells whose middles lie around a place, and the second's
// share.
func between(at float64, cells int) (first, second int, share float64) {
	at = max(0, min(at-0.5, float64(cells-1)))
	first = int(at)
	return first, min(first+1, cells-1), at - float64(first)
}
