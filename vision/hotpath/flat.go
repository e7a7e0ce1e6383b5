package hotpath

import (
	"fmt"
	"math"

	"kensa/vision/frame"
)

// Flat is the dark and gain correction of a camera's pixels: grey = (raw −
// dark) × gain. Each pixel's pair is packed in 16 bits, because what the pass
// reads from memory is what bounds it. It is read only and safe for concurrent
// use.
type Flat struct {
	width, height int
	words         []uint16 // dark above gain; by rows; more behind for wide loads
	coding        coding
	worst         float64
}

// coding says how a word gives dark and gain.
type coding struct {
	gainBits           int32
	gainStep, gainBase int32 // Q14
	darkStep, darkBase int32 // Q7
}

// Limits of a correction.
const (
	maxDark = 64   // grey levels
	minGain = 0.25 // the least and
	maxGain = 1.99 // greatest gain, times
	gainOne = 1 << 14
	darkOne = 1 << 7
	padding = 64 // elements behind a plane that wide loads may read
)

// NewFlat packs the dark level, 0 to 64 grey levels of an 8-bit image, and the
// gain, 0.25 to 1.99, of every pixel of a frame, by rows. The 16 bits are divided
// between the two so that the worst error is least. The error names the
// pixel out of range.
func NewFlat(width, height int, dark, gain []float32) (*Flat, error) {
	if width < 1 || height < 1 || width > frame.MaxPixels/height {
		return nil, fmt.Errorf("hotpath: flat field of %d×%d pixels; want at least 1×1 and at most %d in all", width, height, frame.MaxPixels)
	}
	if len(dark) != width*height || len(gain) != width*height {
		return nil, fmt.Errorf("hotpath: flat field of %d×%d pixels with %d values of dark and %d of gain", width, height, len(dark), len(gain))
	}
	d, err := span(dark, width, "dark", 0, maxDark)
	if err != nil {
		return nil, err
	}
	g, err := span(gain, width, "gain", minGain, maxGain)
	if err != nil {
		return nil, err
	}
	f := &Flat{width: width, height: height, coding: choose(d, g)}
	f.words = make([]uint16, width*height+padding)
	for n := range dark {
		f.words[n] = f.coding.pack(dark[n], gain[n])
		f.worst = max(f.worst, f.coding.off(f.words[n], dark[n], gain[n]))
	}
	return f, nil
}

// Error is the worst error, in grey levels of a white pixel, that packing
// brought into a pixel's correction.
func (f *Flat) Error() float64 { return f.worst }

// span is the range of a plane's values, which must lie within limits.
func span(values []float32, width int, name string, least, greatest float32) (r [2]float64, err error) {
	low, high := values[0], values[0]
	for n, v := range values {
		if !(v >= least && v <= greatest) {
			return r, fmt.Errorf("hotpath: %s %v at pixel (%d, %d); want %v to %v", name, v, n%width, n/width, least, greatest)
		}
		low, high = min(low, v), max(high, v)
	}
	return [2]float64{float64(low), float64(high)}, nil
}

// choose divides the 16 bits: the greatest error is half a step of dark times
// the gain and half a step of gain times white.
func choose(dark, gain [2]float64) coding {
	best, least := coding{}, math.Inf(1)
	for bits := int32(6); bits <= 14; bits++ {
		c := coding{gainBits: bits}
		c.gainBase, c.gainStep = spread(gain, gainOne, 1<<bits-1)
		c.darkBase, c.darkStep = spread(dark, darkOne, 1<<(16-bits)-1)
		if e := float64(c.darkStep)*gain[1]/darkOne + 255*float64(c.gainStep)/gainOne; e < least {
			best, least = c, e
		}
	}
	return best
}

// spread lays codes 0 to codes over a range: the value of code 0 and the step,
// in steps of 1/one.
func spread(r [2]float64, one float64, codes int32) (base, step int32) {
	low, high := int32(math.Round(r[0]*one)), int32(math.Round(r[1]*one))
	return low, max(1, (high-low+codes-1)/codes)
}

func (c coding) pack(dark, gain float32) uint16 {
	code := func(v float32, one, base, step int32) uint16 {
		return uint16((int32(math.Round(float64(v)*float64(one))) - base + step/2) / step)
	}
	return code(dark, darkOne, c.darkBase, c.darkStep)<<c.gainBits | code(gain, gainOne, c.gainBase, c.gainStep)
}

// dark and gain undo pack, in Q7 and Q14.
func (c coding) dark(w uint16) int16 { return int16(c.darkBase + c.darkStep*int32(w>>c.gainBits)) }
func (c coding) gain(w uint16) int16 {
	return int16(c.gainBase + c.gainStep*int32(w&(1<<c.gainBits-1)))
}

// off is how far a word's correction is from the exact one, at white.
func (c coding) off(w uint16, dark, gain float32) float64 {
	got := (255 - float64(c.dark(w))/darkOne) * float64(c.gain(w)) / gainOne
	return math.Abs(got - (255-float64(dark))*float64(gain))
}
