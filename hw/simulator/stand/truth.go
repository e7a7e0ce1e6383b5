// Package stand is a simulated bench.Bench whose every property is known: pixel
// size, distortion, sensor, light, stage, focus, latency, drift with temperature.
// What a calibration procedure finds can so be held against the truth.
//
// Targets are drawn from formulas, blurred edges included, so that a corner or an
// edge lies where it should to better than a hundredth of a pixel. Light is
// counted in electrons and becomes grey values by the photon-transfer model of
// EMVA 1288: shot noise, read noise, gain, offset, non-uniformities, quantising.
package stand

import (
	"fmt"
	"math"
	"time"

	"kensa/hw/bench"
	"kensa/hw/camera"
	"kensa/hw/simulator"
	"kensa/hw/simulator/flaw"
)

// Truth is what is so. Distances are in µm, places in pixels from the frame's
// top left corner, angles in radians; e⁻ are electrons, DN grey values.
type Truth struct {
	Seed    uint64
	Station bench.Station

	Optics Optics
	Sensor Sensor
	Light  Light
	Stage  Stage
	Plate  Plate
	Timing Timing
	Air    Air
	Wafers Wafers
}

// Wafers are those of a product that has a motion program, seen by this camera
// in this light. The program's pixel size holds for them, not the optics'; a
// grey value of 255 is the mirror's.
type Wafers struct {
	Program   simulator.Program `toml:"-"` // without stops there are no wafers
	Layout    string            // of the dies, one of die.Layouts
	Variation simulator.Variation
	Chuck     simulator.Stage   // how a wafer comes to lie
	Defects   simulator.Defects // of the standard-defect wafer
	// Stranger is the number of the good wafer that is of another layout; 0 is
	// none.
	Stranger int
}

// Optics map the stage's plane onto the sensor.
type Optics struct {
	// PixelX, PixelY are the sizes of a pixel on the target, µm, in focus at 20 °C.
	PixelX, PixelY float64
	// Rotation of the camera against the stage's axes, and Skew: how much the
	// angle between the pixel axes differs from a right one.
	Rotation, Skew float64
	// Distortion is the radial displacement at the frame's corner as part of the
	// distance from the centre; positive is pincushion. It grows with the square of the
	// distance. CentreX, CentreY is its centre, as an offset from the middle, pixels.
	Distortion       float64
	CentreX, CentreY float64
	// Distance from the entrance pupil to the plane in focus, µm; 0 is telecentric.
	Distance float64
	// BestZ is the stage's z in focus in the middle of the view, µm.
	BestZ float64
	// FieldTiltX, FieldTiltY are how much best z changes over the width and the
	// height of the view, µm; Curvature from the middle to a corner, µm.
	FieldTiltX, FieldTiltY, Curvature float64
	// Blur is the standard deviation of the point spread in focus, pixels;
	// Aperture how much of it each µm of defocus adds, pixels per µm, in quadrature.
	Blur, Aperture float64
	// ScaleDrift and FocusDrift are relative and µm for each kelvin above 20 °C.
	ScaleDrift, FocusDrift float64
}

// Sensor turns light into grey values.
type Sensor struct {
	Gain       float64 // DN for each e⁻
	Offset     float64 // DN in the dark
	ReadNoise  float64 // e⁻
	Dark       float64 // e⁻ a second, at 20 °C
	FullWell   float64 // e⁻
	PRNU, DSNU float64 // part of the signal; e⁻
	// Hot pixels add HotDark e⁻ a second; dead ones answer to a tenth of the light.
	Hot, Dead int
	HotDark   float64
	Dust      []Dust
	// NonLinear bends the response: at full well it is lower by this part.
	NonLinear float64
}

// Dust is a shadow at fixed camera pixels: centre, radius to half depth, depth.
type Dust struct{ X, Y, Radius, Depth float64 }

// Light is the illumination.
type Light struct {
	// Flux is e⁻ a second at full current from a mirror in the middle.
	Flux float64
	// Bend of the light against the current: light = l·(1 + Bend·(1−l)).
	Bend float64
	// Vignetting is the part lost in the corners; Tilt the difference from the left
	// edge to the right, as a part.
	Vignetting, Tilt float64
	// WarmUp is the part by which the cold light is brighter, and Settle its time
	// constant.
	WarmUp float64
	Settle time.Duration
	// Flicker from exposure to exposure, a standard deviation, as a part.
	Flicker float64
}

// Stage moves the target: where it goes against where it was told to.
type Stage struct {
	ScaleX, ScaleY float64 // relative error of a move
	Rotation, Skew float64 // of the axes against the camera's own coordinates
	Backlash       float64 // µm short of the place when coming from above it
	Repeat         float64 // µm, a standard deviation for each move and axis
	Travel         float64 // ± µm in x and y
	TravelZ        float64 // ± µm
}

