package cli

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"kensa/calibration"
)

// Cells of a plot on a terminal of 80 columns.
const (
	plotWidth  = 64
	plotHeight = 16
)

// braille holds points at twice a cell's width and four times its height
// (Unicode, braille patterns, U+2800).
type braille struct{ cells [plotHeight][plotWidth]rune }

var dots = [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

// set marks a point; x and y are 0 to 1, y upwards.
func (b *braille) set(x, y float64) {
	if !(x >= 0 && x <= 1 && y >= 0 && y <= 1) {
		return
	}
	column := int(math.Round(x * (2*plotWidth - 1)))
	row := int(math.Round((1 - y) * (4*plotHeight - 1)))
	b.cells[row/4][column/2] |= dots[row%4][column%2]
}

func (b *braille) row(n int) string {
	var out strings.Builder
	for _, c := range b.cells[n] {
		out.WriteRune(0x2800 + c)
	}
	return out.String()
}

// WriteCurve plots a curve: points as small crosses, the fit and its band as lines;
// bars where it has labels.
func WriteCurve(to io.Writer, c *calibration.Curve) error {
	p := &printer{to: to}
	p.line("  %s", c.Title)
	if c.Labels != nil {
		bars(p, c)
		return p.err
	}
	if len(c.X) == 0 {
		return p.err
	}
	left, right := span(c.X)
	bottom, top := span(slices.Concat(c.Y, c.Fit, c.Low, c.High))
	var area braille
	scale := func(v, low, high float64) float64 { return (v - low) / (high - low) }
	for i := range c.X {
		x, y := scale(c.X[i], left, right), scale(c.Y[i], bottom, top)
		const dx, dy = 1. / (2*plotWidth - 1), 1. / (4*plotHeight - 1)
		for _, d := range [][2]float64{{0, 0}, {dx, 0}, {-dx, 0}, {0, dy}, {0, -dy}} {
			area.set(x+d[0], y+d[1])
		}
		for _, line := range [][]float64{c.Fit, c.Low, c.High} {
			if i > 0 && line != nil {
				stroke(&area, scale(c.X[i-1], left, right), scale(line[i-1], bottom, top), x, scale(line[i], bottom, top))
			}
		}
	}
	for n := range plotHeight {
		mark := ""
		switch n {
		case 0:
			mark = fmt.Sprintf("%.4g", top)
		case plotHeight - 1:
			mark = fmt.Sprintf("%.4g", bottom)
		}
		p.line("  %10s │%s", mark, area.row(n))
	}
	p.line("  %10s └%s", "", strings.Repeat("─", plotWidth))
	from, until := fmt.Sprintf("%.4g", left), fmt.Sprintf("%.4g", right)
	p.line("  %10s  %s%*s", "", from, plotWidth-len(from), until)
	p.line("  %10s  x: %s, y: %s", "", c.XTitle, c.YTitle)
	return p.err
}

// stroke marks the points between two.
func stroke(area *braille, x0, y0, x1, y1 float64) {
	const points = 2 * plotWidth
	for n := range points + 1 {
		t := float64(n) / points
		area.set(x0+(x1-x0)*t, y0+(y1-y0)*t)
	}
}

// span is the least and the greatest value, apart by something.
func span(v []float64) (low, high float64) {
	low, high = slices.Min(v), slices.Max(v)
	if !(high-low > 1e-9*max(math.Abs(high), math.Abs(low))) { // the same, but for rounding
		half := max(math.Abs(low)/2, 0.5)
		return low - half, low + half
	}
	return low, high
}

func bars(p *printer, c *calibration.Curve) {
	wide, most := 1, 0.0
	for i, name := range c.Labels {
		wide = max(wide, utf8.RuneCountInString(name))
		most = max(most, math.Abs(c.Y[i]))
	}
	for i, name := range c.Labels {
		n := 0
		if most > 0 {
			n = int(math.Round(math.Abs(c.Y[i]) / most * (plotWidth - 16)))
		}
		p.line("  %s │%s %.4g", pad(name, wide), strings.Repeat("█", n), c.Y[i])
	}
	p.line("  %s  %s", pad("", wide), c.YTitle)
}

// shades of a map, from its least value to its greatest; a blank has none.
var shades = []rune("░▒▓█")

// WriteMap plots a map as blocks, each the mean of what lies under it, between
// the 1st and the 99th percentile of the blocks.
func WriteMap(to io.Writer, m *calibration.Map) error {
	columns := min(plotWidth, m.Width)
	// A cell is about twice as high as wide.
	rows := max(1, min(m.Height, columns*m.Height/m.Width/2))
	cells := Reduce(m, columns, rows)
	low, high := Range(cells)
	p := &printer{to: to}
	p.line("  %s", m.Title)
	for y := range rows {
		var out strings.Builder
		for x := range columns {
			out.WriteRune(shade(float64(cells[y*columns+x]), low, high))
		}
		p.line("  │%s│", out.String())
	}
	unit := m.Unit
	if unit == "1" {
		unit = "(no unit)"
	}
	p.line("  %c %.4g … %c %.4g %s, %d×%d values", shades[0], low, shades[len(shades)-1], high, unit, m.Width, m.Height)
	return p.err
}

func shade(v, low, high float64) rune {
	if math.IsNaN(v) {
		return ' '
	}
	if high <= low {
		return shades[1]
	}
	n := int((v - low) / (high - low) * float64(len(shades)))
	return shades[max(0, min(len(shades)-1, n))]
}

// Reduce makes a map smaller: each value the mean of those it covers, NaN where
// there are none.
func Reduce(m *calibration.Map, width, height int) []float32 {
	out := make([]float32, width*height)
	for y := range height {
		for x := range width {
			sum, n := 0.0, 0
			for v := y * m.Height / height; v < (y+1)*m.Height/height; v++ {
				for u := x * m.Width / width; u < (x+1)*m.Width/width; u++ {
					if value := float64(m.Values[v*m.Width+u]); !math.IsNaN(value) && !math.IsInf(value, 0) {
						sum, n = sum+value, n+1
					}
				}
			}
			out[y*width+x] = float32(sum / float64(n)) // 0/0 is NaN
		}
	}
	return out
}

// Range is the 1st and the 99th percentile of the values that are numbers, so
// that a few hot pixels do not flatten a map.
func Range(values []float32) (low, high float64) {
	var known []float32
	for _, v := range values {
		if !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) {
			known = append(known, v)
		}
	}
	if len(known) == 0 {
		return 0, 0
	}
	slices.Sort(known)
	return float64(known[(len(known)-1)/100]), float64(known[len(known)-1-(len(known)-1)/100])
}
