// Package die draws products that do not exist: the metal, wells and pads of
// dies in several layouts, as geometry.
//
// Coordinates are camera pixels at the nominal magnification, from the die's top
// left corner, x to the right and y down. Geometry is rasterised Fine times
// finer than the camera sees it.
package die

import (
	"fmt"
	"image"
	"slices"
)

// Fine is how many raster cells a camera pixel has along each side.
const Fine = 8

// Material is what covers a place of the die.
type Material uint8

// Materials. Gap and Bridge are where a flaw has removed metal or added it.
const (
	Street Material = iota
	Substrate
	Well
	Fill // dummy tiles below the metal
	Gap
	Metal
	Pad
	Bridge
	materials
)

// Greys are 8-bit grey values by material.
type Greys [materials]float64

// Grey is what a die without flaws looks like. Metal stands out from everything
// under it by at least 70.
var Grey = Greys{Street: 92, Substrate: 56, Well: 72, Fill: 84, Gap: 56, Metal: 166, Pad: 198, Bridge: 166}

// Conducts tells the materials that carry current: what the classes of pattern
// defects are about.
func (m Material) Conducts() bool { return m >= Metal }

// Shape is a rectangle, or the ellipse within it.
type Shape struct {
	X0, Y0, X1, Y1 float64
	Material       Material
	Round          bool
}

// Width and Height of the shape.
func (s Shape) Width() float64  { return s.X1 - s.X0 }
func (s Shape) Height() float64 { return s.Y1 - s.Y0 }

// grown is the shape with conducting edges moved outwards by bias pixels, as an
// over- or underexposed resist does.
func (s Shape) grown(bias float64) Shape {
	if s.Material.Conducts() {
		s.X0, s.Y0, s.X1, s.Y1 = s.X0-bias, s.Y0-bias, s.X1+bias, s.Y1+bias
	}
	return s
}

// Design is one product's die and the street around it.
type Design struct {
	Name          string
	Width, Height int // of the die, camera pixels
	shapes        []Shape
}

// Limits of a die's size in camera pixels: a layout needs room for its parts,
// and a die beyond the largest sensor is a mistake.
const (
	MinSide = 96
	MaxSide = 4096
)

// Layouts names the products, the default one first.
var Layouts = []string{"memory", "logic", "power", "sensor"}

// New draws a layout for dies of width × height camera pixels.
func New(layout string, width, height int) (*Design, error) {
	if !slices.Contains(Layouts, layout) {
		return nil, fmt.Errorf("die: layout %q; known: %v", layout, Layouts)
	}
	if min(width, height) < MinSide || max(width, height) > MaxSide {
		return nil, fmt.Errorf("die: %d×%d pixels; want %d to %d a side", width, height, MinSide, MaxSide)
	}
	d := &Design{Name: layout, Width: width, Height: height}
	p := &pen{w: float64(width), h: float64(height)}
	p.rect(0, 0, p.w, p.h, Substrate)
	switch layout {
	case "memory":
		memory(p)
	case "logic":
		logic(p)
	case "power":
		power(p)
	case "sensor":
		sensor(p)
	}
	d.shapes = p.shapes
	return d, nil
}

// Shapes returns the geometry in the order in which it is painted.
func (d *Design) Shapes() []Shape { return d.shapes }

// Raster paints the part of the die within r (camera pixels, which may reach
// beyond the die into the street), conducting edges moved outwards by bias
// pixels. What lies outside the die is street, whatever the bias.
func (d *Design) Raster(r image.Rectangle, bias float64) *Raster {
	m := NewRaster(r)
	for _, s := range d.shapes {
		m.Paint(s.grown(bias))
	}
	return m
}
