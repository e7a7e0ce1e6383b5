package evaluate

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// The sheet, pixels.
const (
	curveWidth, curveHeight = 960, 600
	letterSize              = 16
)

// plotArea is where the curves lie.
var plotArea = image.Rect(80, 60, curveWidth-40, curveHeight-80)

var (
	paper     = color.RGBA{0xff, 0xff, 0xff, 0xff}
	ink       = color.RGBA{0x22, 0x22, 0x22, 0xff}
	fitColour = color.RGBA{0xcc, 0x22, 0x22, 0xff}
	faint     = color.RGBA{0xdd, 0xdd, 0xdd, 0xff}
	// bandColours are Okabe and Ito's (2008), which colour-blind people tell apart.
	bandColours = []color.RGBA{{0x00, 0x72, 0xb2, 0xff}, {0xe6, 0x9f, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0xcc, 0x79, 0xa7, 0xff}}
)

// plot draws probability of detection over size.
type plot struct {
	*image.RGBA
	face     font.Face
	from, to float64 // sizes at the ends of the axis, µm
}

// Curve draws the probability of detection over the size of defects: all of
// them in black with their 95 % intervals, and over that each band of contrast
// in a colour. Bins without defects are left out.
func (d *Detection) Curve() (*image.RGBA, error) {
	p, err := newPlot(d.Sizes[0].From, d.Sizes[len(d.Sizes)-1].To)
	if err != nil {
		return nil, err
	}
	defer p.face.Close()
	p.axes(d, d.Sizes, "size of the defect, µm")
	p.curve(d.Sizes, ink, 5, true)
	for n, band := range d.Contrasts {
		p.curve(band.Sizes, bandColours[n%len(bandColours)], 2, false)
	}
	p.legend(0, ink, "all, with 95 % intervals")
	p.fitted(d.BySize, "µm")
	for n, band := range d.Contrasts {
		p.legend(n+1, bandColours[n%len(bandColours)], fmt.Sprintf("contrast %.0f to %.0f grey levels", band.From, band.To))
	}
	return p.RGBA, nil
}

// ContrastCurve draws the probability of detection over the contrast of defects
// of all sizes.
func (d *Detection) ContrastCurve() (*image.RGBA, error) {
	const from, to, count = 5.0, 255.0, 9
	ends := make([]float64, count+1)
	for n := range ends {
		ends[n] = from * math.Pow(to/from, float64(n)/count)
	}
	sorted := bins(ends)
	for _, t := range d.ByContrast {
		b := &sorted[place(count, t.At, func(n int) float64 { return sorted[n].To })]
		b.Rate = b.and(t.Found, false)
	}
	p, err := newPlot(from, to)
	if err != nil {
		return nil, err
	}
	defer p.face.Close()
	p.axes(d, sorted, "contrast of the defect, grey levels")
	p.curve(sorted, ink, 5, true)
	p.legend(0, ink, "all, with 95 % intervals")
	p.fitted(d.ByContrast, "grey levels")
	return p.RGBA, nil
}

func newPlot(from, to float64) (*plot, error) {
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	// At 72 dots an inch a point is a pixel.
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: letterSize, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil, err
	}
	p := &plot{image.NewRGBA(image.Rect(0, 0, curveWidth, curveHeight)), face, from, to}
	draw.Draw(p, p.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	return p, nil
}

// fitted draws the logistic curve of the trials and its a50, a90 and a90/95, or
// writes why there is none.
func (p *plot) fitted(trials []Trial, unit string) {
	at := image.Pt(plotArea.Min.X, plotArea.Min.Y-6)
	fit, err := FitPOD(trials)
	if err != nil {
		p.write(at.X, at.Y, err.Error())
		return
	}
	p.write(at.X, at.Y, fmt.Sprintf("logistic fit (red): a50 %.4g, a90 %.4g, a90/95 %.4g %s", fit.A50, fit.A90, fit.A9095, unit))
	const steps = 120
	lastX, lastY := p.at(p.from, fit.At(p.from))
	for n := 1; n <= steps; n++ {
		a := p.from * math.Pow(p.to/p.from, float64(n)/steps)
		x, y := p.at(a, fit.At(a))
		p.line(lastX, lastY, x, y, 2, fitColour)
		lastX, lastY = x, y
	}
	if fit.A9095 >= p.from && fit.A9095 <= p.to {
		x, y := p.at(fit.A9095, 0.9)
		_, low := p.at(fit.A9095, 0)
		p.line(x, y, x, low, 1, fitColour)
	}
}

