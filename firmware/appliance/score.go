package appliance

import (
	"image"

	"kensa/firmware/record"
	"kensa/hw/simulator"
	"kensa/vision/defect"
	"kensa/vision/evaluate"
)

// MatchReach is how far, in pixels, a finding may lie outside the box of what it
// found: the stage's jitter.
const MatchReach = 3

// Injected are the defects that a simulated tool put on a wafer.
func Injected(truth simulator.Truth) []evaluate.Spot {
	spots := make([]evaluate.Spot, len(truth.Defects))
	for n, d := range truth.Defects {
		box := image.Rect(d.Box.X, d.Box.Y, d.Box.X+d.Box.Width, d.Box.Y+d.Box.Height)
		spots[n] = evaluate.Spot{Field: d.Field, Box: box, Class: defect.Class(d.Class), Size: d.Size, Contrast: d.Contrast}
	}
	return spots
}

// Found are the defects that were recorded of a wafer.
func Found(w *record.Wafer) []evaluate.Spot {
	spots := make([]evaluate.Spot, len(w.Defects))
	for n, d := range w.Defects {
		spots[n] = evaluate.Spot{Field: d.Field, Box: d.Box, Class: d.Class}
	}
	return spots
}
