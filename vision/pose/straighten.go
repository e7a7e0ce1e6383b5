package pose

import (
	"encoding/binary"
	"math"

	"kensa/vision/frame"
	"kensa/vision/hotpath"
)

// Straightener resamples turned dies. It keeps its memory from die to die and is
// used from one goroutine; the zero value is ready.
type Straightener struct {
	grey []uint16 // the part of the frame that the die takes, corrected
	out  []byte
}

// one is a pixel in the fixed point of places.
const one = 1 << 15

// Straighten resamples a die bilinearly as it would look without its turn, at
// whole pixels: width × height pixels of 16 bits, whose middle lies at (x, y) of
// the frame. flat, which may be nil, corrects the frame. Beyond the frame its
// last pixels repeat. The image is valid until the next call.
//
// The kernel shifts a die as a whole, and a shift cannot follow a turn: at 0.3°
// a tile must be under 20 pixels for its corners to be within 0.05 pixel.
// Resampled, every pixel is at its place, blurred once as by the kernel's shift.
func (s *Straightener) Straighten(img frame.Image, flat *hotpath.Flat, t Turn, x, y float64, width, height int) frame.Image {
	hx, hy := float64(width-1)/2, float64(height-1)/2
	left, top := s.load(img, flat, t, x, y, hx, hy)
	rx, _ := reachOf(t, hx, hy)
	if need := 2 * width * height; cap(s.out) < need {
		s.out = make([]byte, need)
	}
	out := frame.Image{Pix: s.out[:2*width*height], Width: width, Height: height, Stride: 2 * width, Depth: 16}
	ax, ay := t.Apply(1, 0)
	for row := range height {
		fx, fy := t.Apply(-hx, float64(row)-hy)
		line{
			grey: s.grey, stride: 2*rx + 1,
			x: fixed(x + fx - float64(left)), y: fixed(y + fy - float64(top)), dx: fixed(ax * fine), dy: fixed(ay * fine),
		}.resample(out.Row(row))
	}
	return out
}

// fine is by how much a step from pixel to pixel is finer than a place, so that
// rounding does not add up over a die.
const fine = 1 << 12

func fixed(v float64) int64 { return int64(math.Round(v * one)) }

// reachOf is how far from its middle the turned die reaches, and a pixel for
// interpolation.
func reachOf(t Turn, hx, hy float64) (x, y int) {
	ax, ay := t.Apply(hx, hy)
	bx, by := t.Apply(hx, -hy)
	return int(math.Ceil(max(math.Abs(ax), math.Abs(bx)))) + 2, int(math.Ceil(max(math.Abs(ay), math.Abs(by)))) + 2
}

// load corrects the part of the frame that the die takes, and returns where it
// begins.
func (s *Straightener) load(img frame.Image, flat *hotpath.Flat, t Turn, x, y, hx, hy float64) (left, top int) {
	rx, ry := reachOf(t, hx, hy)
	left, top = int(math.Floor(x))-rx, int(math.Floor(y))-ry
	width, height := 2*rx+1, 2*ry+1
	if need := width * height; cap(s.grey) < need {
		s.grey = make([]uint16, need)
	}
	s.grey = s.grey[:width*height]
	from, to := max(0, min(img.Width-1, left)), max(1, min(img.Width, left+width))
	for row := range height {
		line := s.grey[row*width : (row+1)*width]
		at := max(0, min(img.Height-1, top+row))
		first := max(0, min(width-1, from-left))
		count := max(1, min(to-from, width-first))
		flat.Correct(img, from, at, line[first:first+count])
		for n := range first {
			line[n] = line[first]
		}
		for n := first + count; n < width; n++ {
			line[n] = line[first+count-1]
		}
	}
	return left, top
}

// line is one row of the straightened die, on its way through the frame.
type line struct {
	grey   []uint16
	stride int
	x, y   int64 // of its first pixel, Q15
	dx, dy int64 // from pixel to pixel, Q27
}

// resample goes in runs along which the line stays between the same two rows,
// and one pixel of it is one of the frame.
func (l line) resample(out []byte) {
	const whole = one * fine
	x, y, drift := l.x*fine, l.y*fine, l.dx-whole
	for len(out) > 0 {
		at, u, v := int(y>>27)*l.stride+int(x>>27), x&(whole-1), y&(whole-1)
		n := min(len(out)/2, within(u, drift), within(v, l.dy))
		run(out[:2*n], l.grey[at:at+n+1], l.grey[at+l.stride:at+l.stride+n+1], u, v, drift, l.dy)
		out, x, y = out[2*n:], x+int64(n)*l.dx, y+int64(n)*l.dy
	}
}

// within is for how many steps a fraction stays one.
func within(fraction, step int64) int {
	switch {
	case step > 0:
		return int((one*fine-1-fraction)/step) + 1
	case step < 0:
		return int(fraction/-step) + 1
	}
	return math.MaxInt32
}

func run(out []byte, upper, lower []uint16, u, v, du, dv int64) {
	left, right := upper[:len(upper)-1], upper[1:]
	below, beyond := lower[:len(left)], lower[1:]
	right, beyond = right[:len(left)], beyond[:len(left)]
	out = out[:2*len(left)]
	for n := range left {
		t := int32(u >> 12)
		a := mix(int32(left[n]), int32(right[n]), t)
		b := mix(int32(below[n]), int32(beyond[n]), t)
		binary.LittleEndian.PutUint16(out[2*n:], uint16(mix(a, b, int32(v>>12))))
		u, v = u+du, v+dv
	}
}

// mix goes from a to b by the share t, Q15; the product stays below 2³¹.
func mix(a, b, t int32) int32 { return a + ((b-a)*t+one/2)>>15 }
