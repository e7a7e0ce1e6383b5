// Package export writes a wafer's result in the formats that yield systems and
// engineers read: KLARF 1.2 and CSV. It reads KLARF 1.2 too.
//
// Lengths are micrometres in both. Times are written as they come, in the time
// zone they carry; KLARF's have no zone and no fraction of a second.
package export

import (
	"time"

	"kensa/vision/defect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// Station names the machine that inspected, in KLARF's three parts.
type Station struct{ Vendor, Model, ID string }

// Die is one die's result.
type Die struct {
	Index  wafer.DieIndex
	Bin    wafer.Bin
	Reason string // why it was not inspected; empty where it was
}

// Defect is a finding on a die.
type Defect struct {
	defect.Defect // pixels of the field's frame
	Number        int
	Die           wafer.DieIndex
	Field         int
	X, Y          length.Length // centroid from the die's lower left corner, y up
	SizeX, SizeY  length.Length // of the box
	// Size is the length of the outline, with its uncertainty (95 %); see
	// wafer.Spot. 0 where it was not measured.
	Size, SizeUncertainty length.Length
}

// Wafer is what is exported of a wafer.
type Wafer struct {
	Station   Station
	Carrier   string
	Lot       string
	Slot      int // 0 where unknown
	Substrate string
	Run       int    // 1, and more for reinspections
	Device    string // the product; empty: the recipe's name stands for it
	Step      string // the process step; may be empty
	Recipe    string
	Version   string // of the recipe
	// Calibration that the result rests on; empty where there was none.
	Calibration string
	Started     time.Time
	Finished    time.Time
	Layout      wafer.Layout
	Summary     wafer.Summary
	BinNames    map[wafer.Bin]string
	Dies        []Die
	Defects     []Defect
}

// OnWafer is a defect's centroid from the wafer's centre.
func (w Wafer) OnWafer(d Defect) wafer.Point {
	c := w.Layout.DieCenter(d.Die)
	return wafer.Point{X: c.X - w.Layout.DieWidth/2 + d.X, Y: c.Y - w.Layout.DieHeight/2 + d.Y}
}

// area is a defect's area in µm².
func (w Wafer) area(d Defect) float64 {
	pixel := w.Layout.PixelSize.Micrometres()
	return float64(d.Area) * pixel * pixel
}

// defectsOn counts the defects of each die.
func (w Wafer) defectsOn() map[wafer.DieIndex]int {
	on := map[wafer.DieIndex]int{}
	for _, d := range w.Defects {
		on[d.Die]++
	}
	return on
}
