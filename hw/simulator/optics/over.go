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
	within := radius - bevelWidth - 1 // wholly wafer
	for y := range c.Height {
		row := c.Pix[y*c.Width : (y+1)*c.Width]
		dy := float64(y) + 0.5 - cy
		half := math.Sqrt(max(within*within-dy*dy, 0))
		from := min(max(int(cx-half), 0), c.Width)
		to := min(max(int(cx+half), from), c.Width)
		bevel(row[:from], 0.5-cx, dy, radius)
		bevel(row[to:], float64(to)+0.5-cx, dy, radius)
	}
}

// bevel draws the edge on a run of pixels, the first of which is (dx, dy) from
// the wafer's centre.
func bevel(row []uint16, dx, dy, radius float64) {
	for x := range row {
		u := dx + float64(x)
		inside := radius - math.Sqrt(u*u+dy*dy)
		rim := min(max(bevelWidth+0.5-inside, 0), 1)
		stage := min(max(0.5-inside, 0), 1)
		v := float64(row[x])*(1-rim) + bevelGrey*One*rim
		row[x] = uint16(v*(1-stage) + Stage*One*stage)
	}
}
