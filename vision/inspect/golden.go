package inspect

import (
	"errors"
	"fmt"
	"image"
	"math"

	"kensa/vision/defect"
	"kensa/vision/frame"
	"kensa/vision/golden"
	"kensa/vision/hotpath"
	"kensa/vision/pose"
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
	// MaxTurn is how far a field may be turned against the layout, and a die
	// against the golden, 0 to 0.5 degrees. Beyond it no die of the field is
	// inspected, and an alarm tells the angle.
	MaxTurn float64 `toml:"max_turn"`
}

// DefaultGoldenParams are the settings of a recipe that gives none.
func DefaultGoldenParams() GoldenParams {
	return GoldenParams{
		Limits: golden.DefaultLimits(), Registration: register.DefaultParams(),
		Defects: defect.DefaultParams(), Material: defect.BrightMaterial, MaxTurn: 0.3,
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
	if !(p.MaxTurn >= 0 && p.MaxTurn <= 0.5) {
		return fmt.Errorf("max_turn: %v degrees; want 0 to 0.5", p.MaxTurn)
	}
	return p.Material.Check()
}

// Golden is the Inspector that compares dies with a golden die.
type Golden struct {
	params    GoldenParams
	size      image.Point
	clipped   float64 // share of the golden's pixels that are white
	template  *register.Template
	matcher   register.Matcher
	reference *hotpath.Reference
	flat      *hotpath.Flat // nil: frames are taken as they are
	pass      *hotpath.Pass
	matched   []uint8         // a die in the golden's place and light, by rows, as far as it was asked for
	places    []hotpath.Place // of the frame's registered dies
	last      register.Match  // of these
	before    fieldBefore
	joiner    defect.Joiner
	pattern   *defect.Pattern
	dies      []Die // the memory of what Inspect returns

	turns      []pose.Turn // what each registered die says of its own
	sightings  []pose.Sighting
	turned     turned // from frame to frame
	straighter pose.Straightener
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
	planes := g.Planes(p.Limits)
	reference, err := hotpath.NewReference(g.Width, g.Height, planes.Lo, planes.Hi, g.Mean(), g.Sigma())
	if err != nil {
		return nil, err
	}
	pass, err := hotpath.NewPass(p.Defects.MaxRuns())
	if err != nil {
		return nil, err
	}
	return &Golden{
		params: p, size: image.Pt(g.Width, g.Height), template: template, reference: reference, pass: pass,
		matched: make([]uint8, g.Width*g.Height), clipped: whiteShare(g.Mean()),
		before:  fieldBefore{sure: sure(template, p.Registration)},
		pattern: defect.NewPattern(g.Image().Pix, g.Width, g.Height, p.Material),
	}, nil
}

// UseFlat has every frame corrected by flat, or with nil by none. The golden
// should have been learnt from corrected dies too.
func (g *Golden) UseFlat(flat *hotpath.Flat) { g.flat = flat }

// Close implements Inspector; all memory is Go's own.
func (g *Golden) Close() error { return nil }

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
	for _, r := range rects {
		if r.Size() != g.size {
			return nil, fmt.Errorf("inspect: die of %d×%d pixels; the golden has %d×%d: recipe and golden do not belong together", r.Dx(), r.Dy(), g.size.X, g.size.Y)
		}
	}
	if err := fits(g.flat, img); err != nil {
		return nil, err
	}
	if g.turned.away(g.size) {
		return g.inspectTurned(img, rects)
	}
	return g.inspectStraight(img, rects)
}

// inspectStraight compares dies that are not turned against the golden, and
// leaves the others to inspectTurned.
func (g *Golden) inspectStraight(img frame.Image, rects []image.Rectangle) ([]Die, error) {
	dies := g.dies[:0]
	g.places, g.turns, g.sightings = g.places[:0], g.turns[:0], g.sightings[:0]
	for _, r := range rects {
		die, err := g.register(img, r)
		if err != nil {
			return nil, err
		}
		dies = append(dies, die)
	}
	g.dies = dies
	if g.learnTurn(len(rects)); g.turned.away(g.size) || len(g.places) < len(rects) && g.turned.field.Off(reach(img)) > 1 {
		return g.inspectTurned(img, rects)
	}
	// Together, because memory is fastest in its own order.
	if err := g.pass.Compare(img, g.flat, g.reference, g.places); err != nil {
		return nil, err
	}
	g.before.keep(dies)
	g.tellTurn(dies)
	return dies, g.judge(dies)
}

