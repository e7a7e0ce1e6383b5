package inspect

import (
	"fmt"
	"image"

	"kensa/vision/frame"
)

// An UnpatternedInspector inspects frames of bare wafers.
type UnpatternedInspector struct{ params UnpatternedParams }

// NewUnpatterned checks the parameters.
func NewUnpatterned(p UnpatternedParams) (*UnpatternedInspector, error) {
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("unpatterned: %w", err)
	}
	return &UnpatternedInspector{p}, nil
}

// Inspect looks at parts of a frame, each on its own; see Inspector.
func (u *UnpatternedInspector) Inspect(img frame.Image, dies []image.Rectangle) ([]Die, error) {
	if err := img.Check(); err != nil {
		return nil, fmt.Errorf("unpatterned: %w", err)
	}
	if len(dies) == 0 {
		dies = []image.Rectangle{img.Bounds()}
	}
	out := make([]Die, len(dies))
	for n, rect := range dies {
		r, err := Unpatterned(img.Sub(rect), u.params.moved(rect.Intersect(img.Bounds()).Min))
		if err != nil {
			return nil, fmt.Errorf("die %d at %v: %w", n+1, rect, err)
		}
		at := rect.Intersect(img.Bounds()).Min
		for i := range r.Defects {
			r.Defects[i] = r.Defects[i].Translate(at.X, at.Y)
		}
		out[n] = Die{Rect: rect, Registered: r.Inspected, Reason: r.Reason, Defects: r.Defects}
	}
	return out, nil
}

// Close has nothing to free.
func (u *UnpatternedInspector) Close() error { return nil }

// moved is the parameters for a part of the frame that begins at at.
func (p UnpatternedParams) moved(at image.Point) UnpatternedParams {
	ignore := make([]Region, len(p.Ignore))
	for n, r := range p.Ignore {
		r.X, r.Y = r.X-at.X, r.Y-at.Y
		ignore[n] = r
	}
	p.Ignore = ignore
	return p
}
