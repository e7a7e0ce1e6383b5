package inspect

import (
	"encoding/binary"
	"image"

	"gocv.io/x/gocv"

	"kensa/vision/frame"
)

// plane is a grid of float32 values in OpenCV's memory. Grey values in planes
// count in units of an 8-bit image, whatever depth the image has, so that every
// parameter means the same for all cameras.
type plane struct {
	mat  gocv.Mat
	w, h int
	v    []float32 // row-major, without padding
}

// workspace owns the planes of one call, so that one Close frees them on every
// way out.
type workspace struct{ mats []gocv.Mat }

func (s *workspace) Close() {
	for i := range s.mats {
		s.mats[i].Close()
	}
	s.mats = nil
}

// plane returns a new plane whose values are not defined.
func (s *workspace) plane(w, h int) plane {
	return s.own(gocv.NewMatWithSize(h, w, gocv.MatTypeCV32F))
}

// zeros returns a new plane of zeros.
func (s *workspace) zeros(w, h int) plane {
	p := s.plane(w, h)
	clear(p.v)
	return p
}

// own takes a continuous Mat of float32 over.
func (s *workspace) own(m gocv.Mat) plane {
	s.mats = append(s.mats, m)
	v, err := m.DataPtrFloat32()
	if err != nil { // empty: a plane of no pixels
		return plane{mat: m}
	}
	return plane{m, m.Cols(), m.Rows(), v}
}

// load copies an image into a plane.
func (s *workspace) load(img frame.Image) plane {
	p := s.plane(img.Width, img.Height)
	scale := 255 / float32(img.Max())
	for y := range img.Height {
		from, to := img.Row(y), p.row(y)
		if img.Depth == 8 {
			for x, b := range from {
				to[x] = float32(b)
			}
			continue
		}
		for x := range to {
			to[x] = float32(binary.LittleEndian.Uint16(from[2*x:])) * scale
		}
	}
	return p
}

func (p plane) row(y int) []float32 { return p.v[y*p.w : (y+1)*p.w] }

func (p plane) bounds() image.Rectangle { return image.Rect(0, 0, p.w, p.h) }

// blur smooths with a Gaussian of the given standard deviation in pixels, the
// image mirrored at its border.
func (s *workspace) blur(p plane, sigma float64) (plane, error) {
	return s.gauss(p, sigma, gocv.BorderReflect101)
}

// fade smooths likewise with zeros beyond the border.
func (s *workspace) fade(p plane, sigma float64) (plane, error) {
	return s.gauss(p, sigma, gocv.BorderConstant)
}

func (s *workspace) gauss(p plane, sigma float64, border gocv.BorderType) (plane, error) {
	m := gocv.NewMat()
	// The kernel reaches 4σ: with OpenCV's own choice of 3σ the step at its end
	// shows at the contrasts that matter here.
	side := 2*int(4*sigma+0.5) + 1
	err := gocv.GaussianBlur(p.mat, &m, image.Pt(side, side), sigma, sigma, border)
	return s.own(m), err
}

// halve averages 2×2 pixels; an odd last row or column is left out, so that
// pixel x of the result always covers pixels 2x and 2x+1.
func (s *workspace) halve(p plane) plane {
	half := s.plane(p.w/2, p.h/2)
	for y := range half.h {
		a, b, to := p.row(2*y), p.row(2*y+1), half.row(y)
		for x := range to {
			to[x] = (a[2*x] + a[2*x+1] + b[2*x] + b[2*x+1]) / 4
		}
	}
	return half
}

// gradient returns the central differences, in grey values a pixel.
func (s *workspace) gradient(p plane) (dx, dy plane) {
	dx, dy = s.plane(p.w, p.h), s.plane(p.w, p.h)
	for y := range p.h {
		above, here, below := p.row(max(y-1, 0)), p.row(y), p.row(min(y+1, p.h-1))
		gx, gy := dx.row(y), dy.row(y)
		for x := range here {
			gx[x] = (here[min(x+1, p.w-1)] - here[max(x-1, 0)]) / 2
			gy[x] = (below[x] - above[x]) / 2
		}
	}
	return dx, dy
}

// at samples the plane between pixels, bilinear; ok is false outside.
func (p plane) at(x, y float64) (v float32, ok bool) {
	ix, iy := int(x), int(y)
	if x < 0 || y < 0 || ix >= p.w-1 || iy >= p.h-1 {
		return 0, false
	}
	fx, fy := float32(x-float64(ix)), float32(y-float64(iy))
	i := iy*p.w + ix
	top := p.v[i] + fx*(p.v[i+1]-p.v[i])
	low := p.v[i+p.w] + fx*(p.v[i+p.w+1]-p.v[i+p.w])
	return top + fy*(low-top), true
}

// quantileSample is about how many values a quantile of a plane is taken from.
const quantileSample = 40_000

// quantile estimates the value below which the share q of the plane lies.
func (p plane) quantile(q float64) float32 {
	step := max(1, len(p.v)/quantileSample)
	values := make([]float32, 0, len(p.v)/step+1)
	for i := 0; i < len(p.v); i += step {
		values = append(values, p.v[i])
	}
	return quantile(values, q)
}

// image is the plane as an image of the given depth; load undoes it but for
// rounding.
func (p plane) image(depth int) frame.Image {
	m := frame.New(p.w, p.h, depth)
	white := float32(m.Max())
	for y := range p.h {
		for x, v := range p.row(y) {
			m.Set(x, y, int(min(max(v*white/255+0.5, 0), white)))
		}
	}
	return m
}

// normalMAD makes the median absolute deviation of normal values their
// standard deviation.
const normalMAD = 1.4826

// median returns the middle value and reorders v; 0 of none.
func median(v []float32) float32 { return quantile(v, 0.5) }

// quantile returns the value below which the share q (0 to 1) of v lies, and
// reorders v; 0 of none. It selects (Hoare), in a time that grows with len(v).
func quantile(v []float32, q float64) float32 {
	if len(v) == 0 {
		return 0
	}
	n := min(int(q*float64(len(v))), len(v)-1)
	for low, high := 0, len(v)-1; low < high; {
		pivot := v[low+(high-low)/2]
		i, j := low, high
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case n <= j:
			high = j
		case n >= i:
			low = i
		default:
			return v[n]
		}
	}
	return v[n]
}

// spread is the median of |v| as a standard deviation; v becomes |v|, reordered.
func spread(v []float32) float32 {
	for i, x := range v {
		v[i] = max(x, -x)
	}
	return normalMAD * median(v)
}
