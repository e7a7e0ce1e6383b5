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
	"math"

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
	// of the triggers. It serves recorded images and bare wafers.
	Sequence Kind = "sequence"
)

// Layout is the geometry of a product's wafer under the camera.
type Layout struct {
	// Kind is "grid" for a wafer of dies, or "sequence" where each field stands
	// for itself. The other fields, PixelSize aside, are for a grid.
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
	// OffsetX and OffsetY place the centre of die (0, 0) from the wafer's centre.
	OffsetX length.Length `toml:"offset_x"`
	OffsetY length.Length `toml:"offset_y"`
	// Notch is where the notch points: down, left, up or right.
	Notch Orientation `toml:"notch"`
	// FieldColumns and FieldRows are how many dies one camera frame shows.
	FieldColumns int `toml:"field_columns"`
	FieldRows    int `toml:"field_rows"`
	// Path is the order of the fields: serpentine or raster.
	Path Path `toml:"path"`
	// PixelSize is the width of one camera pixel on the wafer.
	PixelSize length.Length `toml:"pixel_size"`
}

// Limits of a layout. A grid beyond maxDies is a mistyped pitch.
const (
	minDiameter  = 25 * length.Millimetre
	maxDiameter  = 450 * length.Millimetre
	maxDies      = 200_000
	maxFieldSide = 64
)

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

// Check reports the first value that makes no sense, by its name.
func (l Layout) Check() error {
	if l.PixelSize <= 0 {
		return fmt.Errorf("pixel_size: %v; want more than 0", l.PixelSize)
	}
	switch l.Kind {
	case Sequence:
		return nil
	case DieGrid:
		return l.checkGrid()
	default:
		return fmt.Errorf("kind: %q; want %q or %q", l.Kind, DieGrid, Sequence)
	}
}

func (l Layout) checkGrid() error {
	switch {
	case l.Diameter < minDiameter || l.Diameter > maxDiameter:
		return fmt.Errorf("diameter: %v; want %v to %v", l.Diameter, minDiameter, maxDiameter)
	case l.EdgeExclusion < 0 || l.EdgeExclusion >= l.Diameter/2:
		return fmt.Errorf("edge_exclusion: %v; want 0 to less than half the diameter (%v)", l.EdgeExclusion, l.Diameter/2)
	case l.PitchX <= 0 || l.PitchX > l.Diameter:
		return fmt.Errorf("pitch_x: %v; want more than 0 and at most the diameter (%v)", l.PitchX, l.Diameter)
	case l.PitchY <= 0 || l.PitchY > l.Diameter:
		return fmt.Errorf("pitch_y: %v; want more than 0 and at most the diameter (%v)", l.PitchY, l.Diameter)
	case l.DieWidth <= 0 || l.DieWidth > l.PitchX:
		return fmt.Errorf("die_width: %v; want more than 0 and at most pitch_x (%v)", l.DieWidth, l.PitchX)
	case l.DieHeight <= 0 || l.DieHeight > l.PitchY:
		return fmt.Errorf("die_height: %v; want more than 0 and at most pitch_y (%v)", l.DieHeight, l.PitchY)
	case l.FieldColumns < 1 || l.FieldColumns > maxFieldSide:
		return fmt.Errorf("field_columns: %d; want 1 to %d", l.FieldColumns, maxFieldSide)
	case l.FieldRows < 1 || l.FieldRows > maxFieldSide:
		return fmt.Errorf("field_rows: %d; want 1 to %d", l.FieldRows, maxFieldSide)
	case l.Path != Serpentine && l.Path != Raster:
		return fmt.Errorf("path: %q; want %q or %q", l.Path, Serpentine, Raster)
	case l.Notch != Down && l.Notch != Left && l.Notch != Up && l.Notch != Right:
		return fmt.Errorf("notch: %q; want down, left, up or right", l.Notch)
	}
	if n := float64(l.Diameter/l.PitchX) * float64(l.Diameter/l.PitchY); n > maxDies {
		return fmt.Errorf("pitch_x, pitch_y: %v × %v make %.0f dies; limit is %d", l.PitchX, l.PitchY, n, maxDies)
	}
	return nil
}

// DiePixels is the size of a die in camera pixels, rounded.
func (l Layout) DiePixels() (width, height int) {
	return int(math.Round(float64(l.DieWidth / l.PixelSize))), int(math.Round(float64(l.DieHeight / l.PixelSize)))
}

// FieldPixels is the least frame that holds a field with all its streets.
func (l Layout) FieldPixels() (width, height int) {
	return int(math.Ceil(float64(l.PitchX/l.PixelSize) * float64(l.FieldColumns))),
		int(math.Ceil(float64(l.PitchY/l.PixelSize) * float64(l.FieldRows)))
}
