package defect

import (
	"image"
	"math"
)

// Run is a stretch of pixels of one row that lie beyond their limits. What is
// summed is a pixel's weight: by how many grey levels it is beyond its limit,
// at least 1.
type Run struct {
	Y, X0, X1 int     // row; first column; the column after the last
	Bright    int     // pixels above their limit; the others are below
	Weight    int64   // sum of the weights
	MomentX   int64   // sum of weight × (x − X0)
	Peak      float32 // greatest deviation from the expected value, standard deviations
}

// Blob is a set of runs that belong together. Pixel centres have whole
// coordinates.
type Blob struct {
	Box    image.Rectangle // half open
	CX, CY float64         // centroid by weight
	Area   int             // pixels
	Bright int             // of them, above their limit
	Weight int64
	Peak   float64 // greatest deviation, standard deviations
	Runs   []Run   // by row, then column
}

// mixedShare is the least share of either polarity in a blob that is Mixed.
const mixedShare = 0.25

// Polarity is Mixed where a quarter or more of the pixels differ from the rest.
func (b Blob) Polarity() Polarity {
	switch share := float64(b.Bright) / float64(b.Area); {
	case share > 1-mixedShare:
		return Bright
	case share < mixedShare:
		return Dark
	}
	return Mixed
}

// Defect is the blob as a finding without a class.
func (b Blob) Defect() Defect {
	return Defect{Box: b.Box, CX: b.CX, CY: b.CY, Area: b.Area,
		Class: Unclassified, Polarity: b.Polarity(), Contrast: b.Peak}
}

// measure fills in what follows from the runs.
func (b Blob) measure() Blob {
	first := b.Runs[0]
	b.Box = image.Rect(first.X0, first.Y, first.X1, first.Y+1)
	var sumX, sumY int64
	for _, r := range b.Runs {
		b.Box.Min.X, b.Box.Max.X = min(b.Box.Min.X, r.X0), max(b.Box.Max.X, r.X1)
		b.Box.Max.Y = r.Y + 1
		b.Area += r.X1 - r.X0
		b.Bright += r.Bright
		b.Weight += r.Weight
		sumX += r.MomentX + int64(r.X0)*r.Weight
		sumY += int64(r.Y) * r.Weight
		b.Peak = max(b.Peak, float64(r.Peak))
	}
	b.CX, b.CY = float64(sumX)/float64(b.Weight), float64(sumY)/float64(b.Weight)
	return b
}

// Axes are the length and the width of the ellipse that has the blob's second
// moments, in pixels: for a filled rectangle 2/√3 of its sides.
func (b Blob) Axes() (length, width float64) {
	var n, sx, sy, xx, xy, yy float64
	for _, r := range b.Runs {
		k := float64(r.X1 - r.X0)
		x, y := float64(r.X0-b.Box.Min.X)+(k-1)/2, float64(r.Y-b.Box.Min.Y)
		n, sx, sy = n+k, sx+k*x, sy+k*y
		xx, xy, yy = xx+k*(x*x+(k*k-1)/12), xy+k*x*y, yy+k*y*y
	}
	// A pixel is a square of side 1, which adds its own second moment of 1/12.
	xx, xy, yy = xx/n-sx*sx/(n*n)+1.0/12, xy/n-sx*sy/(n*n), yy/n-sy*sy/(n*n)+1.0/12
	middle, spread := (xx+yy)/2, math.Hypot((xx-yy)/2, xy)
	return 4 * math.Sqrt(middle+spread), 4 * math.Sqrt(max(0, middle-spread))
}