// at is where a size and a probability lie, pixels. Sizes are drawn by their
// logarithm, over which detection rises as a logistic curve.
func (p *plot) at(size, share float64) (x, y float32) {
	a := plotArea
	return float32(a.Min.X) + float32(math.Log(size/p.from)/math.Log(p.to/p.from))*float32(a.Dx()), float32(a.Max.Y) - float32(share)*float32(a.Dy())
}

func (p *plot) axes(d *Detection, sizes []Bin, name string) {
	for share := 0.0; share <= 1.001; share += 0.1 {
		x0, y := p.at(p.from, share)
		x1, _ := p.at(p.to, share)
		p.line(x0, y, x1, y, 1, faint)
		p.write(int(x0)-48, int(y)+letterSize/3, fmt.Sprintf("%3.0f %%", 100*share))
	}
	for n := 0; n <= len(sizes); n++ {
		size := p.to
		if n < len(sizes) {
			size = sizes[n].From
		}
		x, y := p.at(size, 0)
		p.line(x, y, x, y+6, 1, ink)
		p.write(int(x)-12, int(y)+24, fmt.Sprintf("%.0f", size))
	}
	x0, y0 := p.at(p.from, 0)
	x1, y1 := p.at(p.to, 1)
	p.line(x0, y0, x1, y0, 1, ink)
	p.line(x0, y0, x0, y1, 1, ink)
	p.write(plotArea.Min.X, 36, fmt.Sprintf("Probability of detection: %d defects on %d wafers, %.2f false alarms a wafer", d.All.Injected, d.Wafers, d.FalsePerWafer()))
	p.write(plotArea.Min.X+plotArea.Dx()/2-80, curveHeight-20, name)
}

// curve joins the middles of the bins that have defects.
func (p *plot) curve(sizes []Bin, c color.RGBA, width float32, intervals bool) {
	var lastX, lastY float32
	drawn := false
	for _, b := range sizes {
		if b.Injected == 0 {
			continue
		}
		share, low, high := b.Capture()
		x, y := p.at(math.Sqrt(b.From*b.To), share)
		if drawn {
			p.line(lastX, lastY, x, y, width, c)
		}
		p.line(x-3, y, x+3, y, 6, c)
		if intervals {
			_, y0 := p.at(p.from, low)
			_, y1 := p.at(p.from, high)
			p.line(x, y0, x, y1, 1, c)
		}
		lastX, lastY, drawn = x, y, true
	}
}

func (p *plot) legend(n int, c color.RGBA, text string) {
	const line = letterSize + 6
	x, y := plotArea.Max.X-280, plotArea.Max.Y-24-n*line
	draw.Draw(p, image.Rect(x-8, y-letterSize, plotArea.Max.X-8, y-letterSize+line), image.NewUniform(paper), image.Point{}, draw.Src)
	p.line(float32(x), float32(y-5), float32(x+24), float32(y-5), 3, c)
	p.write(x+32, y, text)
}

// line draws a straight line of a width, pixels.
func (p *plot) line(x0, y0, x1, y1, width float32, c color.RGBA) {
	length := float32(math.Hypot(float64(x1-x0), float64(y1-y0)))
	if length == 0 {
		return
	}
	u, v := -(y1-y0)/length*width/2, (x1-x0)/length*width/2
	left, top := min(x0, x1)-width, min(y0, y1)-width
	part := image.Rect(int(left), int(top), int(max(x0, x1)+width)+1, int(max(y0, y1)+width)+1)
	dx, dy := float32(part.Min.X), float32(part.Min.Y)
	r := vector.NewRasterizer(part.Dx(), part.Dy())
	r.MoveTo(x0+u-dx, y0+v-dy)
	r.LineTo(x1+u-dx, y1+v-dy)
	r.LineTo(x1-u-dx, y1-v-dy)
	r.LineTo(x0-u-dx, y0-v-dy)
	r.ClosePath()
	r.Draw(p, part, image.NewUniform(c), image.Point{})
}

// write puts a text on its base line.
func (p *plot) write(x, y int, text string) {
	d := font.Drawer{Dst: p, Src: image.NewUniform(ink), Face: p.face, Dot: fixed.P(x, y)}
	d.DrawString(text)
}
