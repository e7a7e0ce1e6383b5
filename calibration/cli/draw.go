package cli

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"kensa/calibration"
)

// bar is a progress bar of width cells.
func bar(done, of, width int) string {
	full := 0
	if of > 0 {
		full = min(width, done*width/of)
	}
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

// needleWidth is how many cells a needle's scale has; the band takes the middle
// half of it.
const needleWidth = 16

// needle draws where a value lies against its band: "┤   ├──●────┤   ├". Where
// the band has one end only, the scale is as long again beyond it.
func needle(v float64, band calibration.Limits) string {
	low, high := ends(band)
	cells := make([]rune, needleWidth)
	for i := range cells {
		cells[i] = '·'
		if i >= needleWidth/4 && i < needleWidth*3/4 {
			cells[i] = '─'
		}
	}
	at := needleWidth / 2
	if high > low && !math.IsNaN(v) {
		at = int(math.Floor(needleWidth * (0.25 + 0.5*(v-low)/(high-low))))
	}
	mark := '●'
	if !band.Holds(v) {
		mark = '✗'
	}
	cells[max(0, min(needleWidth-1, at))] = mark
	return "[" + string(cells) + "]"
}

func ends(band calibration.Limits) (low, high float64) {
	switch {
	case band.Low == nil && band.High == nil:
		return 0, 0
	case band.Low == nil:
		return *band.High - max(math.Abs(*band.High), 1), *band.High
	case band.High == nil:
		return *band.Low, *band.Low + max(math.Abs(*band.Low), 1)
	default:
		return *band.Low, *band.High
	}
}

var sparks = []rune("▁▂▃▄▅▆▇█")

// Sparkline draws the last values as a line of blocks, from the least to the
// greatest of them. What is not a number is a blank.
func Sparkline(values []float64, width int) string {
	values = values[max(0, len(values)-width):]
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	var b strings.Builder
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			b.WriteRune(' ')
		case high <= low:
			b.WriteRune(sparks[3])
		default:
			b.WriteRune(sparks[int(math.Round((v-low)/(high-low)*float64(len(sparks)-1)))])
		}
	}
	return b.String()
}

// roundTo4 keeps four significant digits: a live value that dances in its sixth
// cannot be read.
func roundTo4(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	if err != nil {
		return v
	}
	return r
}

// pad fills or cuts a text to width cells.
func pad(s string, width int) string {
	n := utf8.RuneCountInString(s)
	if n > width {
		return string([]rune(s)[:width-1]) + "…"
	}
	return s + strings.Repeat(" ", width-n)
}
