package inspect

import "math"

// A transfer is the smooth part of a difference of grey values, by place and by
// a third key. With the expected grey value as key it is what uneven light,
// charging and a bent response curve do to two registered images: a dark line
// and the bright field beside it keep their own (a bilateral grid, Chen, Paris
// and Durand 2007). With the distance from the wafer's edge as key it is the
// shading along that edge.
type transfer struct {
	transferGrid
	nx, ny int
	sum, n []float64
}

// transferGrid says how fine a transfer is.
type transferGrid struct {
	pitch float64 // pixels across and down
	step  float64 // of the key
	cells int     // of the key, from 0
	prior float64 // pixels' worth of belief in no difference
}

// greyGrid splits the grey scale in eight.
func greyGrid(pitch float64) transferGrid { return transferGrid{pitch, 32, 8, pitch * pitch / 16} }

// newTransfer averages the differences of the pixels to use.
func newTransfer(diff, key plane, use []bool, g transferGrid) *transfer {
	t := &transfer{g, int(math.Ceil(float64(diff.w)/g.pitch)) + 1, int(math.Ceil(float64(diff.h)/g.pitch)) + 1, nil, nil}
	t.sum = make([]float64, t.nx*t.ny*g.cells)
	t.n = make([]float64, len(t.sum))
	for y := range diff.h {
		for x, d := range diff.row(y) {
			i := y*diff.w + x
			if !use[i] {
				continue
			}
			c := t.cell(int(float64(x)/t.pitch+0.5), int(float64(y)/t.pitch+0.5), int(float64(key.v[i])/t.step))
			t.sum[c] += float64(d)
			t.n[c]++
		}
	}
	for _, v := range [][]float64{t.sum, t.n} {
		blend(v, 1, t.nx)
		blend(v, t.nx, t.ny)
		blend(v, t.nx*t.ny, t.cells)
	}
	return t
}

func (t *transfer) cell(x, y, k int) int {
	return (min(max(k, 0), t.cells-1)*t.ny+min(y, t.ny-1))*t.nx + min(x, t.nx-1)
}

// blend smooths v with weights 1, 2, 1 along the axis of n cells that lie
// stride apart.
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

// at interpolates between the eight cells round a pixel with the given key.
func (t *transfer) at(x, y int, key float32) float32 {
	fx, fy, fk := float64(x)/t.pitch, float64(y)/t.pitch, float64(key)/t.step-0.5
	x0, y0, k0 := int(fx), int(fy), int(math.Floor(fk))
	var sum, n float64
	for corner := range 8 {
		dx, dy, dk := corner&1, corner>>1&1, corner>>2
		w := share(fx-float64(x0), dx) * share(fy-float64(y0), dy) * share(fk-float64(k0), dk)
		c := t.cell(x0+dx, y0+dy, k0+dk)
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
