package optics

import (
	"image"
	"math"
)

// Cover lays something over a die: cover tells how much of each place, in the
// die's coordinates, it hides, 0 to 1.
func (c *Canvas) Cover(pose *Pose, part image.Rectangle, grey float64, cover func(x, y float64) float64) {
	part = part.Intersect(c.Bounds())
	grey *= One * float64(pose.Gain) / 4096
	for y := part.Min.Y; y < part.Max.Y; y++ {
		row := c.Pix[y*c.Width:]
		for x := part.Min.X; x < part.Max.X; x++ {
			u, v := pose.ToDie(float64(x)+0.5, float64(y)+0.5)
			if a := cover(u, v); a > 0 {
				row[x] = uint16(math.Round(float64(row[x])*(1-a) + grey*a))
			}
		}
	}
}

// The wafer's edge: a bright bevel, then nothing.
const (
	bevelGrey  = 132
	bevelWidth = 10 // pixels
)

// Edge takes away what lies outside a wafer whose centre is at (cx, cy) in the
// frame, with a radius in pixels.
func (c *Canvas) Edge(cx, cy, radius float64) {
	far := math.Hypot(max(cx, float64(c.Width)-cx), max(cy, float64(c.Height)-cy))
	if far < radius-bevelWidth-1 {
		return
	}
	for y := range c.Height {
		row := c.Pix[y*c.Width : (y+1)*c.Width]
		dy := float64(y) + 0.5 - cy
		if furthest := max(cx, float64(c.Width)-cx); math.Hypot(furthest, dy) < radius-bevelWidth-1 {
			continue
		}
		for x := range row {
			inside := radius - math.Hypot(float64(x)+0.5-cx, dy)
			if inside > bevelWidth+1 {
				continue
			}
			bevel := min(max(bevelWidth+0.5-inside, 0), 1)
			stage := min(max(0.5-inside, 0), 1)
			v := float64(row[x])*(1-bevel) + bevelGrey*One*bevel
			row[x] = uint16(v*(1-stage) + Stage*One*stage)
		}
	}
}
