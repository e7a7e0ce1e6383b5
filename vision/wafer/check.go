package wafer

import (
	"fmt"

	"kensa/vision/length"
)

// Limits of a layout. A grid beyond maxDies is a mistyped pitch.
const (
	minDiameter   = 25 * length.Millimetre
	maxDiameter   = 450 * length.Millimetre
	minPixel      = length.Nanometre
	maxPixel      = length.Millimetre
	maxDies       = 200_000
	maxFieldSide  = 64      // dies
	minDiePixels  = 8       // less shows nothing that could be registered
	maxFramePixel = 1 << 16 // along a side; no sensor has more
)

// Check reports the first value that makes no sense, by its name. NaN fails
// every limit.
func (l Layout) Check() error {
	if !within(l.PixelSize, minPixel, maxPixel) {
		return fmt.Errorf("pixel_size: %v; want %v to %v", l.PixelSize, minPixel, maxPixel)
	}
	if !(l.PixelSizeUncertainty >= 0 && l.PixelSizeUncertainty < l.PixelSize) {
		return fmt.Errorf("pixel_size_uncertainty: %v; want 0 to less than pixel_size, %v", l.PixelSizeUncertainty, l.PixelSize)
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

func within(v, least, most length.Length) bool { return v >= least && v <= most }

func positive(v, most length.Length) bool { return v > 0 && v <= most }

func (l Layout) checkGrid() error {
	switch {
	case !within(l.Diameter, minDiameter, maxDiameter):
		return fmt.Errorf("diameter: %v; want %v to %v", l.Diameter, minDiameter, maxDiameter)
	case !(l.EdgeExclusion >= 0 && l.EdgeExclusion < l.Diameter/2):
		return fmt.Errorf("edge_exclusion: %v; want 0 to less than half the diameter (%v)", l.EdgeExclusion, l.Diameter/2)
	case !positive(l.PitchX, l.Diameter):
		return fmt.Errorf("pitch_x: %v; want more than 0 and at most the diameter (%v)", l.PitchX, l.Diameter)
	case !positive(l.PitchY, l.Diameter):
		return fmt.Errorf("pitch_y: %v; want more than 0 and at most the diameter (%v)", l.PitchY, l.Diameter)
	case !positive(l.DieWidth, l.PitchX):
		return fmt.Errorf("die_width: %v; want more than 0 and at most pitch_x (%v)", l.DieWidth, l.PitchX)
	case !positive(l.DieHeight, l.PitchY):
		return fmt.Errorf("die_height: %v; want more than 0 and at most pitch_y (%v)", l.DieHeight, l.PitchY)
	case !within(l.OffsetX, -l.Diameter, l.Diameter):
		return fmt.Errorf("offset_x: %v; want no further than the diameter (%v)", l.OffsetX, l.Diameter)
	case !within(l.OffsetY, -l.Diameter, l.Diameter):
		return fmt.Errorf("offset_y: %v; want no further than the diameter (%v)", l.OffsetY, l.Diameter)
	case l.FieldColumns < 1 || l.FieldColumns > maxFieldSide:
		return fmt.Errorf("field_columns: %d; want 1 to %d", l.FieldColumns, maxFieldSide)
	case l.FieldRows < 1 || l.FieldRows > maxFieldSide:
		return fmt.Errorf("field_rows: %d; want 1 to %d", l.FieldRows, maxFieldSide)
	case l.Path != Serpentine && l.Path != Raster:
		return fmt.Errorf("path: %q; want %q or %q", l.Path, Serpentine, Raster)
	case l.Notch != Down && l.Notch != Left && l.Notch != Up && l.Notch != Right:
		return fmt.Errorf("notch: %q; want down, left, up or right", l.Notch)
	}
	return l.checkSizes()
}

// checkSizes holds sound values against each other.
func (l Layout) checkSizes() error {
	if n := float64(l.Diameter/l.PitchX) * float64(l.Diameter/l.PitchY); n > maxDies {
		return fmt.Errorf("pitch_x, pitch_y: %v × %v make %.0f dies; limit is %d", l.PitchX, l.PitchY, n, maxDies)
	}
	w, h := l.pixels(l.PitchX)*float64(l.FieldColumns), l.pixels(l.PitchY)*float64(l.FieldRows)
	if w > maxFramePixel || h > maxFramePixel {
		return fmt.Errorf("pixel_size: %v makes a field of %.0f×%.0f pixels; limit is %d a side", l.PixelSize, w, h, maxFramePixel)
	}
	if w, h := l.DiePixels(); w < minDiePixels || h < minDiePixels {
		return fmt.Errorf("pixel_size: %v makes a die of %d×%d pixels; want at least %d a side", l.PixelSize, w, h, minDiePixels)
	}
	return nil
}
