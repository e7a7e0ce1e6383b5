package hotpath

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"kensa/vision/frame"
)

// params are the scalars of one frame's pass; kernel.h has the same layout.
type params struct {
	width, height int32 // of a die
	rawStride     int32 // bytes
	flatStride    int32 // words; 0 without a flat field
	limitStride   int32 // bytes
	depth         int32
	tableStride   int32 // elements of across for every die
	maxRuns       int32 // of a die
	coding        coding
	cellStride    int32     // cells
	margins       [2]margin // of the sieve's limits, without and with a flat field
}

// die is one die of the pass; kernel.h has the same layout.
type die struct {
	x, y          int32 // of its corner in the frame
	columns, rows int32 // that the frame has from there on, at most one more than the die
	u, v          int32 // Q15
	right, slip   int32 // the sieve's weight of the pixel to the right, of 127, and how far it is from u, Q15
	offset        int32 // Q4, with the half that rounds
	band          int32 // dies beside each other have the same
	index         int32 // in the caller's places
	count         int32 // of its runs, maxRuns + 1 if there are more
	last          int32 // of its runs in the pool
	late          int32 // rows of blocks that did not pass the sieve
}

// job is one frame's pass.
type job struct {
	params
	dies        []die // by band, then column
	order       []int32
	raw         []byte
	flat        []uint16 // empty without a flat field
	cells       []cell   // of it
	limits      []byte
	mean, sigma []float32
	across      []int16 // by the caller's index of the die. Q13: light by column
	down        []int16 // the same: what each row adds
	above       []int16 // scratch of each die: h of the row above, which row that is, by block, and the sieve's, twice that
	line        []byte  // scratch: the raw pixels of two blocks
}

// reach is how many pixels beyond the die's width vectors may reach.
const reach = 2 * block

// MaxDies bounds the dies of one frame.
const MaxDies = 1 << 16

// set checks the inputs and fixes everything that the pass reads.
func (j *job) set(img frame.Image, flat *Flat, ref *Reference, places []Place) error {
	j.dies = j.dies[:0]
	if err := img.Check(); err != nil {
		return err
	}
	switch {
	case ref == nil:
		return fmt.Errorf("hotpath: no golden to compare with")
	case flat != nil && (flat.width != img.Width || flat.height != img.Height):
		return fmt.Errorf("hotpath: frame of %d×%d pixels; its flat field is of %d×%d", img.Width, img.Height, flat.width, flat.height)
	case img.Stride > math.MaxInt32:
		return fmt.Errorf("hotpath: stride %d bytes; limit is %d", img.Stride, math.MaxInt32)
	case len(places) > MaxDies:
		return fmt.Errorf("hotpath: %d dies in a frame; limit is %d", len(places), MaxDies)
	}
	j.see(img, flat)
	j.width, j.height, j.limitStride, j.tableStride = int32(ref.width), int32(ref.height), int32(ref.stride), int32(roundUp(ref.width))
	j.limits, j.mean, j.sigma = ref.limits, ref.mean, ref.sigma
	j.reserve(len(places))
	for n, at := range places {
		if err := j.place(img, n, at); err != nil {
			j.dies = j.dies[:0]
			return fmt.Errorf("hotpath: die %d %w", n, err)
		}
	}
	j.arrange()
	return nil
}

// see takes a frame and its correction.
func (j *job) see(img frame.Image, flat *Flat) {
	j.params = params{rawStride: int32(img.Stride), depth: int32(img.Depth)}
	j.raw, j.flat, j.cells = img.Pix, nil, nil
	j.margins = margins
	if flat != nil {
		j.flat, j.flatStride, j.coding = flat.words, int32(flat.width), flat.coding
		j.cells, j.cellStride = flat.cells, int32(flat.cellStride)
	}
}

// reserve makes room for the tables and scratch of so many dies.
func (j *job) reserve(dies int) {
	if need := dies * int(j.tableStride); len(j.across) < need {
		j.across, j.above = aligned[int16](need), aligned[int16](4*need)
	}
	if need := dies * int(j.height); len(j.down) < need {
		j.down = aligned[int16](need)
	}
	if j.line == nil {
		j.line = aligned[byte](2 * (reach + block))
	}
}

