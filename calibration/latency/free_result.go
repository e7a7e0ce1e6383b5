package latency

import (
	"fmt"
	"math"
	"slices"
	"time"

	"kensa/calibration"
)

// judge fits by how much stamps are later than exposures, s. off is the part of the
// mean's expanded uncertainty that is common to all frames.
func (p *Free) judge(seen []Sight) (of scatter, off float64, err error) {
	for n := range 3 { // where the light is whole depends on what is sought
		coarse, margin := p.state.Coarse, p.state.CoarseOff
		if n > 0 {
			coarse, margin = of.mean, max(p.flank()/4, 4*of.spread)
		}
		margin = min(margin, p.plateau()/3)
		top, noise, err := p.whole(seen, coarse, margin)
		if err != nil {
			return of, 0, err
		}
		readings := p.readings(seen, coarse+p.fade()-p.flank()/2-p.plateau()/2, top)
		half := p.state.Period / 2
		of = fit(readings, coarse-half, coarse+half, 1e-6)
		feigned := noise / top.over * p.flank() // by the brightness's own noise
		of.spread = math.Sqrt(max(of.spread*of.spread-feigned*feigned/2, 0))
		off = calibration.K * 1.25 * p.flank() * noise / top.over / math.Sqrt(float64(top.n)) // of a median
	}
	if limit := p.plateau() / 8; of.spread > limit {
		return of, 0, &calibration.Wrong{What: fmt.Sprintf("stamps scatter by %v against exposures: too much for this flash, which can show %v", duration(of.spread), duration(limit)),
			Remedy: longer}
	}
	return of, off, nil
}

// level is the brightness without the light and how much more it is with all of it.
type level struct {
	dark, over float64
	n          int // frames that saw it whole
}

// whole is the level of exposures that saw all they could, and its noise: by medians,
// since a few of them may have seen less.
func (p *Free) whole(seen []Sight, stamp, margin float64) (level, float64, error) {
	dark, _ := calibration.Moments(p.state.Dark)
	var greys []float64
	most := 0.0
	for _, s := range seen {
		most = max(most, s.Grey-dark)
		begin := s.After - stamp
		if begin > p.flank()-p.options.Exposure.Seconds()+margin && begin < p.options.Flash.Seconds()-p.flank()-margin {
			greys = append(greys, s.Grey)
		}
	}
	if len(greys) < 3 {
		return level{}, 0, &calibration.Wrong{What: fmt.Sprintf("%d of %d frames saw the whole flash; want 3", len(greys), len(seen)), Remedy: longer + ", or more --frames"}
	}
	top := median(greys)
	for n := range greys {
		greys[n] = math.Abs(greys[n] - top)
	}
	const normal = 1.4826 // a normal distribution's standard deviation over its median deviation
	noise := normal * median(greys)
	switch over := top - dark; {
	case most < 5 || over > most/2 && over < 20*noise:
		return level{}, 0, &calibration.Wrong{What: fmt.Sprintf("the flash is %.1f ± %.1f DN bright: too weak or unsteady", over, noise), Remedy: "a brighter or longer flash"}
	case over < most/2:
		return level{}, 0, &calibration.Wrong{What: fmt.Sprintf("frames that should see the whole flash see %.0f DN of it, others %.0f: their stamps scatter too much for it", over, most), Remedy: longer}
	}
	return level{dark, top - dark, len(greys)}, noise, nil
}

// longer is the remedy where stamps scatter too much.
const longer = "begin anew with a longer --flash, and an --exposure of three times it"

func median(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return (sorted[len(sorted)/2] + sorted[(len(sorted)-1)/2]) / 2
}

// readings are what frames from a time on tell of their stamps, that of exposures that
// began in the middle of the plateau: earlier ones may have ended before the flash, or
// before the light was there, and tell nothing else.
func (p *Free) readings(seen []Sight, from float64, l level) (out []reading) {
	flash, flank := p.options.Flash.Seconds(), p.flank()
	const faint = 0.05 // less than this part of the light is taken for none
	for _, s := range seen {
		if s.After < from {
			continue
		}
		switch part := (s.Grey - l.dark) / l.over; {
		case part < faint: // it began later
			out = append(out, reading{math.Inf(-1), s.After - flash + faint*flank})
		case part > 1-faint:
			out = append(out, reading{s.After - flash + (1-faint)*flank, math.Inf(1)})
		default:
			at := s.After - flash + part*flank
			out = append(out, reading{at, at})
		}
	}
	return out
}

// Result gives the stamp, the period, and the window: from the first stamp whose
// exposure cannot have begun before the stage had settled, for one and a half periods,
// or as long as the camera's unevenness wants.
func (p *Free) Result() (*calibration.Result, error) {
	const micro = 1e6
	o, s := p.options, &p.state
	of, off, err := p.judge(s.Seen)
	if err != nil {
		return nil, err
	}
	stampOff := math.Hypot(of.meanOff, off)
	const margin = 100e-6
	low := math.Max(0, o.Settle.Seconds()+of.mean+stampOff+6*of.spread+margin)
	high := low + math.Max(1.5*s.Period, s.Period+6*math.Sqrt2*s.Uneven+margin)
	limit := func(d time.Duration, otherwise calibration.Limits) calibration.Limits {
		if d == 0 {
			return otherwise
		}
		return calibration.AtMost(d.Seconds() * micro)
	}
	stamp := calibration.Limits{}
	if o.MaxStamp > 0 {
		stamp = calibration.Between(-o.MaxStamp.Seconds()*micro, o.MaxStamp.Seconds()*micro)
	}
	curve := calibration.Curve{Name: "light", Title: "brightness of frames about the flash's end", XTitle: "stamp after the flash's beginning / ms", YTitle: "mean / DN"}
	for _, v := range s.Seen {
		curve.X, curve.Y = append(curve.X, v.After*1e3), append(curve.Y, v.Grey)
	}
	return &calibration.Result{
		Figures: []calibration.Figure{
			{Name: "latency", Title: "pulse to begin of exposure, on average", Value: (low - of.mean + s.Period/2) * micro, Unit: "µs", Limits: limit(o.MaxLatency, calibration.Limits{}),
				Uncertainty: math.Hypot(stampOff, calibration.K*s.PeriodOff/2) * micro},
			{Name: "period", Title: "from frame to frame", Value: s.Period * micro, Uncertainty: calibration.Expand(float64(len(s.Dark)-2)) * s.PeriodOff * micro, Unit: "µs"},
			{Name: "stamp", Title: "driver's time stamp after begin of exposure", Value: of.mean * micro, Uncertainty: stampOff * micro, Unit: "µs", Limits: stamp},
			{Name: "jitter", Title: "jitter of that, one standard deviation", Value: of.spread * micro, Uncertainty: of.spreadOff * micro, Unit: "µs",
				Limits: limit(o.MaxJitter, calibration.AtMost(s.Period/4*micro))},
		},
		Parameters: map[string]float64{"window_min_us": low * micro, "window_max_us": high * micro},
		Curves:     []calibration.Curve{curve},
		Notes: []string{fmt.Sprintf("the camera runs by itself: a pulse meets it at any time of its period, so exposures begin up to %v apart after it; a trigger makes that less",
			duration(s.Period).Round(10*time.Microsecond))},
	}, nil
}

func duration(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
