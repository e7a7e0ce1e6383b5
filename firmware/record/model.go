// Package record keeps what must survive: wafers with their dies and defects,
// images of defects, alarms, commands of hosts, the audit log, and the outbox of
// what is to be published.
//
// Everything about a wafer is committed in one SQLite transaction (write-ahead
// log, synchronous FULL), its outbox rows with it. What was published was
// first committed here. That it was acknowledged may be forgotten by a power cut;
// it is then published again.
//
// A Store is the one writer; it holds a lock file beside the database. A Reader
// reads, also from another process while the store is in use.
package record

import (
	"time"

	"kensa/firmware/alarm"
	"kensa/hw/handler"
	"kensa/vision/defect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// Die is one die's result.
type Die struct {
	Index  wafer.DieIndex
	Bin    wafer.Bin
	Reason string // why it was not inspected; empty where it was
}

// Defect is a finding on a die, in wafer terms.
type Defect struct {
	defect.Defect     // pixels of the field's frame
	Number        int // from 1 within the wafer
	Die           wafer.DieIndex
	Field         int
	X, Y          length.Length // centroid from the die's lower left corner, y up
	SizeX, SizeY  length.Length // of the box
	// Size is the length of the outline, with its uncertainty (95 %); see
	// wafer.Spot. 0 where it was not measured, as by older versions.
	Size, SizeUncertainty length.Length
	// Image is a PNG of the surroundings; nil beyond the recipe's limit on
	// images. It is written with the wafer and read by Reader.Image alone.
	Image []byte
	// HasImage tells, in a wafer that was read, that there is an image.
	HasImage bool
}

// Wafer is everything that the appliance has to say of a wafer.
type Wafer struct {
	ID       int64 // given by the store, rising; never given twice
	Run      int   // given by the store: 1, and one more for each reinspection of the substrate
	Material handler.Material
	Recipe   string
	// RecipeVersion is the version as written in the recipe.
	RecipeVersion   string
	RecipeHash      string // SHA-256 of recipe file and golden, hex
	Calibration     string // that the result rests on; empty where there was none
	Started         time.Time
	Finished        time.Time
	Fields          int // that the plan has, or that the tool triggered
	FieldsInspected int
	Layout          wafer.Layout
	Summary         wafer.Summary
	BinNames        map[wafer.Bin]string
	Dies            []Die
	Defects         []Defect
	Climate         *Climate      // nil where nothing measured it
	Alarms          []alarm.Alarm // set at some time while it was inspected
}

// Plane is where an outbox row goes.
type Plane string

// Planes.
const (
	MES    Plane = "mes"
	Ledger Plane = "ledger"
)

// Message is one row of the outbox. Seq counts from 1 without gaps within a
// plane and an epoch.
type Message struct {
	Plane   Plane
	Seq     uint64
	Payload []byte
}
