// Package product shows procedures the wafers of a recipe's product as the
// appliance will see them: field by field, corrected by the flat field.
//
// The station's frame decides where in it a field's dies lie; the stage is told to
// bring the field's centre under the lens.
package product

import (
	"context"
	"fmt"
	"math"
	"time"

	"periph.io/x/conn/v3/physic"

	"kensa/hw/bench"
	"kensa/vision/frame"
	"kensa/vision/hotpath"
	"kensa/vision/inspect"
	"kensa/vision/length"
	"kensa/vision/wafer"
)

// Product is what a recipe says of its wafers, for a station.
type Product struct {
	Recipe, Version string
	Params          inspect.GoldenParams
	Plan            *wafer.Plan // for the station's frames
	Flat            *hotpath.Flat
}

// Plan works out where dies and fields lie in a station's frames. The error says
// why the recipe's wafers cannot be seen there.
func Plan(recipe string, layout wafer.Layout, s bench.Station) (*wafer.Plan, error) {
	plan, err := wafer.NewPlan(layout, s.Format.Width, s.Format.Height)
	if err != nil {
		return nil, fmt.Errorf("recipe %s: %w", recipe, err)
	}
	if plan.Open() {
		return nil, fmt.Errorf("recipe %s: layout.kind %q has no dies; want %q", recipe, layout.Kind, wafer.DieGrid)
	}
	return plan, nil
}

// New shows the wafers to a station. flat corrects every frame, with nil none.
func New(recipe, version string, layout wafer.Layout, p inspect.GoldenParams, s bench.Station, flat *hotpath.Flat) (*Product, error) {
	plan, err := Plan(recipe, layout, s)
	if err != nil {
		return nil, err
	}
	return &Product{recipe, version, p, plan, flat}, nil
}

// Lighting is how wafers are seen.
type Lighting struct {
	Light    float64 // part of the light's full current, 0 to 1
	Exposure time.Duration
}

// At is the setting in which a target's field is seen.
func (p *Product) At(t bench.Target, piece, loading, field int, l Lighting) bench.Setting {
	c := p.Plan.Fields[field].Center
	return bench.Setting{Target: t, Piece: piece, Loading: loading, Light: l.Light, Exposure: l.Exposure, X: distance(-c.X), Y: distance(c.Y)}
}

func distance(l length.Length) physic.Distance {
	return physic.Distance(math.Round(l.Micrometres()*1e3)) * physic.NanoMetre
}

// See exposes once and returns the frame, corrected, in memory of its own.
func (p *Product) See(ctx context.Context, b bench.Bench) (frame.Image, error) {
	e, err := b.Expose(ctx)
	if err != nil {
		return frame.Image{}, err
	}
	defer e.Release()
	img := frame.Image{Pix: e.Pix, Width: e.Width, Height: e.Height, Stride: e.Stride, Depth: e.Depth}
	if err := img.Check(); err != nil {
		return frame.Image{}, err
	}
	if img.Width != p.Plan.Width || img.Height != p.Plan.Height {
		return frame.Image{}, fmt.Errorf("a frame of %d×%d pixels; the station's are %d×%d", img.Width, img.Height, p.Plan.Width, p.Plan.Height)
	}
	if p.Flat == nil {
		return img.Clone(), nil
	}
	if !p.Flat.Fits(img) {
		return frame.Image{}, fmt.Errorf("a frame of %d×%d pixels; the flat field is of another size", img.Width, img.Height)
	}
	return p.Flat.CorrectFrame(img, frame.Image{}), nil
}
