// Package stage measures how the stage moves, as the camera sees it: the affine map
// from where it was told to go, in µm, to where the target went, in µm along the
// camera's pixel rows and columns; backlash and repeatability of each axis.
//
// A plate of known pitch lies on the stage; any part of it may be in view. Each
// frame gives, by a least-squares fit to all points in view, the plate's place under
// the frame's middle, but for whole periods of the plate. Moves grow from a quarter of
// the pitch, each predicted by the ones before, so that the periods are known. Where
// the camera's scale is known already, any pattern serves (Pattern).
//
// Terms are those of ISO 230-2: a place is approached from one side, and backlash
// is the reversal value, the mean difference between approaches from both.
package stage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"periph.io/x/conn/v3/physic"

	"kensa/calibration"
	"kensa/calibration/geometry"
	"kensa/hw/bench"
)

// Options of the procedure. Lengths are in µm.
type Options struct {
	// Board lies on the stage; with a Pattern only its target counts.
	Board    geometry.Board
	Pattern  Pattern
	Light    float64
	Exposure time.Duration
	// Reach is how far the stage moves from the middle, each way.
	Reach float64
	// Approach is from how far a place is approached; more than the backlash.
	Approach float64
	// Returns to one place, for repeatability, and from each side, for backlash.
	Returns int
	// ByHand spares moves, since a person makes each: fewer rings, with four places but
	// the last, and the approaches from both sides serve for repeatability too.
	ByHand bool
	// PitchError is the plate's own uncertainty, one standard deviation, as a part.
	PitchError float64

	MaxScale      float64 // of a move, ‰
	MaxSquareness float64 // mrad
	MaxBacklash   float64
	MaxRepeat     float64 // one standard deviation
}

// Defaults for a plate.
func Defaults(b geometry.Board) Options {
	return Options{Board: b, Light: 0.5, Exposure: 8 * time.Millisecond, Reach: 200, Approach: 20, Returns: 15, PitchError: 2e-5,
		MaxScale: 2, MaxSquareness: 2, MaxBacklash: 2, MaxRepeat: 0.5}
}

// Procedure measures a stage.
type Procedure struct {
	options Options
	state   State
}

// State is what the procedure remembers from step to step.
type State struct {
	Rings int
	Moves []Move
	// Axes are the differences between approaches from above and below, in the
	// camera's directions, by axis.
	Axes [2][]geometry.Point
	// Returned is where the stage was after each return, in the camera's directions.
	Returned []geometry.Point
	// Lows are where it was after the approaches from below that Axes are differences to.
	Lows [2][]geometry.Point
	// PixelX and PixelY, µm, by the plate.
	PixelX, PixelY float64
}

// New prepares the procedure. It refuses options that give no result.
func New(o Options) (*Procedure, error) {
	if !o.Pattern.known() {
		if err := o.Board.Check(); err != nil {
			return nil, fmt.Errorf("stage: %w", err)
		}
	}
	switch {
	case o.Pattern.known() && !(o.Reach >= 2*o.first()):
		return nil, fmt.Errorf("stage: reach %v µm; want at least %.4g µm, %d pixels", o.Reach, 2*o.first(), 2*firstMove)
	case !o.Pattern.known() && !(o.Reach >= o.Board.Pitch):
		return nil, fmt.Errorf("stage: reach %v µm; want at least the plate's pitch, %v µm", o.Reach, o.Board.Pitch)
	case !(o.Approach > 0):
		return nil, fmt.Errorf("stage: approach from %v µm; want more than 0", o.Approach)
	case o.Returns < 5:
		return nil, fmt.Errorf("stage: %d returns; want at least 5", o.Returns)
	case !(o.PitchError >= 0 && o.PitchError < 0.01):
		return nil, fmt.Errorf("stage: the plate's pitch is known to %v; want 0 to 0.01", o.PitchError)
	}
	return &Procedure{options: o}, nil
}

// State is for a session's file.
func (p *Procedure) State() any { return &p.state }

