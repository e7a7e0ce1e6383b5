package simulator

import (
	"image"
	"math"
	"testing"
)

// product is what a motion program is made from in these tests.
type product struct {
	frameWidth, frameHeight int
	pixel, radius           float64 // µm
	dieWidth, dieHeight     int     // pixels
	pitchX, pitchY          float64 // pixels
	columns, rows           int     // dies in a field
}

func standard() product {
	return product{960, 800, 40, 100_000, 290, 240, 300, 250, 3, 3}
}

// tiny is for tests of the handshake, where pixels do not matter.
func tiny() product {
	return product{220, 216, 40, 15_500, 96, 96, 104, 102, 2, 2}
}

// small is a wafer of a few fields, for tests that run whole wafers.
func small() product {
	return product{320, 280, 40, 20_000, 140, 120, 150, 130, 2, 2}
}

// program works the product out as a plan does: whole dies inside an edge
// exclusion of 3 mm, fields in serpentine order.
func (p product) program() Program {
	out := Program{Width: p.frameWidth, Height: p.frameHeight, PixelSize: p.pixel, Radius: p.radius}
	reachX, reachY := int(p.radius/p.pixel/p.pitchX)+1, int(p.radius/p.pixel/p.pitchY)+1
	for top, line := reachY, 0; top >= -reachY; top, line = top-p.rows, line+1 {
		var run []Stop
		for left := -reachX; left <= reachX; left += p.columns {
			if s := p.stop(left, top); len(s.Dies) > 0 {
				run = append(run, s)
			}
		}
		if line%2 == 1 {
			for i, j := 0, len(run)-1; i < j; i, j = i+1, j-1 {
				run[i], run[j] = run[j], run[i]
			}
		}
		out.Stops = append(out.Stops, run...)
	}
	return out
}

func (p product) stop(left, top int) Stop {
	px, py := p.pitchX*p.pixel, p.pitchY*p.pixel
	s := Stop{X: (float64(left) + float64(p.columns-1)/2) * px, Y: (float64(top) - float64(p.rows-1)/2) * py}
	for r := range p.rows {
		for c := range p.columns {
			d := DieAt{Column: left + c, Row: top - r, X: float64(left+c) * px, Y: float64(top-r) * py}
			halfX, halfY := float64(p.dieWidth)*p.pixel/2, float64(p.dieHeight)*p.pixel/2
			if math.Hypot(math.Abs(d.X)+halfX, math.Abs(d.Y)+halfY) > p.radius-3000 {
				continue
			}
			x := int(math.Round(float64(p.frameWidth)/2 + (d.X-s.X)/p.pixel - float64(p.dieWidth)/2))
			y := int(math.Round(float64(p.frameHeight)/2 - (d.Y-s.Y)/p.pixel - float64(p.dieHeight)/2))
			d.Rect = image.Rect(x, y, x+p.dieWidth, y+p.dieHeight)
			s.Dies = append(s.Dies, d)
		}
	}
	return s
}

func scene(t testing.TB, o Options) *Scene {
	t.Helper()
	s, err := NewScene(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// alone leaves out, under the race detector, a test of arithmetic on one
// goroutine, which it would only make twenty times slower.
func alone(t *testing.T) {
	if raced {
		t.Skip("one goroutine: nothing to race")
	}
}
