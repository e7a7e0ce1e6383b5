package wafer

import (
	"image"
	"math"

	"kensa/vision/defect"
	"kensa/vision/length"
)

// snap takes a number of pixels that misses a whole one by rounding only, as
// 324.7/0.3247 does, for what is meant.
func snap(pixels float64) float64 {
	if whole := math.Round(pixels); math.Abs(pixels-whole) < 1e-6 {
		return whole
	}
	return pixels
}

func (l Layout) pixels(d length.Length) float64 { return snap(float64(d / l.PixelSize)) }

// DiePixels is the size of a die in whole camera pixels. Part of a pixel is
// left out, so that dies without a street between them do not overlap.
func (l Layout) DiePixels() (width, height int) {
	return int(l.pixels(l.DieWidth)), int(l.pixels(l.DieHeight))
}

// OnDie is a region of the die in pixels of its rectangle, every pixel that it
// touches. corner is the region's lower left corner, from the die's. The die's
// centre is the rectangle's, as in Locate.
func (l Layout) OnDie(corner Point, width, height length.Length) image.Rectangle {
	w, h := l.DiePixels()
	x := float64(w)/2 + l.pixels(corner.X-l.DieWidth/2)
	y := float64(h)/2 - l.pixels(corner.Y-l.DieHeight/2)
	first := func(v float64) int { return int(math.Floor(snap(v))) }
	end := func(v float64) int { return int(math.Ceil(snap(v))) }
	r := image.Rect(first(x), first(y-l.pixels(height)), end(x+l.pixels(width)), end(y))
	return r.Intersect(image.Rect(0, 0, w, h))
}

// FieldPixels is the least frame that holds a field with all its streets.
func (l Layout) FieldPixels() (width, height int) {
	return int(math.Ceil(snap(l.pixels(l.PitchX) * float64(l.FieldColumns)))),
		int(math.Ceil(snap(l.pixels(l.PitchY) * float64(l.FieldRows))))
}

// rect is where the die in a column and row of its field, from the top left,
// should lie in a frame of width × height, rounded to whole pixels.
func (l Layout) rect(column, row, width, height int) image.Rectangle {
	w, h := l.DiePixels()
	x := place(column, l.FieldColumns, l.pixels(l.PitchX), width, w)
	y := place(row, l.FieldRows, l.pixels(l.PitchY), height, h)
	return image.Rect(x, y, x+w, y+h)
}

// place is the first pixel of the nth of so many dies along one side of a frame
// that they share the centre of.
func place(n, of int, pitch float64, frame, die int) int {
	fromCentre := (float64(n) - float64(of-1)/2) * pitch
	return int(math.Round(float64(frame)/2 + fromCentre - float64(die)/2))
}

// Spot is where a defect lies.
type Spot struct {
	OnDie         Point         // its centroid, from the die's lower left corner
	OnWafer       Point         // its centroid, from the wafer's centre; of no meaning in a sequence
	Width, Height length.Length // of its box
	// Size is the longer side of the smallest rectangle, of any orientation, that
	// holds its outline at half of its contrast; Uncertainty is half of the
	// interval about it that holds the true length with 95 % probability. Both are
	// 0 where it could not be measured.
	Size, Uncertainty length.Length
}

// size is a defect's, with what the scale's uncertainty adds: the two are
// independent, so that their squares add up.
func (l Layout) size(m defect.Measures) (size, uncertainty length.Length) {
	size = length.Length(m.Size) * l.PixelSize
	scale := m.Size * float64(l.PixelSizeUncertainty)
	return size, length.Length(math.Hypot(m.SizeUncertainty*float64(l.PixelSize), scale))
}

// Locate turns a defect's place in a frame into one on the wafer. rect is where
// the die was expected in the frame, (dx, dy) how far from there it was found,
// in pixels, x to the right and y down. As in the defect's centroid, a pixel's
// centre has whole coordinates; its left edge is half a pixel before.
func (l Layout) Locate(die DieIndex, rect image.Rectangle, dx, dy float64, d defect.Defect) Spot {
	width, height := l.DieWidth, l.DieHeight
	if l.Kind == Sequence { // frames may differ in size
		width, height = length.Length(rect.Dx())*l.PixelSize, length.Length(rect.Dy())*l.PixelSize
	}
	// From the die's centre, which is the rectangle's also where the rectangle
	// is a part of a pixel smaller than the die.
	x := d.CX + 0.5 - dx - float64(rect.Min.X+rect.Max.X)/2
	y := d.CY + 0.5 - dy - float64(rect.Min.Y+rect.Max.Y)/2
	right, up := length.Length(x)*l.PixelSize, -length.Length(y)*l.PixelSize
	c := l.DieCenter(die)
	size, uncertainty := l.size(d.Measures)
	return Spot{
		Size: size, Uncertainty: uncertainty,
		OnDie:   Point{width/2 + right, height/2 + up},
		OnWafer: Point{c.X + right, c.Y + up},
		Width:   length.Length(d.Box.Dx()) * l.PixelSize,
		Height:  length.Length(d.Box.Dy()) * l.PixelSize,
	}
}
