package sensor

import (
	"math"
	"slices"

	"kensa/calibration"
	"kensa/calibration/leastsquares"
)

// transfer is the photon transfer: what the levels say of the sensor.
type transfer struct {
	gain, gainError   float64 // K, DN for each e⁻
	dark, darkNoise   float64 // DN, DN²: level and temporal variance without light
	capacity          float64 // e⁻ at the plateau
	linearity         float64 // LE, %
	line              calibration.Curve
	photon            calibration.Curve
	readNoise         float64 // e⁻
	readNoiseVariance float64
}

// transferOf fits the levels: σ²_y − σ²_dark = K·(µ_y − µ_dark), EMVA 1288 section
// 6.6, between dark and 70 % of saturation; linearity between 5 % and 95 %, each
// point weighted with the inverse of its signal, section 6.7.
func (f *Flat) transfer() transfer {
	s := &f.state
	t := transfer{dark: s.Dark.mean(), darkNoise: s.Dark.temporal()}
	t.photon = calibration.Curve{Name: "photon-transfer", Title: "photon transfer", XTitle: "mean above dark / DN", YTitle: "temporal variance above dark / DN²"}
	var x, y, v []float64
	for _, l := range s.Levels {
		signal, variance := l.Mean-t.dark, l.Variance-t.darkNoise
		t.photon.X, t.photon.Y = append(t.photon.X, signal), append(t.photon.Y, variance)
		if signal < 0.7*(s.Plateau-t.dark) && l.Clipped == 0 {
			// The variance of successive differences' mean square, see Dark.
			x, y, v = append(x, signal), append(y, variance), append(v, l.Variance*l.Variance*3/float64(l.Pixels*l.Pairs))
		}
	}
	t.gain, t.gainError = fitSlope(x, y, v)
	for _, signal := range t.photon.X {
		t.photon.Fit = append(t.photon.Fit, t.gain*signal)
	}
	t.capacity = (s.Plateau - t.dark) / t.gain
	// Quantising adds 1/12 DN² (section 2.4).
	t.readNoiseVariance = max(t.darkNoise-1./12, 0)
	t.readNoise = math.Sqrt(t.readNoiseVariance) / t.gain
	t.linearity, t.line = f.linearity(t.dark)
	return t
}

// fitSlope fits y = b·x, weighted by inverse variances.
func fitSlope(x, y, v []float64) (b, spread float64) {
	var xx, xy float64
	for i := range x {
		xx, xy = xx+x[i]*x[i]/v[i], xy+x[i]*y[i]/v[i]
	}
	b = xy / xx
	chi := 0.0
	for i := range x {
		chi += sq(y[i]-b*x[i]) / v[i]
	}
	return b, math.Sqrt(max(1, chi/max(1, float64(len(x)-1))) / xx)
}

// linearity is LE: the mean deviation of the signal from its line, %.
func (f *Flat) linearity(dark float64) (float64, calibration.Curve) {
	c := calibration.Curve{Name: "linearity", Title: "linearity", XTitle: "exposure / ms", YTitle: "mean above dark / DN"}
	top := f.state.Plateau - dark
	var x, y, v []float64
	for _, l := range f.state.Levels {
		signal := l.Mean - dark
		c.X, c.Y = append(c.X, l.Exposure.Seconds()*1e3), append(c.Y, signal)
		if signal > 0.05*top && signal < 0.95*top {
			x, y, v = append(x, l.Exposure.Seconds()*1e3), append(y, signal), append(v, signal)
		}
	}
	line := leastsquares.FitLine(x, y, v)
	sum := 0.0
	for i := range x {
		sum += 100 * math.Abs(y[i]-line.At(x[i])) / line.At(x[i])
	}
	for _, e := range c.X {
		c.Fit = append(c.Fit, line.At(e))
	}
	return sum / float64(len(x)), c
}

func sq(x float64) float64 { return x * x }

// quantile of a sample, which it sorts.
func quantile(v []float64, part float64) float64 {
	slices.Sort(v)
	return v[min(len(v)-1, int(part*float64(len(v))))]
}
