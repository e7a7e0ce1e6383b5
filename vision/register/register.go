// Package register finds where a die lies in a frame to a small fraction of a
// pixel, and how bright it is, against the mean of good dies.
//
// A coarse search compares the whole die, at a quarter and at half of the
// resolution, over all shifts allowed. Then patches chosen for their structure
// are fitted together (inverse compositional Gauss–Newton, after Baker and
// Matthews, "Lucas-Kanade 20 years on", 2004), each with a brightness of its
// own, so that uneven light does not pull the shift; patches that fit badly,
// because a defect lies on them, lose their weight.
//
// Grey values are those of 8-bit images; deeper ones are scaled to them.
package register

import (
	"fmt"
	"image"

	"kensa/vision/frame"
	"kensa/vision/hotpath"
	"kensa/vision/internal/plane"
	"kensa/vision/pose"
)

// Params bounds what passes for a registered die.
type Params struct {
	// MaxShift is how far a die may lie from where the layout expects it, in x and
	// in y, 1 to 64 pixels. More costs time and, on a repeating pattern, lets a
	// die be taken for its neighbour.
	MaxShift float64 `toml:"max_shift"`
	// MinCorrelation is how well the die must match the golden, 0.3 to 0.99: the
	// median over patches of the correlation of their grey values with the
	// golden's. Good dies reach 0.98 and more.
	MinCorrelation float64 `toml:"min_correlation"`
}

// DefaultParams suit a stage of ±2 pixels.
func DefaultParams() Params { return Params{MaxShift: 6, MinCorrelation: 0.9} }

// Check reports the first value out of range, by its name in the recipe.
func (p Params) Check() error {
	switch {
	case !(p.MaxShift >= 1 && p.MaxShift <= 64):
		return fmt.Errorf("max_shift: %v pixels; want 1 to 64", p.MaxShift)
	case !(p.MinCorrelation >= 0.3 && p.MinCorrelation <= 0.99):
		return fmt.Errorf("min_correlation: %v; want 0.3 to 0.99", p.MinCorrelation)
	}
	return nil
}

// Mismatch means that a die could not be matched. It is the reason, in words for
// an operator.
type Mismatch string

func (m Mismatch) Error() string { return "not registered: " + string(m) }

func mismatch(format string, args ...any) error { return Mismatch(fmt.Sprintf(format, args...)) }

// Match is where and how bright a die is.
type Match struct {
	// DX and DY: the die's pixel (x, y) lies at the frame's (Min.X + x + DX,
	// Min.Y + y + DY), Min being the corner of the expected rectangle.
	DX, DY float64
	Light  Light
	// Turn is how the die is turned and scaled about its middle, as its patches
	// say; it is not applied.
	Turn pose.Turn
	// Confidence is the median correlation of the patches, 0 to 1.
	Confidence float64
	// Support is the correlation that three quarters of the patches reach, 0 to 1. A
	// die that lies elsewhere can have many patches that fit: those that are alike,
	// or whose lines run the way it is off.
	Support float64
}

// Light brings a die's grey values to the golden's: golden = gain × grey +
// Offset, where gain = Gain + GainX·(x − width/2) + GainY·(y − height/2).
type Light struct{ Gain, GainX, GainY, Offset float64 }

// At is the gain at the die's pixel (x, y) of a die of the given size.
func (l Light) At(x, y, width, height int) float64 {
	return l.Gain + l.GainX*(float64(x)-float64(width)/2) + l.GainY*(float64(y)-float64(height)/2)
}

// Template is a golden die prepared for matching. It is read only and safe for
// concurrent use.
type Template struct {
	width, height int
	patches       []patch
	levels        []plane.Plane // the mean at full, half and quarter size, as far as the die allows
	clipped       float64       // share of pixels that are white in good dies
	all, first    tracks        // marks for tracking, and those of its first step
}

// Size limits of a die to be registered, pixels.
const (
	minSide    = 24
	levelSide  = 32 // the coarsest level's shorter side is at least this
	maxLevels  = 3  // full, half, quarter
	whiteLevel = 254.5
)

// NewTemplate prepares the mean grey values of good dies, width × height by
// rows. The error says that the die is too small or has too little structure.
func NewTemplate(mean []float32, width, height int) (*Template, error) {
	if width < minSide || height < minSide {
		return nil, fmt.Errorf("register: die of %d×%d pixels; want at least %d×%d", width, height, minSide, minSide)
	}
	whole := plane.Plane{Width: width, Height: height, Pix: mean}
	t := &Template{width: width, height: height, levels: makeLevels(whole)}
	white := 0
	for _, v := range mean {
		if v > whiteLevel {
			white++
		}
	}
	t.clipped = float64(white) / float64(len(mean))
	t.patches = choosePatches(whole)
	if err := t.checkStructure(); err != nil {
		return t, err
	}
	var err error
	t.all, t.first, err = chooseMarks(whole, t.patches)
	return t, err
}

// Matcher matches dies with templates. It keeps its memory from die to die and
// is used from one goroutine; the zero value is ready.
type Matcher struct {
	levels  [maxLevels]plane.Plane // the die and its surroundings, full size first
	margin  int                    // of levels[0] around the expected rectangle
	crop    plane.Plane
	scratch plane.Plane
	windows []plane.Plane // the die's part around each patch, smoothed
	fits    []fit
	sorted  []float64
	meter   hotpath.Meter
	tracked image.Point // corner of the die tracked last
}

// Match finds the die that is expected at the image's rectangle r, which must
// have the template's size. The error is a Mismatch, or
// tells of a rectangle of the wrong size.
func (m *Matcher) Match(t *Template, img frame.Image, r image.Rectangle, p Params) (Match, error) {
	if r.Dx() != t.width || r.Dy() != t.height {
		return Match{}, fmt.Errorf("register: rectangle %v; the golden is of %d×%d pixels", r, t.width, t.height)
	}
	m.load(img, r, int(p.MaxShift)+reach+1, len(t.levels))
	if err := m.exposed(t); err != nil {
		return Match{}, err
	}
	dx, dy := m.coarse(t, p.MaxShift)
	match, err := m.refine(t, dx, dy)
	if err != nil {
		return Match{}, err
	}
	if err := accept(match, p); err != nil {
		return Match{}, err
	}
	match.Turn = m.turn(t, t.patches)
	match.Light, err = m.light(t, t.patches)
	return match, err
}

// load reads the die with a margin and makes its smaller copies. The margin is
// such that every level starts at a whole pixel.
func (m *Matcher) load(img frame.Image, r image.Rectangle, margin, levels int) {
	block := 1 << (levels - 1)
	m.margin = (margin + block - 1) / block * block
	m.levels[0].Load(img, r.Inset(-m.margin))
	for n := 1; n < levels; n++ {
		m.levels[n].Half(m.levels[n-1])
	}
}

// Inside reports whether the whole die, as matched at r, lies in the image.
func (m Match) Inside(img frame.Image, r image.Rectangle) bool {
	return float64(r.Min.X)+m.DX >= 0 && float64(r.Min.Y)+m.DY >= 0 &&
		float64(r.Max.X-1)+m.DX <= float64(img.Width-1) && float64(r.Max.Y-1)+m.DY <= float64(img.Height-1)
}
