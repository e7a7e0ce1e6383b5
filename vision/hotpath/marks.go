package hotpath

import (
	"fmt"
	"image"
	"math"

	"kensa/vision/frame"
)

// MarkSide is the side of a mark, pixels.
const MarkSide = 32

// Marks are squares of a golden die, known by their pattern and its
// derivatives, whose products with a die's pixels tell how far the die is off:
// the sums of registration, taken without copying or smoothing the die. They
// are read only and safe for concurrent use.
type Marks struct {
	corners []int32   // x and y of each in the die
	planes  []int16   // Q3: pattern, gx and gy of each, by rows
	totals  []float64 // of the planes
}

const markPixels = MarkSide * MarkSide

// Add adds a mark with its corner at (x, y) of the die; the planes are
// MarkSide × MarkSide by rows, −255 to 255.
func (m *Marks) Add(x, y int, pattern, gx, gy []float32) error {
	for _, plane := range [][]float32{pattern, gx, gy} {
		if len(plane) != markPixels {
			return fmt.Errorf("hotpath: mark of %d values; want %d×%d", len(plane), MarkSide, MarkSide)
		}
		total := 0.0
		for _, v := range plane {
			if !(v >= -255 && v <= 255) {
				return fmt.Errorf("hotpath: mark at (%d, %d) with a value of %v; want −255 to 255", x, y, v)
			}
			q := int16(math.Round(8 * float64(v)))
			m.planes, total = append(m.planes, q), total+float64(q)/8
		}
		m.totals = append(m.totals, total)
	}
	m.corners = append(m.corners, int32(x), int32(y))
	return nil
}

// Len is the number of marks.
func (m *Marks) Len() int { return len(m.corners) / 2 }

// Sums are of one mark's pixels of a die, in grey levels: of the values, their
// squares, and their products with the mark's planes.
type Sums struct{ Sum, Square, Pattern, GX, GY float64 }

// sums are Sums in whole numbers, in the order of Sums; kernel.h has the same
// layout. Sum is Q3, the others are Q6.
type sums [5]int64

// Meter measures marks. It keeps its memory and is used from one goroutine; the
// zero value is ready.
type Meter struct {
	img    frame.Image
	flat   *Flat
	job    job
	places []int32
	raw    []sums
	sums   []Sums
}

// See takes the frame that is measured next, and the correction of the camera's
// whole frame; nil stands for dark 0 and gain 1. False: they cannot be used.
func (k *Meter) See(img frame.Image, flat *Flat) bool {
	k.flat = nil
	if img.Check() != nil || flat != nil && (flat.width != img.Width || flat.height != img.Height) {
		return false
	}
	k.img, k.flat = img, flat
	k.job.see(img, nil)
	return true
}

// Measure sums over the marks of a die whose pixel (0, 0) lies at (x, y) of the
// frame. Its pixels are shifted as Compare does, g in the package comment, but
// uncorrected, to Q3: (g ⊕ 4) >> 3, at most 2047. Then the sums of each mark are
// corrected by the dark level and gain that the flat field has thereabouts: what
// single pixels differ in cancels in the sums, and half of what would have to be
// read is spared. The next die will be measured ahead pixels from this one, where
// that is known: its marks are fetched from memory. ok is false where a mark is not wholly in the frame. The sums are
// valid until the next call.
func (k *Meter) Measure(m *Marks, x, y float64, ahead image.Point) (s []Sums, ok bool) {
	const one = 1 << 15
	if !(math.Abs(x) <= frame.MaxPixels && math.Abs(y) <= frame.MaxPixels) {
		return nil, false
	}
	fx, fy := int64(math.Round(x*one)), int64(math.Round(y*one))
	k.places, k.sums = k.places[:0], k.sums[:0]
	for n := 0; n < len(m.corners); n += 2 {
		px, py := int(m.corners[n])+int(fx>>15), int(m.corners[n+1])+int(fy>>15)
		if px < 0 || py < 0 || px+MarkSide >= k.img.Width || py+MarkSide >= k.img.Height {
			return nil, false
		}
		k.places = append(k.places, int32(px), int32(py))
	}
	if len(k.raw) < m.Len() {
		k.raw = make([]sums, m.Len())
	}
	bytes := ahead.Y*k.img.Stride + ahead.X*k.img.BytesPerPixel()
	k.job.measure(m, k.places, int16(fx&(one-1)), int16(fy&(one-1)), bytes, k.raw)
	for n, r := range k.raw[:m.Len()] {
		k.sums = append(k.sums, k.correct(r.grey(), m.totals[3*n:], k.places[2*n], k.places[2*n+1]))
	}
	return k.sums, true
}

func (s sums) grey() Sums {
	return Sums{float64(s[0]) / 8, float64(s[1]) / 64, float64(s[2]) / 64, float64(s[3]) / 64, float64(s[4]) / 64}
}

// correct turns sums of a mark at (x, y) over values a into those over
// gain·a − black.
func (k *Meter) correct(s Sums, totals []float64, x, y int32) Sums {
	if k.flat == nil {
		return s
	}
	gain, black := k.flat.near(float64(x)+MarkSide/2, float64(y)+MarkSide/2)
	return Sums{
		Sum:     gain*s.Sum - black*markPixels,
		Square:  gain*gain*s.Square - 2*gain*black*s.Sum + black*black*markPixels,
		Pattern: gain*s.Pattern - black*totals[0],
		GX:      gain*s.GX - black*totals[1],
		GY:      gain*s.GY - black*totals[2],
	}
}

// measureTwin defines what the kernel's measure gives.
func (j *job) measureTwin(m *Marks, places []int32, u, v int16, out []sums) {
	for n := range m.Len() {
		d := &die{x: places[2*n], y: places[2*n+1], columns: MarkSide + 1, rows: MarkSide + 1, u: int32(u)}
		planes := m.planes[3*markPixels*n:]
		var s sums
		for k := range markPixels {
			x, y := k%MarkSide, k/MarkSide
			g := int64(min(2047, saturate(int32(lerp(j.shifted(d, x, y), j.shifted(d, x, y+1), v))+4)>>3))
			s[0] += g
			s[1] += g * g
			for plane := range 3 {
				s[2+plane] += g * int64(planes[plane*markPixels+k])
			}
		}
		out[n] = s
	}
}
