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
	stride := s.width(img, t, hx, hy)
	if need := 2 * width * height; cap(s.out) < need {
		s.out = make([]byte, need)
	}
	out := frame.Image{Pix: s.out[:2*width*height], Width: width, Height: height, Stride: 2 * width, Depth: 16}
	rows := len(s.grey) / stride
	ax, ay := t.Apply(1, 0)
	for row := range height {
		fx, fy := t.Apply(-hx, float64(row)-hy)
		line{
			grey: s.grey, stride: stride, rows: rows,
			x: fixed(x + fx - float64(left)), y: fixed(y + fy - float64(top)), dx: int(math.Round(ax * one * fine)), dy: int(math.Round(ay * one * fine)),
		}.resample(out.Row(row))
	}
	return out
}

// fine is by how much a step from pixel to pixel is finer than a place, so that
// rounding does not add up over a die.
const fine = 1 << 12

func fixed(v float64) int { return int(math.Round(v * one)) }

// reachOf is how far from its middle the turned die reaches, and a pixel for
// interpolation.
func reachOf(t Turn, hx, hy float64) (x, y int) {
	ax, ay := t.Apply(hx, hy)
	bx, by := t.Apply(hx, -hy)
	return int(math.Ceil(max(math.Abs(ax), math.Abs(bx)))) + 2, int(math.Ceil(max(math.Abs(ay), math.Abs(by)))) + 2
}

func (s *Straightener) width(_ frame.Image, t Turn, hx, hy float64) int {
	rx, _ := reachOf(t, hx, hy)
	return 2*rx + 1
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
	grey         []uint16
	stride, rows int
	x, y         int // of its first pixel, Q15
	dx, dy       int // from pixel to pixel, Q27
}

func (l line) resample(out []byte) {
	x, y := l.x*fine, l.y*fine
	for n := 0; n < len(out); n += 2 {
		px, py := x/fine, y/fine
		at := (py>>15)*l.stride + px>>15
		u, v := int32(px&(one-1)), int32(py&(one-1))
		upper, lower := l.grey[at:at+2:at+2], l.grey[at+l.stride:at+l.stride+2:at+l.stride+2]
		a := mix(int32(upper[0]), int32(upper[1]), u)
		b := mix(int32(lower[0]), int32(lower[1]), u)
		binary.LittleEndian.PutUint16(out[n:], uint16(mix(a, b, v)))
		x, y = x+l.dx, y+l.dy
	}
}

// mix goes from a to b by the share t, Q15; the product stays below 2³¹.
func mix(a, b, t int32) int32 { return a + ((b-a)*t+one/2)>>15 }
