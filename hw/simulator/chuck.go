package simulator

import (
	"fmt"
	"math"

	"kensa/hw/simulator/optics"
)

// Chuck shows a scene's wafers one at a time, without a motion program: for a
// bench. It is used from one goroutine.
type Chuck struct {
	scene   *Scene
	wafer   *wafer // nil: nothing lies there
	loading int
	seen    int // pictures taken, which differ in where the stage stopped
}

// Lots of a chuck's wafers, which Run never shows, nor Good.
const (
	goodLot     = -2
	standardLot = -3
)

// NewChuck makes an empty chuck.
func NewChuck(s *Scene) *Chuck { return &Chuck{scene: s} }

// Good lays a good wafer down; piece tells several of them apart. Each loading
// places it anew.
func (c *Chuck) Good(piece, loading int) {
	c.wafer = c.scene.newWafer(1, goodLot, piece)
	c.lay(loading)
}

// Standard lays the standard-defect wafer down, which the options' Defects
// describe.
func (c *Chuck) Standard(loading int) error {
	if c.wafer == nil || c.wafer.lot != standardLot {
		w := c.scene.newWafer(1, standardLot, 1)
		if err := c.scene.spoil(w); err != nil {
			return fmt.Errorf("simulator: standard-defect wafer: %w", err)
		}
		c.wafer = w
	}
	c.lay(loading)
	return nil
}

// lay places the wafer as the loading of that number does.
func (c *Chuck) lay(loading int) {
	j, w := &c.scene.options.Stage, c.wafer
	random := stream(c.scene.options.Seed, forLoading, w.lot, w.slot, loading)
	w.shiftX, w.shiftY = normal(random, j.Jitter, 4), normal(random, j.Jitter, 4)
	w.angle = normal(random, j.Angle, 2)
	c.loading = loading
}

// Picture is the field about a place of the wafer, µm from its centre, y up:
// grey values times optics.One in even light without noise, valid until the
// next call, and the defects on the dies that the program lists there.
func (c *Chuck) Picture(x, y float64) (*optics.Canvas, []Defect) {
	stop, number := c.stop(x, y)
	c.seen++
	random := stream(c.scene.options.Seed, forStop, c.wafer.lot, c.wafer.slot, number, c.loading, c.seen)
	j := c.scene.options.Stage.FieldJitter
	shift := Shift{bounded(c.wafer.shiftX + normal(random, j, 4)), bounded(c.wafer.shiftY + normal(random, j, 4)), c.wafer.angle}
	defects := c.scene.draw(c.wafer, stop, Field{Number: number, X: stop.X, Y: stop.Y, Shift: shift})
	return c.scene.canvas, defects
}

// stop is the program's stop at a place, or one of no dies and the number −1.
func (c *Chuck) stop(x, y float64) (*Stop, int) {
	p := &c.scene.options.Program
	for n := range p.Stops {
		if math.Hypot(p.Stops[n].X-x, p.Stops[n].Y-y) < p.PixelSize/2 {
			return &p.Stops[n], n
		}
	}
	return &Stop{X: x, Y: y}, -1
}

// Certificate lists the standard-defect wafer's defects as they really are, with
// the fields that the program shows them in. The wafer is laid down for it.
func (c *Chuck) Certificate() ([]Defect, error) {
	if err := c.Standard(0); err != nil {
		return nil, err
	}
	var all []Defect
	for n := range c.scene.options.Program.Stops {
		s := &c.scene.options.Program.Stops[n]
		_, defects := c.Picture(s.X, s.Y)
		all = append(all, defects...)
	}
	for n := range all {
		all[n].Number = n + 1
	}
	return all, nil
}
