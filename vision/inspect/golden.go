package inspect

import (
	"errors"
	"fmt"
	"image"
	"math"

	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/golden"
	"kensa/vision/register"
)

// GoldenParams are a recipe's settings for inspection against a golden die.
type GoldenParams struct {
	// Limits say how far a pixel may lie from the golden's mean.
	Limits golden.Limits `toml:"limits"`
	// Registration bounds what passes for a die of this product.
	Registration register.Params `toml:"registration"`
	// Defects say which findings count.
	Defects defect.Params `toml:"defects"`
	// Material is "bright" or "dark": how the product's lines look against the
	// ground between them. It decides between the defect classes.
	Material defect.Material `toml:"material"`
}

// DefaultGoldenParams are the settings of a recipe that gives none.
func DefaultGoldenParams() GoldenParams {
	return GoldenParams{
		Limits: golden.DefaultLimits(), Registration: register.DefaultParams(),
		Defects: defect.DefaultParams(), Material: defect.BrightMaterial,
	}
}

// Check reports the first value out of range, by its dotted name in the recipe.
func (p GoldenParams) Check() error {
	for _, part := range []struct {
		name string
		err  error
	}{{"limits", p.Limits.Check()}, {"registration", p.Registration.Check()}, {"defects", p.Defects.Check()}} {
		if part.err != nil {
			return fmt.Errorf("%s.%w", part.name, part.err)
		}
	}
	return p.Material.Check()
}

// Golden is the Inspector that compares dies with a golden die. Frames deeper
// than 8 bits are registered at full depth and compared by their upper 8 bits.
type Golden struct {
	params     GoldenParams
	size       image.Point
	template   *register.Template
	matcher    register.Matcher
	comparator *comparator
	joiner     defect.Joiner
	pattern    *defect.Pattern
}

var _ Inspector = (*Golden)(nil)

// NewGolden prepares inspection against g. The error names a setting out of
// range, or a golden with too little structure to register dies by.
func NewGolden(g *golden.Golden, p GoldenParams) (*Golden, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	template, err := register.NewTemplate(g.Mean(), g.Width, g.Height)
	if err != nil {
		return nil, err
	}
	c, err := newComparator(g, p.Limits)
	if err != nil {
		return nil, err
	}
	return &Golden{
		params: p, size: image.Pt(g.Width, g.Height), template: template, comparator: c,
		pattern: defect.NewPattern(g.Image().Pix, g.Width, g.Height, p.Material),
	}, nil
}

// Close frees the memory outside Go's heap.
func (g *Golden) Close() error { return g.comparator.Close() }

// Inspect implements Inspector. Rectangles must have the golden's size. Without
// any, the die is expected in the frame's middle: a golden smaller than the
// frame leaves room for the die to be shifted.
func (g *Golden) Inspect(img frame.Image, rects []image.Rectangle) ([]Die, error) {
	if err := img.Check(); err != nil {
		return nil, err
	}
	if len(rects) == 0 {
		rects = []image.Rectangle{g.middle(img)}
	}
	dies := make([]Die, 0, len(rects))
	for _, r := range rects {
		if r.Size() != g.size {
			return nil, fmt.Errorf("inspect: die of %d×%d pixels; the golden has %d×%d: recipe and golden do not belong together", r.Dx(), r.Dy(), g.size.X, g.size.Y)
		}
		die, err := g.die(img, r)
		if err != nil {
			return nil, err
		}
		dies = append(dies, die)
	}
	return dies, nil
}

// middle is a rectangle of the golden's size in the frame's middle.
func (g *Golden) middle(img frame.Image) image.Rectangle {
	corner := image.Pt((img.Width-g.size.X)/2, (img.Height-g.size.Y)/2)
	return image.Rectangle{Min: corner, Max: corner.Add(g.size)}
}

// die inspects one die. What is wrong with the die is its reason; an error is
// a fault of the program or of OpenCV.
func (g *Golden) die(img frame.Image, r image.Rectangle) (Die, error) {
	die := Die{Rect: r}
	if !r.Overlaps(img.Bounds()) {
		die.Reason = fmt.Sprintf("lies outside the frame of %d×%d pixels", img.Width, img.Height)
		return die, nil
	}
	m, err := g.matcher.Match(g.template, img, r, g.params.Registration)
	var mismatch register.Mismatch
	if errors.As(err, &mismatch) {
		die.Reason = string(mismatch)
		return die, nil
	}
	if err != nil {
		return die, err
	}
	die.Shift, die.Light = Shift{m.DX, m.DY}, m.Light.Gain
	if !m.Inside(img, r) {
		die.Reason = fmt.Sprintf("shifted by (%.1f, %.1f) pixels it leaves the frame of %d×%d", m.DX, m.DY, img.Width, img.Height)
		return die, nil
	}
	die.Defects, err = g.defects(img, r.Min, m)
	if errors.Is(err, defect.ErrTooMany) {
		die.Reason = err.Error()
		return die, nil
	}
	die.Registered = err == nil
	return die, err
}

// defects compares a registered die and places what is found in the frame.
func (g *Golden) defects(img frame.Image, corner image.Point, m register.Match) ([]defect.Defect, error) {
	runs, matched, err := g.comparator.compare(img, corner, m)
	if err != nil {
		return nil, err
	}
	blobs, err := g.joiner.Join(runs, g.params.Defects)
	if err != nil {
		return nil, err
	}
	var defects []defect.Defect
	for _, b := range blobs {
		d := b.Defect()
		d.Class, d.Confidence = g.pattern.Classify(b, matched)
		d.Box = d.Box.Add(corner.Add(image.Pt(int(math.Round(m.DX)), int(math.Round(m.DY)))))
		d.CX, d.CY = d.CX+float64(corner.X)+m.DX, d.CY+float64(corner.Y)+m.DY
		defects = append(defects, d)
	}
	return defects, nil
}
