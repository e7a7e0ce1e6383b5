package sensor

import (
	"fmt"
	"math"

	"kensa/calibration"
)

// Result works out the figures. The maps are the dark level (DN) and the gain
// for the flat field, and each pixel's response against its surroundings (%).
func (f *Flat) Result() (*calibration.Result, error) {
	if n := f.usable(); n < 4 {
		return nil, fmt.Errorf("flat: %d levels below 70 %% of saturation; want at least 4: the exposure range was not found well, begin anew", n)
	}
	t, p := f.transfer(), f.pixels()
	n := float64(len(f.state.Bright.Sum))
	dsnu := math.Sqrt(max(f.state.Dark.spatial(), 0))
	k, o := calibration.K, f.options
	relative := t.gainError / t.gain
	r := &calibration.Result{
		Figures: []calibration.Figure{
			{Name: "gain", Title: "system gain K", Value: t.gain, Uncertainty: k * t.gainError, Unit: "DN/e⁻"},
			{Name: "read-noise", Title: "read noise", Value: t.readNoise, Unit: "e⁻", Uncertainty: k * t.readNoise *
				math.Hypot(relative, math.Sqrt(3/(n*float64(f.state.Dark.Pairs)))/2*t.darkNoise/max(t.readNoiseVariance, 1e-9))},
			{Name: "capacity", Title: "saturation capacity", Value: t.capacity, Uncertainty: k * t.capacity * relative, Unit: "e⁻"},
			{Name: "range", Title: "dynamic range", Value: 20 * math.Log10(t.capacity/max(t.readNoise, 1e-3)), Unit: "dB"},
			{Name: "linearity", Title: "linearity error", Value: t.linearity, Unit: "%", Limits: calibration.AtMost(o.MaxLinearity)},
			{Name: "dsnu", Title: "dark signal non-uniformity", Value: dsnu / t.gain, Unit: "e⁻", Uncertainty: k *
				math.Hypot(dsnuError(max(f.state.Dark.spatial(), 0), f.state.Dark.temporal()/float64(f.state.Dark.Frames), n)/t.gain, dsnu/t.gain*relative)},
			{Name: "prnu", Title: "photo-response non-uniformity", Value: p.prnu, Unit: "%", Limits: calibration.AtMost(o.MaxPRNU),
				Uncertainty: k * f.prnuError(p.prnu)},
			{Name: "shading", Title: "shading of the light", Value: p.shading, Unit: "%", Limits: calibration.AtMost(o.MaxShading)},
			{Name: "defective", Title: "defective pixels", Value: 100 * float64(len(p.defective)) / n, Unit: "% of pixels", Limits: calibration.AtMost(o.MaxDefective)},
		},
		Parameters: map[string]float64{"gain_dn_per_e": t.gain, "dark_dn": t.dark, "saturation_s": f.state.Saturation.Seconds(), "light": o.Light},
		Maps:       []calibration.Map{f.darkMap(), p.gain, p.local},
		Curves:     []calibration.Curve{t.photon, t.line},
	}
	if len(p.defective) > 0 {
		w := f.state.Bright.Width
		r.Notes = append(r.Notes, fmt.Sprintf("%d defective pixels, the first at (%d, %d)", len(p.defective), p.defective[0]%w, p.defective[0]/w))
	}
	return r, nil
}

// usable levels for the photon transfer.
func (f *Flat) usable() int {
	n, dark := 0, f.state.Dark.mean()
	for _, l := range f.state.Levels {
		if l.Mean-dark < 0.7*(f.state.Plateau-dark) && l.Clipped == 0 {
			n++
		}
	}
	return n
}

// prnuError is PRNU's standard error in %: of a variance over n pixels, part of
// which is noise.
func (f *Flat) prnuError(prnu float64) float64 {
	b, d := f.state.Bright, f.state.Dark
	signal := b.mean() - d.mean()
	noise := 1e4 * (b.temporal()/float64(b.Frames) + d.temporal()/float64(d.Frames)) / (signal * signal)
	return dsnuError(prnu*prnu, noise, float64((b.Width-2*reach)*(b.Height-2*reach)))
}

func (f *Flat) darkMap() calibration.Map {
	s := f.state.Dark
	m := calibration.Map{Name: "dark", Title: "dark level", Unit: "DN", Width: s.Width, Height: s.Height, Values: make([]float32, len(s.Sum))}
	for i := range m.Values {
		m.Values[i] = float32(s.pixel(i))
	}
	return m
}
