package geometry

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"periph.io/x/conn/v3/physic"

	"kensa/calibration"
	"kensa/hw/bench"
)

// Options of the procedures.
type Options struct {
	Board    Board
	Light    float64
	Exposure time.Duration
	// Distortion is to be measured: several poses until all of the view is covered.
	// Without it one pose gives the scale.
	Distortion bool
	// PitchError is the plate's own uncertainty, one standard deviation, as a part:
	// 2e-5 for a certified plate.
	PitchError float64

	MaxSkew       float64 // mrad
	MaxDistortion float64 // % at the corner
	MaxRMS        float64 // pixels
	MaxError      float64 // µm, of the uncertainty anywhere in the view
}

// Defaults for a plate.
func Defaults(b Board) Options {
	return Options{Board: b, Light: 0.5, Exposure: 8 * time.Millisecond, PitchError: 2e-5, MaxSkew: 5, MaxDistortion: 2, MaxRMS: 0.1, MaxError: 2}
}

// Procedure measures scale, or scale and distortion, with a plate.
type Procedure struct {
	options Options
	state   State
}

// State is what the procedure remembers from step to step.
type State struct {
	Width, Height int
	Poses         [][]Match
}

// New prepares the procedure. It refuses options that give no result.
func New(o Options) (*Procedure, error) {
	if err := o.Board.Check(); err != nil {
		return nil, err
	}
	if !(o.PitchError >= 0 && o.PitchError < 0.01) {
		return nil, fmt.Errorf("geometry: the plate's pitch is known to %v; want 0 to 0.01", o.PitchError)
	}
	return &Procedure{options: o}, nil
}

// State is for a session's file.
func (p *Procedure) State() any { return &p.state }

// Limits of the plan.
const (
	fixed    = 6  // poses that are always taken
	maxPoses = 14 // after which what is not covered stays so, and is told
)

// Next is the plate in the middle; for distortion, turned by 180° too, then moved
// into each corner, then wherever the view is not covered yet. A wafer covers all of
// the view wherever it lies: it moves by parts of its pitch, so that its dies are seen
// at other pixels.
func (p *Procedure) Next() (calibration.Step, int, bool) {
	n := len(p.state.Poses)
	set := bench.Setting{Target: p.options.Board.Target, Light: p.options.Light, Exposure: p.options.Exposure}
	step := calibration.Step{Name: fmt.Sprintf("pose-%02d", n+1), Frames: 1}
	name := p.options.Board.name()
	if !p.options.Distortion {
		step.Title, step.Set = name+" in the middle", set
		return step, 1, n < 1
	}
	switch {
	case n == 0:
		step.Title = name + " in the middle"
	case n < fixed && p.options.Board.Target == bench.Wafer:
		across, down := float64(n%3)/3, float64(n/3)/2
		step.Title = fmt.Sprintf("%s moved by %.2g and %.2g of its pitch", name, across, down)
		set.X, set.Y = micrometres(across*p.options.Board.Pitch), micrometres(down*p.options.Board.Pitch)
	case n == 1:
		step.Title, set.Turn = name+" turned by 180°", 180*physic.Degree
	case n < fixed:
		x, y := float64(n%2*2-1), float64(n/2%2*2-1)
		step.Title = name + " to the " + corner(x, y)
		p.shift(&set, x, y)
	default:
		u, v, missing := p.uncovered()
		if !missing || n >= maxPoses || p.options.Board.Target == bench.Wafer {
			return step, n, false
		}
		step.Title = fmt.Sprintf("%s to the %s, not covered yet", name, corner(u, v))
		p.shift(&set, math.Copysign(math.Ceil(math.Abs(u)-0.3), u), math.Copysign(math.Ceil(math.Abs(v)-0.3), v))
	}
	step.Set = set
	return step, max(fixed, n+1), true
}

// corner names a place of the view.
func corner(u, v float64) string {
	across, down := "", ""
	switch {
	case u < -0.3:
		across = "left"
	case u > 0.3:
		across = "right"
	}
	switch {
	case v < -0.3:
		down = "upper "
	case v > 0.3:
		down = "lower "
	}
	if across == "" && down == "" {
		return "middle"
	}
	if across == "" {
		return down + "middle"
	}
	return down + across
}

// shift moves the plate as far towards a corner as it stays whole in view, by the
// first pose and its scale.
func (p *Procedure) shift(set *bench.Setting, u, v float64) {
	first := p.state.Poses[0]
	low, high := Point{math.Inf(1), math.Inf(1)}, Point{math.Inf(-1), math.Inf(-1)}
	for _, m := range first {
		low.X, low.Y = min(low.X, m.Seen.X), min(low.Y, m.Seen.Y)
		high.X, high.Y = max(high.X, m.Seen.X), max(high.Y, m.Seen.Y)
	}
	pixel := p.pixel()
	rim := 1.15 * p.options.Board.Pitch / pixel // the squares beyond the outer corners
	room := func(dir, low, high, size float64) float64 {
		if dir < 0 {
			return dir * max(0, low-rim)
		}
		return dir * max(0, size-rim-high)
	}
	set.X = micrometres(pixel * room(u, low.X, high.X, float64(p.state.Width)))
	set.Y = micrometres(pixel * room(v, low.Y, high.Y, float64(p.state.Height)))
}

