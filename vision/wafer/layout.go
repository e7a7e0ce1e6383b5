// Package wafer knows how dies and camera fields lie on a wafer, and what the
// dies' bins say of it.
//
// Wafer coordinates have their origin at the wafer's centre, x to the right and
// y up, with the notch where the layout says it is. Die indices count die
// pitches from the reference die (0, 0), columns to the right and rows up, as
// KLARF's XINDEX and YINDEX do. Frame coordinates are pixels, y down.
package wafer

import (
	"fmt"
	"image"

	"kensa/vision/length"
)

// Orientation says where the notch or flat is when the wafer lies on the chuck.
type Orientation string

// Orientations of the notch.
const (
	Down  Orientation = "down"
	Left  Orientation = "left"
	Up    Orientation = "up"
	Right Orientation = "right"
)

// Path is the order in which the stage visits the fields.
type Path string

// Paths. Both start with the top row at its left end.
const (
	Serpentine Path = "serpentine" // every second row is run backwards
	Raster     Path = "raster"     // every row from left to right
)

// Kind says what the fields of a recipe cover.
type Kind string

// Kinds of layout.
const (
	// DieGrid is a round wafer of equal dies, several of them in a field.
	DieGrid Kind = "grid"
	// Sequence has no wafer geometry: each field counts as one die, in the order
	// of the triggers, field n as die (n, 0). It serves recorded images and bare
	// wafers.
	Sequence Kind = "sequence"
)

// Layout is the geometry of a product's wafer under the camera.
type Layout struct {
	// Kind is "grid" for a wafer of dies, or "sequence" where each field stands
	// for itself. The other fields, PixelSize aside, are for a grid; in a sequence
	// ForFrame sets the die's size.
	Kind Kind `toml:"kind"`
	// Diameter of the wafer, 25 mm to 450 mm.
	Diameter length.Length `toml:"diameter"`
	// EdgeExclusion is the width of the outer ring in which no die counts.
	EdgeExclusion length.Length `toml:"edge_exclusion"`
	// PitchX and PitchY are the distances between equal points of neighbouring dies.
	PitchX length.Length `toml:"pitch_x"`
	PitchY length.Length `toml:"pitch_y"`
	// DieWidth and DieHeight are the inspected part of a die, at most the pitch;
	// the rest is street.
	DieWidth  length.Length `toml:"die_width"`
	DieHeight length.Length `toml:"die_height"`
	// OffsetX and OffsetY place the centre of die (0, 0) from the wafer's centre,
	// at most the diameter away.
	OffsetX length.Length `toml:"offset_x"`
	OffsetY length.Length `toml:"offset_y"`
	// Notch is where the notch points: down, left, up or right.
	Notch Orientation `toml:"notch"`
	// FieldColumns and FieldRows are how many dies one camera frame shows.
	FieldColumns int `toml:"field_columns"`
	FieldRows    int `toml:"field_rows"`
	// Path is the order of the fields: serpentine or raster.
	Path Path `toml:"path"`
	// PixelSize is the width of one camera pixel on the wafer, 1 nm to 1 mm.
	PixelSize length.Length `toml:"pixel_size"`
	// PixelSizeUncertainty is the expanded uncertainty (k = 2) of pixel_size, as
	// its calibration states it; less than pixel_size. 0 means that it is not
	// known and left out of the uncertainty of sizes.
	PixelSizeUncertainty length.Length `toml:"pixel_size_uncertainty"`
}

// DieIndex is a die's place in the grid, in pitches from die (0, 0).
type DieIndex struct{ Column, Row int }

// String prints the index as (column, row).
func (i DieIndex) String() string { return fmt.Sprintf("(%d, %d)", i.Column, i.Row) }

// Point is a place on the wafer, from its centre, y up.
type Point struct{ X, Y length.Length }

// Die is a whole die within the edge exclusion.
type Die struct {
	Index  DieIndex
	Center Point
}

// FieldDie is a die as it lies in a field's frame.
type FieldDie struct {
	Die  int // its place in Plan.Dies
	Rect image.Rectangle
}

// Field is one stop of the stage.
type Field struct {
	Number int // from 0, in the order of the triggers
	Center Point
	Dies   []FieldDie
}

// DieCenter is the centre of a die, whether or not it lies on the wafer.
func (l Layout) DieCenter(i DieIndex) Point {
	return Point{l.OffsetX + length.Length(i.Column)*l.PitchX, l.OffsetY + length.Length(i.Row)*l.PitchY}
}

// ForFrame is the layout with what the size of a frame, in pixels, decides: in
// a sequence the whole frame is the die, and dies lie side by side. A grid stays
// as it is.
func (l Layout) ForFrame(width, height int) Layout {
	if l.Kind == Sequence {
		l.DieWidth, l.DieHeight = length.Length(width)*l.PixelSize, length.Length(height)*l.PixelSize
		l.PitchX, l.PitchY = l.DieWidth, l.DieHeight
	}
	return l
}