// first is how large the first moves are, which nothing predicts yet.
func (o Options) first() float64 {
	if o.Pattern.known() {
		return firstMove * math.Min(o.Pattern.PixelX, o.Pattern.PixelY)
	}
	return o.Board.Pitch / 4
}

// sight is what the moves are seen by.
func (o Options) sight() sight {
	if o.Pattern.known() {
		return &template{Pattern: o.Pattern, reach: o.Reach}
	}
	return &plate{board: o.Board}
}

// radius of a ring of moves, up to the reach: each twice as large as the one before, or
// eight times by hand, which the plate's period allows as well.
func (p *Procedure) radius(ring int) float64 {
	if p.options.ByHand {
		ring *= 3
	}
	return math.Min(math.Ldexp(p.options.first(), ring), p.options.Reach)
}

// rings is how many there are.
func (p *Procedure) rings() int {
	n := 1
	for p.radius(n-1) < p.options.Reach {
		n++
	}
	return n
}

// around is the places of a ring about the middle.
func (p *Procedure) around(ring int) []geometry.Point {
	r := p.radius(ring)
	all := []geometry.Point{{X: r}, {Y: r}, {X: -r}, {Y: -r}, {X: r, Y: r}, {X: -r, Y: r}, {X: -r, Y: -r}, {X: r, Y: -r}}
	if p.options.ByHand && ring < p.rings()-1 {
		return all[:cross]
	}
	return all
}

// cross is how many places of a ring lie along the axes; as many determine the map.
const cross = 4

// Moves is how many places the stage goes to in all.
func (p *Procedure) Moves() (n int) {
	for ring := range p.rings() {
		n += 1 + len(p.around(ring))
	}
	n += 4 * p.options.Returns
	if !p.options.ByHand {
		n += 2 * (p.options.Returns + 1)
	}
	return n
}

// Next is a ring of moves, then approaches from both sides in x and in y, then
// returns to the middle.
func (p *Procedure) Next() (calibration.Step, int, bool) {
	o, s := p.options, &p.state
	of := p.rings() + 2
	if !o.ByHand {
		of++
	}
	step := calibration.Step{Set: bench.Setting{Target: o.Board.Target, Light: o.Light, Exposure: o.Exposure}}
	switch {
	case s.Rings < p.rings():
		step.Name, step.Title, step.Frames = fmt.Sprintf("ring-%02d", s.Rings+1), fmt.Sprintf("moves of %.4g µm", p.radius(s.Rings)), 1+len(p.around(s.Rings))
	case s.Axes[0] == nil:
		step.Name, step.Title, step.Frames = "backlash-x", "x from both sides", 2*o.Returns
	case s.Axes[1] == nil:
		step.Name, step.Title, step.Frames = "backlash-y", "y from both sides", 2*o.Returns
	case s.Returned == nil && !o.ByHand:
		step.Name, step.Title, step.Frames = "return", "returns to the middle", o.Returns+1
	default:
		return step, of, false
	}
	return step, of, true
}

// Do takes the step's exposures. Each step begins in the middle and counts from
// there, so that a plate that was nudged between two of them does no harm.
func (p *Procedure) Do(ctx context.Context, b bench.Bench, step calibration.Step, tell func(calibration.Reading)) error {
	w := &walk{Procedure: p, bench: b, step: step, tell: tell, sight: p.options.sight()}
	switch step.Name {
	case "backlash-x":
		return w.reverse(ctx, 0)
	case "backlash-y":
		return w.reverse(ctx, 1)
	case "return":
		return w.returns(ctx)
	default:
		return w.ring(ctx)
	}
}

// walk is one step under way.
type walk struct {
	*Procedure
	bench bench.Bench
	step  calibration.Step
	tell  func(calibration.Reading)
	sight sight
	done  int
}