// pixel is about how large a pixel is, µm, by the first pose.
func (p *Procedure) pixel() float64 {
	_, scale, _, _ := affine(p.state.Poses[0], p.state.Width, p.state.Height)
	return 1 / scale
}

func micrometres(v float64) physic.Distance { return physic.Distance(v * float64(physic.MicroMetre)) }

// grid of patches that must each hold some corners.
const (
	grid   = 5
	enough = 3
)

// uncovered finds a patch with too few corners: its place, −1 to 1.
func (p *Procedure) uncovered() (u, v float64, missing bool) {
	counts := p.coverage()
	for i, n := range counts {
		if n < enough {
			return (float64(i%grid)+0.5)/grid*2 - 1, (float64(i/grid)+0.5)/grid*2 - 1, true
		}
	}
	return 0, 0, false
}

func (p *Procedure) coverage() [grid * grid]int {
	var counts [grid * grid]int
	for _, pose := range p.state.Poses {
		for _, m := range pose {
			x := int(m.Seen.X / float64(p.state.Width) * grid)
			y := int(m.Seen.Y / float64(p.state.Height) * grid)
			counts[min(max(y, 0), grid-1)*grid+min(max(x, 0), grid-1)]++
		}
	}
	return counts
}

// Do finds the board in one exposure.
func (p *Procedure) Do(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	e, err := b.Expose(ctx)
	if err != nil {
		return err
	}
	defer e.Release()
	matches, err := p.options.Board.Find(e)
	if err == nil && len(matches) < 12 {
		err = &calibration.Wrong{What: fmt.Sprintf("only %d %s in view", len(matches), p.options.Board.points()), Remedy: "at least 12 must be in view: move the plate, or take one of a finer pitch"}
	}
	if err != nil {
		return err
	}
	fit, err := Solve([][]Match{matches}, e.Width, e.Height, len(matches) >= Bends)
	if err != nil {
		return err
	}
	want := float64(step.Set.Turn) / float64(physic.Radian)
	if off := math.Remainder(fit.Turns[0]-want, p.options.Board.symmetry()); math.Abs(off) > math.Pi/6 {
		return &calibration.Wrong{What: fmt.Sprintf("the %s lies turned by %.0f°; want %.0f°", p.options.Board.name(), degrees(fit.Turns[0]), degrees(want)),
			Remedy: remedy(off)}
	}
	p.state.Width, p.state.Height = e.Width, e.Height
	p.state.Poses = append(p.state.Poses, matches)
	tell(calibration.Reading{Done: 1, Name: "corners fit to", Value: fit.RMS, Unit: "pixels", Band: calibration.AtMost(p.options.MaxRMS)})
	return nil
}

func degrees(radians float64) float64 { return radians * 180 / math.Pi }

// remedy says how to turn the plate.
func remedy(off float64) string {
	if math.Abs(off) > math.Pi*5/6 {
		return "it lies upside down: turn it by 180°"
	}
	if off > 0 {
		return fmt.Sprintf("turn it anticlockwise by %.0f°, as seen in the picture", degrees(off))
	}
	return fmt.Sprintf("turn it clockwise by %.0f°, as seen in the picture", degrees(-off))
}

