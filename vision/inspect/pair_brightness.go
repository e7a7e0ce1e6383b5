package inspect

import "math"

// A transfer is the smooth part of the difference of two registered images, by
// place and by grey value: what uneven light, charging and a bent response
// curve do. It is a grid over the image whose cells also split the grey scale
// (a bilateral grid, Chen, Paris and Durand 2007), so that a dark line and the
// bright field beside it keep their own.
type transfer struct {
	nx, ny int
	sum, n []float64
	pitch  float64 // pixels of a cell
	prior  float64 // pixels' worth of belief in no difference
}

// Cells of the grey scale, and its grey values.
const (
	greyCells = 8
	greyPitch = 32.0
)

// newTransfer averages the differences of the pixels that are even over cells
// of pitch pixels.
func newTransfer(diff, grey plane, even []bool, pitch float64) *transfer {
	t := &transfer{nx: int(math.Ceil(float64(diff.w)/pitch)) + 1, ny: int(math.Ceil(float64(diff.h)/pitch)) + 1, pitch: pitch, prior: pitch * pitch / 16}
	t.sum = make([]float64, t.nx*t.ny*greyCells)
	t.n = make([]float64, len(t.sum))
	for y := range diff.h {
		for x, d := range diff.row(y) {
			i := y*diff.w + x
			if !even[i] {
				continue
			}
			c := t.cell(int(float64(x)/pitch+0.5), int(float64(y)/pitch+0.5), int(float64(grey.v[i])/greyPitch))
			t.sum[c] += float64(d)
			t.n[c]++
		}
	}
	t.smooth()
	return t
}

func (t *transfer) cell(x, y, g int) int {
	return (min(max(g, 0), greyCells-1)*t.ny+min(y, t.ny-1))*t.nx + min(x, t.nx-1)
}

// smooth blends each cell with its neighbours, 1-2-1 along each axis.
func (t *transfer) smooth() {
	for _, v := range [][]float64{t.sum, t.n} {
		blend(v, 1, t.nx)
		blend(v, t.nx, t.ny)
		blend(v, t.nx*t.ny, greyCells)
	}
}

// blend smooths v along the axis of n cells that lie stride apart.
func blend(v []float64, stride, n int) {
	line := make([]float64, n)
	for start := range v {
		if start/stride%n != 0 {
			continue
		}
		for i := range line {
			line[i] = v[start+i*stride]
		}
		for i := range line {
			v[start+i*stride] = (line[max(i-1, 0)] + 2*line[i] + line[min(i+1, n-1)]) / 4
		}
	}
}

// at interpolates between the eight cells round a pixel of the given grey.
func (t *transfer) at(x, y int, grey float32) float32 {
	fx, fy, fg := float64(x)/t.pitch, float64(y)/t.pitch, float64(grey)/greyPitch-0.5
	x0, y0, g0 := int(fx), int(fy), int(math.Floor(fg))
	var sum, n float64
	for corner := range 8 {
		dx, dy, dg := corner&1, corner>>1&1, corner>>2
		w := share(fx-float64(x0), dx) * share(fy-float64(y0), dy) * share(fg-float64(g0), dg)
		c := t.cell(x0+dx, y0+dy, g0+dg)
		sum += w * t.sum[c]
		n += w * t.n[c]
	}
	return float32(sum / (n + t.prior))
}

func share(fraction float64, upper int) float64 {
	if upper == 1 {
		return fraction
	}
	return 1 - fraction
}
