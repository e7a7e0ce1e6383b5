package hotpath

import (
	"fmt"
	"math"

	"kensa/vision/frame"
)

// params are the scalars of one die's pass; kernel.h has the same layout.
type params struct {
	width, height int32 // of the die
	columns, rows int32 // that the frame has from the die's corner on, at most one more than the die
	rawStride     int32 // bytes
	flatStride    int32 // words; 0 without a flat field
	limitStride   int32 // bytes
	depth         int32
	u, v          int32 // Q15
	offset        int32 // Q4, with the half that rounds
	coding        coding
}

// job is one die's pass.
type job struct {
	params
	raw         []byte   // from the die's corner on
	flat        []uint16 // the same; empty without a flat field
	limits      []byte
	mean, sigma []float32
	across      []int16 // Q13: light by column at row 0's share
	down        []int16 // Q13: what each row adds
	line        []int16 // scratch: f of one row
	above       []int16 // scratch: h of the row above
}

// slackLine is how far beyond the die's width a row of scratch is read.
const slackLine = 2 * block

// set checks the inputs and fixes everything that the pass reads.
func (j *job) set(img frame.Image, flat *Flat, ref *Reference, at Place) error {
	if err := img.Check(); err != nil {
		return err
	}
	if ref == nil {
		return fmt.Errorf("hotpath: no golden to compare with")
	}
	if flat != nil && (flat.width != img.Width || flat.height != img.Height) {
		return fmt.Errorf("hotpath: frame of %d×%d pixels; its flat field is of %d×%d", img.Width, img.Height, flat.width, flat.height)
	}
	j.params = params{width: int32(ref.width), height: int32(ref.height), limitStride: int32(ref.stride), depth: int32(img.Depth)}
	j.limits, j.mean, j.sigma = ref.limits, ref.mean, ref.sigma
	if err := j.place(img, flat, at); err != nil {
		return err
	}
	if err := j.light(at); err != nil {
		return err
	}
	if need := roundUp(ref.width) + slackLine; len(j.line) < need {
		j.line, j.above = aligned[int16](need), aligned[int16](need)
	}
	return nil
}

// place splits the die's place into whole pixels and Q15 fractions.
func (j *job) place(img frame.Image, flat *Flat, at Place) error {
	const one = 1 << 15
	if !(math.Abs(at.X) <= frame.MaxPixels && math.Abs(at.Y) <= frame.MaxPixels) {
		return fmt.Errorf("hotpath: die at (%v, %v); want a place in the frame of %d×%d pixels", at.X, at.Y, img.Width, img.Height)
	}
	fx, fy := int(math.Round(at.X*one)), int(math.Round(at.Y*one))
	x, y := fx>>15, fy>>15
	j.u, j.v = int32(fx&(one-1)), int32(fy&(one-1))
	lastX, lastY := x+int(j.width)-1, y+int(j.height)-1
	if x < 0 || y < 0 || lastX+min(int(j.u), 1) >= img.Width || lastY+min(int(j.v), 1) >= img.Height {
		return fmt.Errorf("hotpath: die of %d×%d pixels at (%.3f, %.3f) leaves the frame of %d×%d", j.width, j.height, at.X, at.Y, img.Width, img.Height)
	}
	if img.Stride > math.MaxInt32 {
		return fmt.Errorf("hotpath: stride %d bytes; limit is %d", img.Stride, math.MaxInt32)
	}
	j.columns, j.rows = min(j.width+1, int32(img.Width-x)), min(j.height+1, int32(img.Height-y))
	j.rawStride = int32(img.Stride)
	j.raw = img.Pix[y*img.Stride+x*img.BytesPerPixel():]
	j.flat, j.coding = nil, coding{}
	if flat != nil {
		j.flatStride, j.coding = int32(flat.width), flat.coding
		j.flat = flat.words[y*flat.width+x:]
	}
	return nil
}

// Limits of the light.
const (
	minLight  = 1.0 / 16
	maxLight  = 3.99
	maxOffset = 255 // grey levels
)

// light works the light's tables out. From the rounded parameters on it is
// whole numbers, and so the same on every machine.
func (j *job) light(at Place) error {
	if !(math.Abs(at.Offset) <= maxOffset) {
		return fmt.Errorf("hotpath: light's offset %v grey levels; want −%d to %d", at.Offset, maxOffset, maxOffset)
	}
	hx, hy := math.Abs(at.GainX)*float64(j.width)/2, math.Abs(at.GainY)*float64(j.height)/2
	if low, high := at.Gain-hx-hy, at.Gain+hx+hy; !(low >= minLight && high <= maxLight) {
		return fmt.Errorf("hotpath: light's gain from %.3g to %.3g over the die; want %.3g to %.3g", low, high, minLight, maxLight)
	}
	j.offset = int32(math.Round(at.Offset*16)) + 8
	j.across = ramp(j.across, at.Gain, at.GainX, int(j.width))
	j.down = ramp(j.down, 0, at.GainY, int(j.height))
	return nil
}

// ramp is middle + slope·(n − size/2) in Q13 for n from 0 to size−1, padded for
// wide loads.
func ramp(table []int16, middle, slope float64, size int) []int16 {
	const one, shift = 1 << 40, 40 - 13 + 1
	m, s := int64(math.Round(middle*one)), int64(math.Round(slope*one))
	if need := roundUp(size); cap(table) < need {
		table = aligned[int16](need)
	} else {
		table = table[:need]
	}
	for n := range table[:size] {
		table[n] = int16((2*m + s*int64(2*n-size) + 1<<(shift-1)) >> shift)
	}
	return table
}