// Result fits all poses together.
func (p *Procedure) Result() (*calibration.Result, error) {
	o := p.options
	if n := len(p.state.Poses); n == 0 || o.Distortion && n < fixed {
		return nil, fmt.Errorf("geometry: %d poses; want at least %d", n, map[bool]int{false: 1, true: fixed}[o.Distortion])
	}
	// Distortion that is left out would change the scale: one pose of enough points
	// shows it well enough to take it out.
	fit, err := Solve(p.state.Poses, p.state.Width, p.state.Height, o.Distortion || len(p.state.Poses[0]) >= Bends)
	if err != nil {
		return nil, err
	}
	ex, ey, eskew, ek := p.errors(fit)
	k := calibration.K
	plate := func(v float64) float64 { return v * o.PitchError }
	uncertainty := p.uncertainty(fit)
	r := &calibration.Result{
		Figures: []calibration.Figure{
			{Name: "pixel-x", Title: "pixel size in x", Value: fit.PixelX, Uncertainty: k * math.Hypot(ex, plate(fit.PixelX)), Unit: "µm"},
			{Name: "pixel-y", Title: "pixel size in y", Value: fit.PixelY, Uncertainty: k * math.Hypot(ey, plate(fit.PixelY)), Unit: "µm"},
			{Name: "skew", Title: "pixel axes off a right angle", Value: 1e3 * fit.Skew, Uncertainty: k * 1e3 * eskew, Unit: "mrad",
				Limits: calibration.Between(-o.MaxSkew, o.MaxSkew)},
			{Name: "turn", Title: "plate turned against the camera, first pose", Value: 1e3 * math.Remainder(fit.Turns[0], o.Board.symmetry()), Unit: "mrad",
				// A side that is off alike turns the plate as it skews it.
				Uncertainty: k * 1e3 * math.Hypot(fit.TurnError, eskew)},
			{Name: "rms", Title: "corners off the fit, rms", Value: fit.RMS, Unit: "pixels", Limits: calibration.AtMost(o.MaxRMS)},
			{Name: "error", Title: "worst uncertainty of a place in the view", Value: float64(slices.Max(uncertainty.Values)), Unit: "µm",
				Limits: calibration.AtMost(o.MaxError)},
		},
		Parameters: map[string]float64{"pixel_x_um": fit.PixelX, "pixel_y_um": fit.PixelY, "skew_rad": fit.Skew},
		Maps:       []calibration.Map{uncertainty},
	}
	if !o.Distortion && math.Abs(fit.K) > k*ek && math.Abs(fit.K) > 1e-3 {
		r.Notes = append(r.Notes, fmt.Sprintf("the lens distorts by about %.1f %% at the corner: kensa calibrate geometry measures that", 100*fit.K))
	}
	if o.Distortion {
		r.Figures = append(r.Figures, calibration.Figure{Name: "distortion", Title: "distortion at the corner", Value: 100 * fit.K, Uncertainty: k * 100 * ek,
			Unit: "%", Limits: calibration.Between(-o.MaxDistortion, o.MaxDistortion)})
		r.Parameters["distortion"], r.Parameters["centre_x_px"], r.Parameters["centre_y_px"] = fit.K, fit.CentreX, fit.CentreY
		r.Maps = append(r.Maps, p.residuals(fit))
		if _, _, missing := p.uncovered(); missing {
			r.Notes = append(r.Notes, "not all of the view was covered; the uncertainty map tells where it is not known well")
		}
	}
	return r, nil
}

// Bends is from how many points of one pose distortion can be told from scale.
const Bends = 60

// alike is what all points at one side of the plate may be off together, pixels,
// one standard deviation: by the light's shading, or by the sampling of edges. The
// residuals do not show it.
const alike = 0.006

// errors are the fit's standard errors, with what the residuals do not show.
func (p *Procedure) errors(fit *Fit) (x, y, skew, k float64) {
	x, y, skew, k = fit.Errors()
	low, high := Point{math.Inf(1), math.Inf(1)}, Point{math.Inf(-1), math.Inf(-1)}
	for _, m := range p.state.Poses[0] {
		low, high = Point{min(low.X, m.Seen.X), min(low.Y, m.Seen.Y)}, Point{max(high.X, m.Seen.X), max(high.Y, m.Seen.Y)}
	}
	width, height := alike/(high.X-low.X), alike/(high.Y-low.Y)
	return math.Hypot(x, fit.PixelX*width), math.Hypot(y, fit.PixelY*height), math.Hypot(skew, max(width, height)), math.Hypot(k, max(width, height))
}

// Size of the uncertainty map.
const mapColumns, mapRows = 33, 25

// uncertainty of a place's distance from the frame's middle, expanded, µm.
func (p *Procedure) uncertainty(fit *Fit) calibration.Map {
	m := calibration.Map{Name: "uncertainty", Title: "uncertainty of a place against the middle", Unit: "µm", Width: mapColumns, Height: mapRows}
	for j := range mapRows {
		for i := range mapColumns {
			x := (float64(i)/(mapColumns-1) - 0.5) * float64(p.state.Width)
			y := (float64(j)/(mapRows-1) - 0.5) * float64(p.state.Height)
			own := p.options.PitchError * math.Hypot(x*fit.PixelX, y*fit.PixelY)
			m.Values = append(m.Values, float32(calibration.K*math.Hypot(fit.Uncertainty(x, y), own)))
		}
	}
	return m
}

// residuals are the corners' distances from the fit, µm, by patch; NaN where no
// corner was seen.
func (p *Procedure) residuals(fit *Fit) calibration.Map {
	const columns, rows = 16, 12
	m := calibration.Map{Name: "residual", Title: "corners off the fit, rms", Unit: "µm", Width: columns, Height: rows, Values: make([]float32, columns*rows)}
	counts := make([]float32, columns*rows)
	for n, pose := range p.state.Poses {
		for i, match := range pose {
			x := min(max(int(match.Seen.X/float64(p.state.Width)*columns), 0), columns-1)
			y := min(max(int(match.Seen.Y/float64(p.state.Height)*rows), 0), rows-1)
			d := fit.Residuals[n][i]
			m.Values[y*columns+x] += float32(math.Pow(d.X*fit.PixelX, 2) + math.Pow(d.Y*fit.PixelY, 2))
			counts[y*columns+x]++
		}
	}
	for i, n := range counts {
		m.Values[i] = float32(math.Sqrt(float64(m.Values[i] / n)))
	}
	return m
}
