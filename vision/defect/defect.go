// Package defect describes what an inspection finds: where, how large, of what
// class, and how sure.
package defect

import "image"

// Class names a kind of defect. The names are part of the result formats
// (JSON, KLARF's ClassLookup, MQTT) and never change.
type Class string

// Classes of pattern defects, by topology against the golden die, and of
// unpatterned ones, by measures.
const (
	Unclassified Class = "unclassified"

	Open      Class = "open"      // a line that is cut
	Short     Class = "short"     // two lines that touch
	MouseBite Class = "mousebite" // material missing from an edge
	Spur      Class = "spur"      // material added to an edge
	Copper    Class = "copper"    // an island of material where none belongs
	PinHole   Class = "pin-hole"  // a hole inside material

	Particle Class = "particle"
	Scratch  Class = "scratch"
	Stain    Class = "stain"
	Chip     Class = "chip" // material broken from the wafer's edge
)

// Classes lists every class in the order of its KLARF class number, which is
// its index. Append only.
var Classes = []Class{Unclassified, Open, Short, MouseBite, Spur, Copper, PinHole, Particle, Scratch, Stain, Chip}

// Number is the class's KLARF class number; an unknown class is Unclassified's 0.
func (c Class) Number() int {
	for i, known := range Classes {
		if c == known {
			return i
		}
	}
	return 0
}

// Polarity tells whether a defect is darker or brighter than what it should be.
type Polarity string

// Polarities. Mixed has parts of both.
const (
	Dark   Polarity = "dark"
	Bright Polarity = "bright"
	Mixed  Polarity = "mixed"
)

// Defect is one finding, in pixels of the inspected image.
type Defect struct {
	Box      image.Rectangle // half open: Max is outside
	CX, CY   float64         // centroid, weighted by the excess over the limit
	Area     int             // pixels beyond the limit
	Class    Class
	Polarity Polarity
	// Confidence that it is a defect of this class, 0 to 1.
	Confidence float64
	// Contrast is the greatest deviation from the expected grey value in
	// standard deviations of the good image there; never negative.
	Contrast float64
	Measures Measures
}

// Translate moves the defect by (dx, dy) pixels.
func (d Defect) Translate(dx, dy int) Defect {
	d.Box = d.Box.Add(image.Pt(dx, dy))
	d.CX += float64(dx)
	d.CY += float64(dy)
	return d
}
