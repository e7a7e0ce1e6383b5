package stand

import (
	"errors"
	"fmt"
	"slices"

	"kensa/hw/bench"
	"kensa/hw/simulator"
	"kensa/hw/simulator/die"
	"kensa/hw/simulator/optics"
)

// makeWafers draws the product, if there is one.
func (s *Stand) makeWafers() (err error) {
	w := &s.truth.Wafers
	if len(w.Program.Stops) == 0 {
		return nil
	}
	if f := s.truth.Station.Format; w.Program.Width != f.Width || w.Program.Height != f.Height {
		return fmt.Errorf("stand: program for frames of %d×%d; the camera's are %d×%d", w.Program.Width, w.Program.Height, f.Width, f.Height)
	}
	if s.product, err = s.chuck(w.Layout); err != nil || w.Stranger == 0 {
		return err
	}
	at := slices.Index(die.Layouts, w.Layout)
	s.stranger, err = s.chuck(die.Layouts[(at+1)%len(die.Layouts)])
	return err
}

func (s *Stand) chuck(layout string) (*simulator.Chuck, error) {
	w := &s.truth.Wafers
	o := simulator.Defaults(w.Program)
	o.Seed, o.Layout, o.Variation, o.Stage, o.Defects = s.truth.Seed, layout, w.Variation, w.Chuck, w.Defects
	scene, err := simulator.NewScene(o)
	if err != nil {
		return nil, fmt.Errorf("stand: %w", err)
	}
	return simulator.NewChuck(scene), nil
}

// lay changes the wafer under the lens, where the setting asks for another one or
// for another loading.
func (s *Stand) lay(to bench.Setting) error {
	if to.Target != bench.Good && to.Target != bench.Standard {
		return nil
	}
	if s.product == nil {
		return errors.New("stand: no wafers; the product's program is missing")
	}
	if to.Target == s.set.Target && to.Piece == s.set.Piece && to.Loading == s.set.Loading {
		return nil
	}
	if to.Target == bench.Standard {
		return s.product.Standard(to.Loading)
	}
	s.good(to.Piece).Good(to.Piece, to.Loading)
	return nil
}

// good is the chuck that a good wafer lies on.
func (s *Stand) good(piece int) *simulator.Chuck {
	if s.stranger != nil && piece == s.truth.Wafers.Stranger {
		return s.stranger
	}
	return s.product
}

// Certificate lists the standard-defect wafer's defects. What lies under the lens
// is not changed by it.
func (s *Stand) Certificate() ([]simulator.Defect, error) {
	if s.product == nil {
		return nil, errors.New("stand: no wafers; the product's program is missing")
	}
	chuck, err := s.chuck(s.truth.Wafers.Layout)
	if err != nil {
		return nil, err
	}
	return chuck.Certificate()
}

// drawWafer is the wafer under the light: the stage carries it, x to the right and y
// down, and the wafer's y goes up.
func (s *Stand) drawWafer(out []float32) {
	chuck := s.product
	if s.set.Target == bench.Good {
		chuck = s.good(s.set.Piece)
	}
	canvas, _ := chuck.Picture(-micrometres(s.set.X), micrometres(s.set.Y))
	f := s.truth.Station.Format
	strength := s.truth.Light.Flux * s.lamp() * s.set.Exposure.Seconds() / (255 * optics.One)
	for y := range f.Height {
		v := (float64(y)+0.5)/float64(f.Height)*2 - 1
		for x := range f.Width {
			u := (float64(x)+0.5)/float64(f.Width)*2 - 1
			out[y*f.Width+x] = float32(strength * s.truth.Light.at(u, v) * float64(canvas.Pix[y*f.Width+x]))
		}
	}
}
