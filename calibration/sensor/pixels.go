package sensor

import (
	"math"

	"kensa/calibration"
)

// pixels is how a sensor's pixels, and the light over them, differ.
type pixels struct {
	gain      calibration.Map // by which a pixel's signal is to be multiplied
	local     calibration.Map // the pixel's response against its surroundings, less 1, %
	prnu      float64         // %, pixel against pixel
	shading   float64         // %, the least part of the light against the greatest
	defective []int
}

// reach of the surroundings that a pixel is compared with: so that the light's
// falling off does not count as the pixels' difference (EMVA 1288 section 8.3
// takes a high-pass filter for the same reason).
const reach = 7

// Bounds of what a flat field may correct; beyond it a pixel is defective.
const (
	minGain = 0.3
	maxGain = 1.95
	// outlying is how many standard deviations from its surroundings makes a pixel
	// defective, and noticeable the least part by which it must differ.
	outlying   = 6
	noticeable = 0.05
)

// pixels compares the bright stack with the dark one, pixel by pixel.
func (f *Flat) pixels() pixels {
	bright, dark := f.state.Bright, f.state.Dark
	w, h := bright.Width, bright.Height
	signal := make([]float64, w*h)
	for i := range signal {
		signal[i] = bright.pixel(i) - dark.pixel(i)
	}
	smooth := boxMean(signal, w, h, reach)
	p := pixels{
		gain:  calibration.Map{Name: "gain", Title: "gain of the flat field", Unit: "1", Width: w, Height: h, Values: make([]float32, w*h)},
		local: calibration.Map{Name: "response", Title: "response against the surroundings", Unit: "%", Width: w, Height: h, Values: make([]float32, w*h)},
	}
	low, high, sum := math.Inf(1), math.Inf(-1), 0.0
	for i, s := range signal {
		low, high, sum = min(low, smooth[i]), max(high, smooth[i]), sum+s/float64(w*h)
		p.local.Values[i] = float32(100 * (s/smooth[i] - 1))
	}
	p.shading = 100 * (1 - low/high)
	p.judge(signal, sum)
	p.prnu = 100 * f.nonUniformity(smooth, p.defective)
	return p
}

// judge fills the gain map and lists the pixels that no gain mends.
func (p *pixels) judge(signal []float64, mean float64) {
	sigma := robustSigma(p.local.Values)
	for i, s := range signal {
		off := math.Abs(float64(p.local.Values[i]))
		g := mean / s
		if !(g >= minGain && g <= maxGain) || off > outlying*sigma && off > 100*noticeable {
			p.defective = append(p.defective, i)
		}
		p.gain.Values[i] = float32(max(minGain, min(maxGain, g)))
		if !(s > 0) {
			p.gain.Values[i] = 1
		}
	}
}

// nonUniformity is PRNU, as a part: the spatial standard deviation of the signal
// against its surroundings, less what temporal noise leaves in the stacks' means
// (section 8.1). Defective pixels are left out, and those near the border, whose
// surroundings lie to one side of them. The surroundings hold the pixel itself,
// which shrinks the difference by 1 − 1/n.
func (f *Flat) nonUniformity(smooth []float64, defective []int) float64 {
	bright, dark := f.state.Bright, f.state.Dark
	skip := map[int]bool{}
	for _, i := range defective {
		skip[i] = true
	}
	sum, squares, mean, n := 0.0, 0.0, 0.0, 0.0
	for y := reach; y < bright.Height-reach; y++ {
		for x := reach; x < bright.Width-reach; x++ {
			if i := y*bright.Width + x; !skip[i] {
				d := bright.pixel(i) - dark.pixel(i) - smooth[i]
				sum, squares, mean, n = sum+d, squares+d*d, mean+smooth[i], n+1
			}
		}
	}
	mean /= n
	window := sq(2*reach + 1)
	// A light that falls off to all sides lies above its mean everywhere: that
	// common part is no difference of pixels.
	variance := (squares/n-sq(sum/n))/(1-1/window) - bright.temporal()/float64(bright.Frames) - dark.temporal()/float64(dark.Frames)
	return math.Sqrt(max(variance, 0)) / mean
}

// boxMean is the mean over a square window, cut at the borders, by sums over rows
// and columns.
func boxMean(v []float64, w, h, reach int) []float64 {
	rows, out := make([]float64, w*h), make([]float64, w*h)
	for y := range h {
		slide(v[y*w:], rows[y*w:], w, 1, reach)
	}
	for x := range w {
		slide(rows[x:], out[x:], h, w, reach)
	}
	return out
}

// slide takes a running mean of n values that lie stride apart.
func slide(from, to []float64, n, stride, reach int) {
	sum, count := 0.0, 0
	for i := -reach; i < n; i++ {
		if in := i + reach; in < n {
			sum, count = sum+from[in*stride], count+1
		}
		if out := i - reach - 1; out >= 0 {
			sum, count = sum-from[out*stride], count-1
		}
		if i >= 0 {
			to[i*stride] = sum / float64(count)
		}
	}
}

// robustSigma is the standard deviation by the median of absolute values, which
// few outliers do not move.
func robustSigma(v []float32) float64 {
	var sample []float64
	for i := 0; i < len(v); i += max(1, len(v)/20000) {
		sample = append(sample, math.Abs(float64(v[i])))
	}
	return 1.4826 * quantile(sample, 0.5)
}