// ring goes to the places about the middle.
func (w *walk) ring(ctx context.Context) error {
	if _, err := w.visit(ctx, geometry.Point{}, below, below, nil); err != nil {
		return err
	}
	moves := append([]Move(nil), w.state.Moves...)
	for _, to := range w.around(w.state.Rings) {
		at, err := w.visit(ctx, to, below, below, moves)
		if err != nil {
			return err
		}
		moves = append(moves, Move{to.X, to.Y, at.X, at.Y})
	}
	w.state.Moves, w.state.Rings = moves, w.state.Rings+1
	w.state.PixelX, w.state.PixelY = w.sight.pixel()
	return nil
}

// reverse approaches the middle from below and from above, in turn.
func (w *walk) reverse(ctx context.Context, axis int) error {
	var differences, lows []geometry.Point
	for range w.options.Returns {
		low, err := w.visit(ctx, geometry.Point{}, below, below, nil)
		if err != nil {
			return err
		}
		side := [2]float64{below, below}
		side[axis] = above
		high, err := w.visit(ctx, geometry.Point{}, side[0], side[1], nil)
		if err != nil {
			return err
		}
		differences, lows = append(differences, geometry.Point{X: high.X - low.X, Y: high.Y - low.Y}), append(lows, low)
	}
	w.state.Axes[axis], w.state.Lows[axis] = differences, lows
	return nil
}

// returns comes back to the middle from all around.
func (w *walk) returns(ctx context.Context) error {
	var places []geometry.Point
	for n := range w.options.Returns + 1 {
		sin, cos := math.Sincos(float64(n) * math.Pi * (3 - math.Sqrt(5))) // the golden angle
		if err := w.set(ctx, geometry.Point{X: w.options.Reach * cos, Y: w.options.Reach * sin}, geometry.Point{}); err != nil {
			return err
		}
		at, err := w.visit(ctx, geometry.Point{}, below, below, nil)
		if err != nil {
			return err
		}
		places = append(places, at)
	}
	w.state.Returned = places
	return nil
}

// Sides from which a place is approached.
const (
	below = -1.0
	above = 1.0
)

// visit approaches a place and says where the plate went, from the step's first
// exposure, µm in the camera's directions.
func (w *walk) visit(ctx context.Context, to geometry.Point, sideX, sideY float64, known []Move) (geometry.Point, error) {
	far := w.options.Approach
	if err := w.set(ctx, to, geometry.Point{X: sideX * far, Y: sideY * far}); err != nil {
		return geometry.Point{}, err
	}
	guess, err := w.expect(to, known)
	if err != nil {
		return geometry.Point{}, err
	}
	e, err := w.bench.Expose(ctx)
	if err != nil {
		return geometry.Point{}, err
	}
	defer e.Release()
	at, err := w.sight.see(e, guess)
	if err != nil {
		return geometry.Point{}, err
	}
	w.done++
	w.tell(calibration.Reading{Done: w.done, Name: "off by", Value: math.Hypot(at.X-guess.X, at.Y-guess.Y), Unit: "µm"})
	return at, nil
}

func (w *walk) set(ctx context.Context, to, via geometry.Point) error {
	set := w.step.Set
	set.X, set.Y, set.ViaX, set.ViaY = distance(to.X), distance(to.Y), distance(via.X), distance(via.Y)
	_, err := w.bench.Set(ctx, set)
	return err
}

func distance(um float64) physic.Distance {
	return physic.Distance(math.Round(um * float64(physic.MicroMetre)))
}

// expect is where a place should appear: by the moves before it, or where the
// plate is if there are too few of them.
func (w *walk) expect(to geometry.Point, known []Move) (geometry.Point, error) {
	if len(known) < cross {
		return geometry.Point{}, nil
	}
	f, err := fit(known)
	if err != nil {
		return geometry.Point{}, err
	}
	return geometry.Point{X: f.xx*to.X + f.xy*to.Y, Y: f.yx*to.X + f.yy*to.Y}, nil
}

// errNone means that Result came too early.
var errNone = errors.New("stage: no moves yet")