// middle is a rectangle of the golden's size in the frame's middle.
func (g *Golden) middle(img frame.Image) image.Rectangle {
	corner := image.Pt((img.Width-g.size.X)/2, (img.Height-g.size.Y)/2)
	return image.Rectangle{Min: corner, Max: corner.Add(g.size)}
}

// register finds a die. Where that is possible its place is added to places;
// what else is wrong with the die is its reason; an error is a fault of the
// program.
func (g *Golden) register(img frame.Image, r image.Rectangle) (Die, error) {
	die := Die{Rect: r}
	if !r.Overlaps(img.Bounds()) {
		die.Reason = fmt.Sprintf("lies outside the frame of %d×%d pixels", img.Width, img.Height)
		return die, nil
	}
	if reason := g.overexposed(img, r); reason != "" {
		die.Reason = reason
		return die, nil
	}
	m, err := g.match(img, r)
	if err != nil {
		var mismatch register.Mismatch // here, since it costs an allocation
		if errors.As(err, &mismatch) {
			die.Reason, err = string(mismatch), nil
		}
		return die, err
	}
	g.sight(img, r, m)
	die.Shift, die.Light = Shift{m.DX, m.DY}, m.Light.Gain
	if !m.Inside(img, r) {
		die.Reason = fmt.Sprintf("shifted by (%.1f, %.1f) pixels it leaves the frame of %d×%d", m.DX, m.DY, img.Width, img.Height)
		return die, nil
	}
	at := hotpath.Place{X: float64(r.Min.X) + m.DX, Y: float64(r.Min.Y) + m.DY,
		Gain: m.Light.Gain, GainX: m.Light.GainX, GainY: m.Light.GainY, Offset: m.Light.Offset}
	if err := at.CheckLight(g.size.X, g.size.Y); err != nil {
		die.Reason = err.Error()
		return die, nil
	}
	die.Registered, g.last = true, m
	g.places = append(g.places, at)
	return die, nil
}

// match tracks a die from the frame's last registered one, for the stage moves
// all of them, and the first from the field before, for the stage repeats. One
// that is lost is looked for in full.
func (g *Golden) match(img frame.Image, r image.Rectangle) (register.Match, error) {
	if len(g.places) > 0 {
		if m, ok := g.matcher.Track(g.template, img, g.flat, r, g.last.DX, g.last.DY, g.params.Registration); ok {
			return m, nil
		}
	} else if m, ok := g.trackFromBefore(img, r); ok {
		return m, nil
	}
	if g.flat == nil {
		return g.matcher.Match(g.template, img, r, g.params.Registration)
	}
	return g.matchStraightened(img, r, pose.Pose{})
}

// judge turns the runs of the registered dies, in the order of places, into
// defects.
func (g *Golden) judge(dies []Die) error {
	n := 0
	for k := range dies {
		die := &dies[k]
		if !die.Registered {
			continue
		}
		blobs, err := g.blobs(n)
		if errors.Is(err, defect.ErrTooMany) {
			die.Registered, die.Reason = false, err.Error()
		} else if err != nil {
			return err
		}
		for _, b := range blobs {
			die.Defects = append(die.Defects, g.defect(n, b, *die))
		}
		n++
	}
	return nil
}

func (g *Golden) blobs(n int) ([]defect.Blob, error) {
	runs, err := g.pass.Runs(n)
	if err != nil {
		return nil, err
	}
	return g.joiner.Join(runs, g.params.Defects)
}

// defect classifies a blob of the die at places[n] and places it in the frame.
func (g *Golden) defect(n int, b defect.Blob, die Die) defect.Defect {
	g.pass.Grey(n, g.pattern.Window(b), g.matched)
	d := b.Defect()
	d.Class, d.Confidence, d.Measures = g.pattern.Classify(b, g.matched)
	// A box moves with its middle, by whole pixels; a turn does not change it.
	mx, my := float64(d.Box.Min.X+d.Box.Max.X-1)/2, float64(d.Box.Min.Y+d.Box.Max.Y-1)/2
	fx, fy := die.InFrame(mx, my)
	d.Box = d.Box.Add(image.Pt(int(math.Round(fx-mx)), int(math.Round(fy-my))))
	d.CX, d.CY = die.InFrame(d.CX, d.CY)
	return d
}
