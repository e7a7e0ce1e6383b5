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
	paper = color.RGBA{0xff, 0xff, 0xff, 0xff}
	ink   = color.RGBA{0x22, 0x22, 0x22, 0xff}
	faint = color.RGBA{0xdd, 0xdd, 0xdd, 0xff}
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
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	// At 72 dots an inch a point is a pixel.
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: letterSize, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil, err
	}
	defer face.Close()
	p := &plot{image.NewRGBA(image.Rect(0, 0, curveWidth, curveHeight)), face, d.Sizes[0].From, d.Sizes[len(d.Sizes)-1].To}
	draw.Draw(p, p.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	p.axes(d)
	p.curve(d.Sizes, ink, 5, true)
	for n, band := range d.Contrasts {
		p.curve(band.Sizes, bandColours[n%len(bandColours)], 2, false)
	}
	p.legend(0, ink, "all, with 95 % intervals")
	for n, band := range d.Contrasts {
		p.legend(n+1, bandColours[n%len(bandColours)], fmt.Sprintf("contrast %.0f to %.0f grey levels", band.From, band.To))
	}
	return p.RGBA, nil
}

// at is where a size and a probability lie, pixels. Sizes are drawn by their
// logarithm, over which detection rises as a logistic curve.
func (p *plot) at(size, share float64) (x, y float32) {
	a := plotArea
	return float32(a.Min.X) + float32(math.Log(size/p.from)/math.Log(p.to/p.from))*float32(a.Dx()), float32(a.Max.Y) - float32(share)*float32(a.Dy())
}

func (p *plot) axes(d *Detection) {
	for share := 0.0; share <= 1.001; share += 0.1 {
		x0, y := p.at(p.from, share)
		x1, _ := p.at(p.to, share)
		p.line(x0, y, x1, y, 1, faint)
		p.write(int(x0)-48, int(y)+letterSize/3, fmt.Sprintf("%3.0f %%", 100*share))
	}
	for n := 0; n <= len(d.Sizes); n++ {
		size := p.to
		if n < len(d.Sizes) {
			size = d.Sizes[n].From
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
	p.write(plotArea.Min.X+plotArea.Dx()/2-80, curveHeight-20, "size of the defect, µm")
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