// place adds a die: its place in whole pixels and Q15 fractions, and its light.
func (j *job) place(img frame.Image, n int, at Place) error {
	const one = 1 << 15
	if !(math.Abs(at.X) <= frame.MaxPixels && math.Abs(at.Y) <= frame.MaxPixels) {
		return fmt.Errorf("lies at (%v, %v); want a place in the frame of %d×%d pixels", at.X, at.Y, img.Width, img.Height)
	}
	fx, fy := int64(math.Round(at.X*one)), int64(math.Round(at.Y*one))
	d := die{x: int32(fx >> 15), y: int32(fy >> 15), u: int32(fx & (one - 1)), v: int32(fy & (one - 1)), index: int32(n)}
	right, bottom := int(d.x+j.width+min(d.u, 1)), int(d.y+j.height+min(d.v, 1))
	if d.x < 0 || d.y < 0 || right > img.Width || bottom > img.Height {
		return fmt.Errorf("of %d×%d pixels at (%.3f, %.3f) leaves the frame of %d×%d", j.width, j.height, at.X, at.Y, img.Width, img.Height)
	}
	d.right, d.slip = weigh(d.u)
	d.columns, d.rows = min(j.width+1, int32(img.Width)-d.x), min(j.height+1, int32(img.Height)-d.y)
	if err := j.light(n, at); err != nil {
		return err
	}
	d.offset = int32(math.Round(at.Offset*16)) + 8
	j.dies = append(j.dies, d)
	return nil
}

// Limits of the light.
const (
	minLight  = 1.0 / 16
	maxLight  = 3.99
	maxOffset = 255 // grey levels
)

// CheckLight reports a light that the arithmetic of a die of width × height
// pixels cannot hold.
func (at Place) CheckLight(width, height int) error {
	if !(math.Abs(at.Offset) <= maxOffset) {
		return fmt.Errorf("light offset of %v grey levels; want −%d to %d", at.Offset, maxOffset, maxOffset)
	}
	hx, hy := math.Abs(at.GainX)*float64(width)/2, math.Abs(at.GainY)*float64(height)/2
	if low, high := at.Gain-hx-hy, at.Gain+hx+hy; !(low >= minLight && high <= maxLight) {
		return fmt.Errorf("light gain of %.3g to %.3g; want %.3g to %.3g", low, high, minLight, maxLight)
	}
	return nil
}

// light works the tables of a die's light out.
func (j *job) light(n int, at Place) error {
	if err := at.CheckLight(int(j.width), int(j.height)); err != nil {
		return fmt.Errorf("has a %w", err)
	}
	ramp(j.across[n*int(j.tableStride):][:j.width], at.Gain, at.GainX)
	ramp(j.down[n*int(j.height):][:j.height], 0, at.GainY)
	return nil
}

// ramp fills a table with middle + slope·(n − len/2) in Q13. From the rounded
// parameters on it counts in whole numbers, and so the same on every machine.
func ramp(table []int16, middle, slope float64) {
	const one, shift = 1 << 40, 40 - 13 + 1
	m, s := int64(math.Round(middle*one)), int64(math.Round(slope*one))
	for n := range table {
		table[n] = int16((2*m + s*int64(2*n-len(table)) + 1<<(shift-1)) >> shift)
	}
}

// arrange puts the dies in the order in which the frame lies in memory: bands
// of dies that start within half a die of each other, from left to right. The
// kernel goes through a band row by row, over all its dies.
func (j *job) arrange() {
	slices.SortFunc(j.dies, func(a, b die) int { return cmp.Compare(a.y, b.y) })
	top, band := int32(0), int32(-1)
	for n := range j.dies {
		if d := &j.dies[n]; n == 0 || d.y > top+j.height/2 {
			top, band = d.y, band+1
		}
		j.dies[n].band = band
	}
	slices.SortFunc(j.dies, func(a, b die) int {
		return cmp.Or(cmp.Compare(a.band, b.band), cmp.Compare(a.x, b.x), cmp.Compare(a.index, b.index))
	})
	j.order = slices.Grow(j.order[:0], len(j.dies))[:len(j.dies)]
	for n, d := range j.dies {
		j.order[d.index] = int32(n)
	}
}

// die is the die at the caller's places[n].
func (j *job) die(n int) *die { return &j.dies[j.order[n]] }
