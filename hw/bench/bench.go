// Package bench is the station as a field engineer uses it: a camera, a light, a
// stage and something to look at, set one step after another, without a tool
// that runs lots.
//
// Lengths are in the stage's coordinates: x and y in the plane of the wafer, z
// along the optical axis, growing towards the lens. Times are on one clock, that
// of the trigger line.
package bench

import (
	"context"
	"fmt"
	"time"

	"periph.io/x/conn/v3/physic"

	"kensa/hw/camera"
)

// Target names what lies under the lens. A bench or a person puts it there.
type Target string

// Targets that procedures ask for.
const (
	// Any leaves what is there.
	Any Target = ""
	// Cover keeps all light from the sensor: a closed shutter, a cap on the lens.
	Cover Target = "cover"
	// Mirror is an even, bare, defect-free surface that fills the view.
	Mirror Target = "mirror"
	// Chessboard is a plate with squares of known pitch.
	Chessboard Target = "chessboard"
	// Circles is a plate with dots in a square grid of known pitch.
	Circles Target = "circles"
	// Edge is a straight edge, slanted by about 5° against the pixel rows.
	Edge Target = "edge"
	// Wafer is a wafer of the recipe's product.
	Wafer Target = "wafer"
	// Good is a wafer of the recipe's product whose dies are known to be good.
	Good Target = "good"
	// Standard is a standard-defect wafer: one of the recipe's product whose defects
	// are known.
	Standard Target = "standard"
	// Blinker is a light that flashes with the trigger pulse.
	Blinker Target = "blinker"
)

// Lay is how a person puts the target there: an imperative sentence without its
// full stop.
func (t Target) Lay() string {
	switch t {
	case Cover:
		return "put the cap on the lens, or close the shutter"
	case Mirror:
		return "lay the mirror wafer under the lens"
	case Chessboard:
		return "lay the chessboard plate under the lens"
	case Circles:
		return "lay the plate of dots under the lens"
	case Edge:
		return "lay the slanted edge under the lens"
	case Wafer:
		return "lay a wafer of the recipe's product under the lens"
	case Good:
		return "load a known-good wafer of the recipe's product"
	case Standard:
		return "load the standard-defect wafer"
	case Blinker:
		return "put the blinking light under the lens, on the trigger's strobe output"
	}
	return "leave under the lens what is there"
}

// Setting is what an exposure needs. Fields that are zero are set so, save
// Target, where Any leaves what is there.
type Setting struct {
	Target Target
	// Piece tells several of a target apart, such as good wafers, from 1; 0 where
	// there is one only. Another Loading than before takes the target off and lays it
	// down again.
	Piece, Loading int
	// Light is the part of the light's full current, 0 to 1.
	Light float64
	// Exposure of the sensor.
	Exposure time.Duration
	// X, Y, Z of the stage. It carries the target: under the lens is what lies at
	// −X, −Y from the target's middle, x to the right and y down in the frame.
	X, Y, Z physic.Distance
	// ViaX and ViaY are where the stage comes from in its last bit of way, against X and
	// Y: a place is approached from one side. Both 0: as it comes.
	ViaX, ViaY physic.Distance
	// Turn of the target in its plane, and its tilt about the x and y axes, where a
	// person lays a plate.
	Turn, TiltX, TiltY physic.Angle
	// FlashDelay and Flash are when the Blinker begins, after the trigger pulse, and
	// how long it shines. Where the camera runs by itself there is no such pulse: the
	// exposure's Pulse is then FlashDelay before the flash, or after it where that is
	// negative, and its frame the first that is stamped later.
	FlashDelay, Flash time.Duration
}

// Laid is how a person changes the target from the setting before; empty where it is
// the same, laid down once.
func (s Setting) Laid(before Setting) string {
	switch {
	case s.Target == before.Target && s.Piece == before.Piece && s.Loading == before.Loading:
		return ""
	case s.Target == before.Target && s.Piece == before.Piece:
		return "take off what lies under the lens, and lay it there again"
	case s.Piece > 0:
		return fmt.Sprintf("%s: number %d", s.Target.Lay(), s.Piece)
	}
	return s.Target.Lay()
}

// Turned is how a person turns the target to where the setting wants it.
func (s Setting) Turned() string {
	return fmt.Sprintf("turn it to %.4g°, clockwise as seen in the picture; 0° is upright", float64(s.Turn)/float64(physic.Degree))
}

// Station says what stands here; a calibration belongs to it.
type Station struct {
	Name      string // of the appliance
	Objective string // "5x"; one calibration each
	// Serial numbers, empty where unknown.
	Camera, Lens, Light string
	Format              camera.Format
}

// Exposure is a frame and the circumstances under which it was taken.
type Exposure struct {
	*camera.Frame
	// Pulse is when the trigger pulse was given; the frame's Time is when the
	// exposure began.
	Pulse time.Duration
	// Shutter is how long the sensor was exposed: the setting's exposure to the
	// camera's own step.
	Shutter time.Duration
	// Temperature at the optics; 0 kelvin where no thermometer is.
	Temperature physic.Temperature
	// X, Y, Z are where the stage says that it is.
	X, Y, Z physic.Distance
}

// Bench sets the station and exposes. It is used from one goroutine.
type Bench interface {
	Station() Station
	// Set brings the station to the setting as far as it can by itself. What a
	// person must still do is returned, one imperative sentence each ("put the
	// mirror wafer under the lens"); nothing then means that all is set. An
	// impossible setting (beyond the stage's travel, the camera's range) is an error.
	Set(ctx context.Context, s Setting) (byHand []string, err error)
	// Expose triggers one exposure and waits for it. The frame must be released.
	Expose(ctx context.Context) (*Exposure, error)
	// Sleep lets time pass on the bench's clock; a simulated one does not wait for
	// it.
	Sleep(ctx context.Context, d time.Duration) error
	Close() error
}