// Plate is the calibration target.
type Plate struct {
	Pitch      float64 // µm between squares or dots
	Columns    int     // squares or dots in x; a chessboard has one inner corner less
	Rows       int
	Dot        float64 // diameter of a dot, part of the pitch
	X, Y, Turn float64 // how it was laid: µm, radians
	Contrast   float64 // reflectance of the dark parts, of the mirror's
	EdgeAngle  float64 // of the slanted edge against the pixel columns
}

// Timing is of the trigger.
type Timing struct {
	Latency, Jitter time.Duration // from pulse to the start of exposure; one standard deviation
	Cycle           time.Duration // from exposure to exposure
	// Period is that of a camera that runs by itself, 0 for one that is triggered. Stamp
	// is then by how much the driver stamps a frame later than its exposure began, and
	// Jitter that stamp's.
	Period, Stamp time.Duration
}

// Air is the temperature at the optics.
type Air struct {
	Start, End float64       // °C
	Settle     time.Duration // time constant from one to the other
	Sensor     bool          // whether a thermometer is there
}

// Defaults is a sound station with a camera of the given size: a 12-bit sensor, a
// nearly telecentric 5× objective of 0.65 µm a pixel.
func Defaults(width, height int) Truth {
	return Truth{
		Seed: 1,
		Station: bench.Station{Name: "kensa-1", Objective: "5x", Camera: "SIM-CAM-0001", Lens: "SIM-5X-0001", Light: "SIM-LED-0001",
			Format: camera.Format{Width: width, Height: height, Stride: 2 * width, Depth: 12}},
		Optics: Optics{PixelX: 0.65, PixelY: 0.65, Blur: 0.6, Aperture: 0.12},
		Sensor: Sensor{Gain: 0.37, Offset: 64, ReadNoise: 6, Dark: 5, FullWell: 10500, PRNU: 0.006, DSNU: 1.6, HotDark: 2000},
		Light:  Light{Flux: 1e6, Vignetting: 0.08, Tilt: 0.04, Settle: 10 * time.Minute, Flicker: 5e-4},
		Stage:  Stage{Repeat: 0.05, Travel: 160e3, TravelZ: 500},
		Plate:  Plate{Pitch: 0.65 * float64(height) / 12, Columns: 14, Rows: 9, Dot: 0.5, Contrast: 0.12, EdgeAngle: 5 * math.Pi / 180},
		Timing: Timing{Latency: 1200 * time.Microsecond, Jitter: 20 * time.Microsecond, Cycle: 50 * time.Millisecond},
		Air:    Air{Start: 20, End: 20, Settle: time.Hour, Sensor: true},
		Wafers: defaultWafers(),
	}
}

// defaultWafers are as the simulated tool's, with a standard-defect wafer of about
// one defect on each die, down to sizes that cannot be seen. It has none of the
// classes whose size and place a certificate says little of: scratch and stain.
func defaultWafers() Wafers {
	o := simulator.Defaults(simulator.Program{})
	o.Stage.Angle = 5e-4
	o.Defects.PerDie, o.Defects.Spread, o.Defects.SignatureRate = 1, 0, 0
	o.Defects.Sizes = flaw.Sizes{Min: 1.5, Max: 8}
	delete(o.Defects.Mix, flaw.Scratch)
	delete(o.Defects.Mix, flaw.Stain)
	return Wafers{Layout: "logic", Variation: o.Variation, Chuck: o.Stage, Defects: o.Defects}
}

// check refuses what the formulas do not hold for.
func (t *Truth) check() error {
	f := t.Station.Format
	switch {
	case f.Width < 16 || f.Height < 16 || f.Width*f.Height > 1<<26:
		return fmt.Errorf("stand: frame of %d×%d; want 16×16 to 64 megapixels", f.Width, f.Height)
	case f.Depth != 8 && f.Depth != 10 && f.Depth != 12 && f.Depth != 16:
		return fmt.Errorf("stand: depth %d bits; want 8, 10, 12 or 16", f.Depth)
	case !(t.Optics.PixelX > 0) || !(t.Optics.PixelY > 0) || !(t.Optics.Blur > 0):
		return fmt.Errorf("stand: pixel %v×%v µm, blur %v pixels; want more than 0", t.Optics.PixelX, t.Optics.PixelY, t.Optics.Blur)
	case math.Abs(t.Optics.Distortion) > 0.2:
		return fmt.Errorf("stand: distortion %v; want at most ±0.2", t.Optics.Distortion)
	case !(t.Sensor.Gain > 0) || !(t.Sensor.FullWell > 0):
		return fmt.Errorf("stand: gain %v, full well %v; want more than 0", t.Sensor.Gain, t.Sensor.FullWell)
	case t.Plate.Columns < 3 || t.Plate.Rows < 3 || !(t.Plate.Pitch > 0):
		return fmt.Errorf("stand: plate of %d×%d with pitch %v µm; want at least 3×3", t.Plate.Columns, t.Plate.Rows, t.Plate.Pitch)
	}
	return nil
}
