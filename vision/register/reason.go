package register

import (
	"math"
)

// A die has too much white when its share of clipped pixels exceeds that of
// good dies by clippedExcess; the limits are blind there.
const (
	clippedExcess = 0.02
	blackLevel    = 8  // grey levels; a die wholly below is unlit
	blankSpread   = 30 // grey levels, least to greatest; noise alone stays below
)

// exposed reports a die that is too bright, too dark or blank to be matched.
func (m *Matcher) exposed(t *Template) error {
	low, high, white := float32(math.Inf(1)), float32(0), 0
	die := m.levels[0]
	for y := m.margin; y < die.Height-m.margin; y++ {
		for _, v := range die.Row(y)[m.margin : die.Width-m.margin] {
			low, high = min(low, v), max(high, v)
			if v > whiteLevel {
				white++
			}
		}
	}
	share := float64(white) / float64(t.width*t.height)
	switch {
	case share > t.clipped+clippedExcess:
		return mismatch("saturated, %.0f %% of its pixels are white", 100*share)
	case high < blackLevel:
		return mismatch("black, no pixel is brighter than grey level %.0f", high)
	case high-low < blankSpread:
		return mismatch("blank, grey levels lie between %.0f and %.0f", low, high)
	}
	return nil
}

// accept reports a match that is not good enough.
func accept(match Match, p Params) error {
	switch {
	case !(match.Confidence >= p.MinCorrelation):
		return mismatch("correlation %.2f with the expected die; want %.2f (another pattern, turned, or out of focus)", match.Confidence, p.MinCorrelation)
	case math.Abs(match.DX) > p.MaxShift || math.Abs(match.DY) > p.MaxShift:
		return mismatch("shifted by (%.1f, %.1f) pixels; limit is %v", match.DX, match.DY, p.MaxShift)
	}
	return nil
}
