package station

import (
	"math"

	"kensa/vision/length"
	"kensa/vision/wafer"
)

// Drift is by how much a pixel is larger than the plan says, and how well that is
// known, both as parts.
type Drift struct {
	Part, Uncertainty float64
	// Told follows the calibration's name in the wafer's record; empty where nothing
	// is corrected.
	Told string
}

// Layout is the plan's with the pixel's size as it is now, and the name of what
// that rests on. Dies stay where the plan has them: of a die's place the stage
// decides, not the camera.
func (j *Job) Layout() (l wafer.Layout, calibration string) {
	l = j.Plan.Layout
	if j.Drift == nil {
		return l, j.Calibration
	}
	d := j.Drift()
	l.PixelSize *= length.Length(1 + d.Part)
	if l.PixelSizeUncertainty > 0 { // else it is not known, and stays so
		l.PixelSizeUncertainty = length.Length(math.Hypot(float64(l.PixelSizeUncertainty), d.Uncertainty*float64(l.PixelSize)))
	}
	return l, j.Calibration + d.Told
}
