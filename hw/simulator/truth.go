package simulator

import (
	"encoding/json"
	"io"
	"math"
	"slices"

	"kensa/hw/simulator/flaw"
	"kensa/hw/simulator/optics"
)

// TruthSchema names the format of a wafer's ground truth as JSON. Changes that a
// reader would notice change its number.
const TruthSchema = "kensa.truth/1"

// Truth is what a wafer really is: every injected defect, every field's offset
// and every fault.
type Truth struct {
	Schema    string    `json:"schema"`
	Seed      uint64    `json:"seed"`
	Layout    string    `json:"layout"`
	Carrier   string    `json:"carrier"`
	Lot       string    `json:"lot"`
	Slot      int       `json:"slot"`
	Substrate string    `json:"substrate"`
	Width     int       `json:"width"`     // of a frame, pixels
	Height    int       `json:"height"`    // of a frame, pixels
	Depth     int       `json:"depth"`     // bits
	PixelSize float64   `json:"pixel_um"`  // µm
	Signature Signature `json:"signature"` // empty for the everyday defects alone
	Dies      int       `json:"dies"`      // that the program lists
	Good      int       `json:"good"`      // of these, without any defect
	Fields    []Field   `json:"fields"`    // in the order of the stops
	Defects   []Defect  `json:"defects"`   // by field
	Faults    []Injured `json:"faults"`    // in the order in which they happened
	Complete  bool      `json:"complete"`  // false while the wafer is on the stage
}

// Field is one stop as it was made.
type Field struct {
	Number int     `json:"number"` // from 0
	X      float64 `json:"x_um"`   // of its centre on the wafer
	Y      float64 `json:"y_um"`
	Shift  Shift   `json:"shift"`
	Lamp   float64 `json:"lamp"` // light, 1 when new
}

// Shift is how far a frame's content lies from where the program expects it, x
// to the right and y down, and how it is turned about the frame's centre, from
// the x to the y axis.
type Shift struct {
	DX    float64 `json:"dx"` // pixels
	DY    float64 `json:"dy"`
	Angle float64 `json:"angle_rad"`
}

// Defect is one injected defect as it lies in its frame, the shift included.
type Defect struct {
	Number int        `json:"number"` // from 1 within the wafer
	Class  flaw.Class `json:"class"`
	Field  int        `json:"field"`
	Die    Index      `json:"die"`
	// Box encloses the pixels that the defect changes by at least a fifth of its
	// greatest change.
	Box Box `json:"box"`
	// CX, CY is the centroid of the change, in pixels of the frame: the middle of
	// the frame's first pixel is (0.5, 0.5).
	CX float64 `json:"cx"`
	CY float64 `json:"cy"`
	// Area is the number of pixels changed by at least half of the greatest change.
	Area int `json:"area_px"`
	// Size is the nominal length of the longer side, µm.
	Size float64 `json:"size_um"`
	// Contrast is the greatest change in 8-bit grey levels, before vignetting and
	// the lamp: positive is brighter than it should be.
	Contrast float64 `json:"contrast"`
	// X, Y is the centroid on the wafer, µm from its centre, y up.
	X float64 `json:"x_um"`
	Y float64 `json:"y_um"`
}

// Box is a rectangle of pixels.
type Box struct {
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

// Injured is a fault that was injected into a wafer.
type Injured struct {
	Kind  FaultKind `json:"kind"`
	Field int       `json:"field"`
}

// truth is a wafer's truth before its first field.
func (s *Scene) truth(w *wafer) *Truth {
	p := &s.options.Program
	return &Truth{
		Schema: TruthSchema, Seed: s.options.Seed, Layout: s.options.Layout,
		Carrier: w.material.Carrier, Lot: w.material.Lot, Slot: w.material.Slot, Substrate: w.material.Substrate,
		Width: p.Width, Height: p.Height, Depth: s.options.Depth, PixelSize: p.PixelSize,
		Signature: w.signature, Dies: len(s.grid.listed), Good: len(s.grid.listed),
		Fields: []Field{}, Defects: []Defect{}, Faults: []Injured{},
	}
}

// add takes in a field. Its defects are numbered, and the dies that had none
// before are no longer good.
func (t *Truth) add(f Field, defects []Defect) {
	t.Fields = append(t.Fields, f)
	for _, d := range defects {
		known := slices.ContainsFunc(t.Defects, func(o Defect) bool { return o.Die == d.Die })
		if !known {
			t.Good--
		}
		d.Number = len(t.Defects) + 1
		t.Defects = append(t.Defects, d)
	}
}

func (t *Truth) clone() Truth {
	c := *t
	c.Fields, c.Defects, c.Faults = slices.Clone(t.Fields), slices.Clone(t.Defects), slices.Clone(t.Faults)
	return c
}

// Write writes the truth as indented JSON.
func (t *Truth) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(t)
}

// change is the difference that a flaw makes to a part of the canvas, which is
// kept from before the flaw was drawn.
type change struct {
	canvas       *optics.Canvas
	x0, y0, w, h int
	before       []uint16
	deltas       []float64
	peak, cx, cy float64
	box          Box
	area         int
}

// measure works out where and how strong the change is. ok is false where
// nothing can be seen of it.
func (c *change) measure() (ok bool) {
	c.deltas = make([]float64, len(c.before))
	for i := range c.deltas {
		x, y := c.x0+i%c.w, c.y0+i/c.w
		c.deltas[i] = (float64(c.canvas.Pix[y*c.canvas.Width+x]) - float64(c.before[i])) / optics.One
		if math.Abs(c.deltas[i]) > math.Abs(c.peak) {
			c.peak = c.deltas[i]
		}
	}
	const least = 1 // grey level
	if math.Abs(c.peak) < least {
		return false
	}
	c.extent()
	return true
}

func (c *change) extent() {
	x0, y0, x1, y1 := c.w, c.h, 0, 0
	sum := 0.0
	for i, d := range c.deltas {
		x, y, d := i%c.w, i/c.w, math.Abs(d)
		if d < math.Abs(c.peak)/5 {
			continue
		}
		x0, x1, y0, y1 = min(x0, x), max(x1, x+1), min(y0, y), max(y1, y+1)
		sum += d
		c.cx += d * (float64(c.x0+x) + 0.5)
		c.cy += d * (float64(c.y0+y) + 0.5)
		if d >= math.Abs(c.peak)/2 {
			c.area++
		}
	}
	c.box = Box{c.x0 + x0, c.y0 + y0, x1 - x0, y1 - y0}
	c.cx, c.cy = c.cx/sum, c.cy/sum
}
