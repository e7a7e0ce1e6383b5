package simulator

import (
	"fmt"
	"image"
	"math"
)

// Program is the motion program that the tool is given for a product: where it
// stops, and what it will see there. Wafer coordinates are micrometres from the
// wafer's centre, x to the right and y up; frame coordinates are pixels, y down.
type Program struct {
	Width, Height int     // of a frame, pixels
	PixelSize     float64 // µm on the wafer
	Radius        float64 // of the wafer, µm
	Stops         []Stop
}

// Stop is one position of the stage: one pulse, one frame.
type Stop struct {
	X, Y float64 // of the field's centre, µm
	Dies []DieAt
}

// DieAt is a die that a stop is made for.
type DieAt struct {
	Column, Row int
	X, Y        float64         // of the die's centre, µm
	Rect        image.Rectangle // where it should lie in the frame
}

// Index is a die's place in the grid, columns to the right and rows up.
type Index struct {
	Column int `json:"column"`
	Row    int `json:"row"`
}

// grid is what a program says about dies that it does not list: those only
// partly on the wafer or in the frame are drawn too.
type grid struct {
	width, height    int     // of a die, pixels
	pitchX, pitchY   float64 // µm
	originX, originY float64 // centre of die (0, 0), µm
	listed           map[Index]bool
}

// street is the assumed width between dies, in pixels, along an axis of which
// the program shows only one row or column.
const street = 10

func (p *Program) grid() (*grid, error) {
	if p.Width < 1 || p.Height < 1 || p.Width > 1<<14 || p.Height > 1<<14 {
		return nil, fmt.Errorf("simulator: frame of %d×%d pixels; want 1 to 16384 a side", p.Width, p.Height)
	}
	if !(p.PixelSize > 0) || !(p.Radius > 0) || math.IsInf(p.PixelSize, 0) || math.IsInf(p.Radius, 0) {
		return nil, fmt.Errorf("simulator: pixel size %v µm, wafer radius %v µm; want more than 0", p.PixelSize, p.Radius)
	}
	g := &grid{listed: map[Index]bool{}}
	var all []DieAt
	for _, s := range p.Stops {
		all = append(all, s.Dies...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("simulator: a program of %d stops without a die", len(p.Stops))
	}
	first := all[0]
	g.width, g.height = first.Rect.Dx(), first.Rect.Dy()
	g.pitchX, g.pitchY = p.PixelSize*float64(g.width+street), p.PixelSize*float64(g.height+street)
	for _, d := range all {
		if d.Column != first.Column {
			g.pitchX = (d.X - first.X) / float64(d.Column-first.Column)
		}
		if d.Row != first.Row {
			g.pitchY = (d.Y - first.Y) / float64(d.Row-first.Row)
		}
		g.listed[Index{d.Column, d.Row}] = true
	}
	g.originX, g.originY = first.X-float64(first.Column)*g.pitchX, first.Y-float64(first.Row)*g.pitchY
	return g, p.check(g)
}

// check reports the first die that does not fit the grid or its frame.
func (p *Program) check(g *grid) error {
	if !(g.pitchX >= p.PixelSize*float64(g.width-1)) || !(g.pitchY >= p.PixelSize*float64(g.height-1)) {
		return fmt.Errorf("simulator: die pitch %.1f × %.1f µm; less than a die of %d×%d pixels", g.pitchX, g.pitchY, g.width, g.height)
	}
	for n, s := range p.Stops {
		for _, d := range s.Dies {
			x, y := g.center(Index{d.Column, d.Row})
			if math.Abs(x-d.X) > p.PixelSize/2 || math.Abs(y-d.Y) > p.PixelSize/2 {
				return fmt.Errorf("simulator: stop %d: die (%d, %d) at (%.1f, %.1f) µm is off the grid of the others", n, d.Column, d.Row, d.X, d.Y)
			}
			cx, cy := p.place(s, d.X, d.Y)
			dx := cx - float64(d.Rect.Min.X+d.Rect.Max.X)/2
			dy := cy - float64(d.Rect.Min.Y+d.Rect.Max.Y)/2
			if math.Abs(dx) > 1 || math.Abs(dy) > 1 || d.Rect.Dx() != g.width || d.Rect.Dy() != g.height {
				return fmt.Errorf("simulator: stop %d: die (%d, %d) in rectangle %v; its centre is at (%.1f, %.1f) and its size %d×%d",
					n, d.Column, d.Row, d.Rect, cx, cy, g.width, g.height)
			}
		}
	}
	return nil
}

// place is where a point of the wafer should lie in a stop's frame.
func (p *Program) place(s Stop, x, y float64) (fx, fy float64) {
	return float64(p.Width)/2 + (x-s.X)/p.PixelSize, float64(p.Height)/2 - (y-s.Y)/p.PixelSize
}

func (g *grid) center(i Index) (x, y float64) {
	return g.originX + float64(i.Column)*g.pitchX, g.originY + float64(i.Row)*g.pitchY
}

// around lists the dies whose cells may show in a stop's frame.
func (g *grid) around(p *Program, s Stop) []Index {
	const slack = 8 // pixels: jitter and rotation
	halfX := (float64(p.Width)/2 + slack) * p.PixelSize
	halfY := (float64(p.Height)/2 + slack) * p.PixelSize
	left, right := math.Round((s.X-halfX-g.originX)/g.pitchX), math.Round((s.X+halfX-g.originX)/g.pitchX)
	low, high := math.Round((s.Y-halfY-g.originY)/g.pitchY), math.Round((s.Y+halfY-g.originY)/g.pitchY)
	var dies []Index
	for row := int(high); row >= int(low); row-- {
		for column := int(left); column <= int(right); column++ {
			dies = append(dies, Index{column, row})
		}
	}
	return dies
}
