package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strings"

	"kensa/calibration"
	"kensa/calibration/cli"
)

// Size of a plot and its margins, in SVG units.
const (
	width, height            = 460, 240
	left, right, top, bottom = 64, 12, 10, 42
)

// axis maps values to places, and has ticks at round values.
type axis struct {
	low, high  float64
	from, upto float64
}

func (a axis) at(v float64) float64 {
	return a.from + (v-a.low)/(a.high-a.low)*(a.upto-a.from)
}

// ticks are the multiples of 1, 2 or 5 times a power of ten within the axis, about
// five of them.
func (a axis) ticks() []float64 {
	raw := (a.high - a.low) / 5
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * power
	for _, m := range []float64{1, 2, 5} {
		if m*power >= raw {
			step = m * power
			break
		}
	}
	var all []float64
	for n := math.Ceil(a.low / step); n*step <= a.high*(1+1e-12)+1e-300; n++ {
		all = append(all, n*step+0) // + 0: no −0
	}
	return all
}

func span(v []float64) (low, high float64) {
	low, high = slices.Min(v), slices.Max(v)
	if !(high-low > 1e-9*max(math.Abs(high), math.Abs(low))) { // the same, but for rounding
		half := max(math.Abs(low)/2, 0.5)
		return low - half, low + half
	}
	room := (high - low) * 0.04
	return low - room, high + room
}

// curve draws a curve as SVG: points, fit and its band, or bars where it has labels.
func curve(c calibration.Curve) template.HTML {
	if c.Labels != nil {
		return bars(c)
	}
	if len(c.X) == 0 {
		return ""
	}
	x, y := axis{from: left, upto: width - right}, axis{from: height - bottom, upto: top}
	x.low, x.high = span(c.X)
	y.low, y.high = span(slices.Concat(c.Y, c.Fit, c.Low, c.High))
	var b strings.Builder
	open(&b, height, c.Title)
	for _, t := range x.ticks() {
		fmt.Fprintf(&b, `<line class="grid" x1="%.1[1]f" x2="%.1[1]f" y1="%[2]d" y2="%[3]d"/><text x="%.1[1]f" y="%[4]d" text-anchor="middle">%.6[5]g</text>`, x.at(t), top, height-bottom, height-bottom+14, t)
	}
	for _, t := range y.ticks() {
		fmt.Fprintf(&b, `<line class="grid" x1="%[1]d" x2="%[2]d" y1="%.1[3]f" y2="%.1[3]f"/><text x="%[4]d" y="%.1[5]f" text-anchor="end">%.6[6]g</text>`, left, width-right, y.at(t), left-5, y.at(t)+3.5, t)
	}
	if c.Low != nil && c.High != nil {
		b.WriteString(`<polygon class="confidence" points="`)
		for i := range c.Low {
			fmt.Fprintf(&b, "%.1f,%.1f ", x.at(c.X[i]), y.at(c.Low[i]))
		}
		for i := len(c.High) - 1; i >= 0; i-- {
			fmt.Fprintf(&b, "%.1f,%.1f ", x.at(c.X[i]), y.at(c.High[i]))
		}
		b.WriteString(`"/>`)
	}
	if c.Fit != nil {
		b.WriteString(`<polyline class="fit" points="`)
		for i := range c.Fit {
			fmt.Fprintf(&b, "%.1f,%.1f ", x.at(c.X[i]), y.at(c.Fit[i]))
		}
		b.WriteString(`"/>`)
	}
	for i := range c.X {
		fmt.Fprintf(&b, `<circle class="point" cx="%.1f" cy="%.1f" r="2.4"/>`, x.at(c.X[i]), y.at(c.Y[i]))
	}
	text := template.HTMLEscapeString
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`, (left+width-right)/2, height-6, text(c.XTitle))
	fmt.Fprintf(&b, `<text transform="translate(12 %d) rotate(-90)" text-anchor="middle">%s</text></svg>`, (top+height-bottom)/2, text(c.YTitle))
	return template.HTML(b.String()) // numbers, and titles that were escaped
}

// bars draws one bar for each label.
func bars(c calibration.Curve) template.HTML {
	const row, names = 22, 170
	most := 0.0
	for _, v := range c.Y {
		most = max(most, math.Abs(v))
	}
	var b strings.Builder
	open(&b, row*len(c.Y)+24, c.Title)
	for i, v := range c.Y {
		long := 0.0
		if most > 0 {
			long = math.Abs(v) / most * (width - names - 70)
		}
		y := i*row + 4
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text><rect class="bar" x="%d" y="%d" width="%.1f" height="14"/><text x="%.1f" y="%d">%.4g</text>`,
			names-6, y+11, template.HTMLEscapeString(c.Labels[i]), names, y, long, names+long+5, y+11, v)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text></svg>`, names, row*len(c.Y)+18, template.HTMLEscapeString(c.YTitle))
	return template.HTML(b.String()) // numbers, and titles that were escaped
}

func open(b *strings.Builder, high int, title string) {
	fmt.Fprintf(b, `<svg class="plot" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-label="%s">`, width, high, template.HTMLEscapeString(title))
}

// maxHeat is the widest that a map's picture is; larger ones are averaged.
const maxHeat = 640

// heated is a map's picture as a data URL, and the values of its colours' ends.
type heated struct {
	URL       template.URL
	Low, High string
	Scale     template.URL
}

// heat draws a map in viridis-like colours from its 1st to its 99th percentile;
// grey is a place without a value.
func heat(m calibration.Map) (heated, error) {
	w := min(m.Width, maxHeat)
	h := max(1, m.Height*w/m.Width)
	values := cli.Reduce(&m, w, h)
	low, high := cli.Range(values)
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i, v := range values {
		img.SetNRGBA(i%w, i/w, shade(float64(v), low, high))
	}
	scale := image.NewNRGBA(image.Rect(0, 0, 256, 1))
	for x := range 256 {
		scale.SetNRGBA(x, 0, shade(float64(x), 0, 255))
	}
	picture, err := dataURL(img)
	if err != nil {
		return heated{}, err
	}
	legend, err := dataURL(scale)
	return heated{picture, fmt.Sprintf("%.4g", low), fmt.Sprintf("%.4g", high), legend}, err
}

func dataURL(img image.Image) (template.URL, error) {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil
}

// stops of the colours, from dark to bright, so that they also print in grey
// (after viridis, by Smith and van der Walt).
var stops = [][3]float64{{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}}

func shade(v, low, high float64) color.NRGBA {
	if math.IsNaN(v) {
		return color.NRGBA{160, 160, 160, 255}
	}
	t := 0.5
	if high > low {
		t = max(0, min(1, (v-low)/(high-low)))
	}
	at := t * float64(len(stops)-1)
	n := min(int(at), len(stops)-2)
	mix := func(k int) uint8 { return uint8(math.Round(stops[n][k] + (stops[n+1][k]-stops[n][k])*(at-float64(n)))) }
	return color.NRGBA{mix(0), mix(1), mix(2), 255}
}
