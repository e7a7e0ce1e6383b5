package hotpath

import (
	"fmt"
	"math"

	"kensa/vision/frame"
)

// Flat is the dark and gain correction of a camera's pixels: grey = (raw −
// dark) × gain. Each pixel's pair is packed in 16 bits, because what the pass
// reads from memory is much of its cost: the word as a whole is the gain, and
// its lowest bits, which hardly change the gain, also are the dark level's code.
// It is read only and safe for concurrent use.
type Flat struct {
	width, height int
	words         []uint16 // by rows; more behind for wide loads
	coding        coding
	worst         float64
	cells         []cell // what the sieve needs to know, by rows
	means         []mean // of the cells
	cellStride    int
}

// coding says how a word gives the dark level. The zero value is no dark.
type coding struct {
	mask       int32 // of the word's bits that are the code
	step, base int32 // Q7
}

// Limits of a correction.
const (
	MaxDark = 64   // grey levels
	MinGain = 0.25 // the least and
	MaxGain = 1.99 // greatest gain, times
	maxBits = 7    // of a word for dark
	gainOne = 1 << 14
	darkOne = 1 << 7
)

// NewFlat packs the dark level, 0 to 64 grey levels of an 8-bit image, and the
// gain, 0.25 to 1.99, of every pixel of a frame, by rows. The bits for dark are
// as many as make the worst error least. A sensor's pedestal costs none; a few
// hot pixels cost all others accuracy, see Error. The error names the pixel out
// of range.
func NewFlat(width, height int, dark, gain []float32) (*Flat, error) {
	if width < 1 || height < 1 || width > frame.MaxPixels/height {
		return nil, fmt.Errorf("hotpath: flat field of %d×%d pixels; want at least 1×1 and at most %d in all", width, height, frame.MaxPixels)
	}
	if len(dark) != width*height || len(gain) != width*height {
		return nil, fmt.Errorf("hotpath: flat field of %d×%d pixels with %d values of dark and %d of gain", width, height, len(dark), len(gain))
	}
	d, err := span(dark, width, "dark", 0, MaxDark)
	if err != nil {
		return nil, err
	}
	g, err := span(gain, width, "gain", MinGain, MaxGain)
	if err != nil {
		return nil, err
	}
	f := &Flat{width: width, height: height, coding: choose(d, g[1])}
	f.words = make([]uint16, width*height+reach)
	for n := range dark {
		f.words[n] = f.coding.pack(dark[n], gain[n])
		f.worst = max(f.worst, f.coding.off(f.words[n], dark[n], gain[n]))
	}
	f.survey()
	return f, nil
}

// Error is the worst error, in grey levels, that packing brought into a pixel's
// correction.
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

// choose finds the number of bits for dark: the greatest error is half a step of
// dark times the gain, and at white half of what the bits make of the gain.
func choose(dark [2]float64, gain float64) coding {
	best, least := coding{}, math.Inf(1)
	low, high := int32(math.Round(dark[0]*darkOne)), int32(math.Round(dark[1]*darkOne))
	for bits := range maxBits + 1 {
		c := coding{mask: 1<<bits - 1, base: low}
		step := high - low
		if bits == 0 {
			c.base = (low + high) / 2
		} else {
			c.step = (high - low + c.mask - 1) / c.mask
			step = c.step
		}
		if e := float64(step)*gain/darkOne + 255*float64(c.mask)/gainOne; e < least {
			best, least = c, e
		}
	}
	return best
}

// pack finds the word nearest to the gain that ends in the dark level's code.
func (c coding) pack(dark, gain float32) uint16 {
	code := 0.0
	if c.step > 0 {
		code = max(0, min(float64(c.mask), math.Round((float64(dark)*darkOne-float64(c.base))/float64(c.step))))
	}
	period := float64(c.mask + 1)
	return uint16(code + period*math.Round((float64(gain)*gainOne-code)/period))
}

// dark and gain undo pack, in Q7 and Q14.
func (c coding) dark(w uint16) int16 { return int16(c.base + c.step*(int32(w)&c.mask)) }
func (c coding) gain(w uint16) int16 { return int16(w) }

// off is how far a word's correction is from the exact one, at black or white.
func (c coding) off(w uint16, dark, gain float32) float64 {
	at := func(grey float64) float64 {
		got := (grey - float64(c.dark(w))/darkOne) * float64(c.gain(w)) / gainOne
		return math.Abs(got - (grey-float64(dark))*float64(gain))
	}
	return max(at(0), at(255))
}
