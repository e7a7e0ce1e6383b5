package inspect

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"

	"kensa/vision/frame"
	"kensa/vision/pose"
	"kensa/vision/register"
)

// A die that is turned against its golden by more than shows is straightened
// before it is compared.
const (
	shows     = 0.025 // pixel that an angle may displace a die's corner
	grows     = 0.1   // pixel that a scale may; a die's marks tell it less well, for defects and wide lines pass for it
	settledBy = 0.02  // pixel; a smaller change of it is the last
	rounds    = 4     // to settle the turn
	anchors   = 5     // dies that it is settled by
	around    = 3     // pixels around a die for tracking it
	near      = 0.15  // pixel; by so little the kernel may shift a straightened die, and blur it a second time
	// lookAround is how many pixels more than the greatest shift Match reads
	// around a die.
	lookAround = 10
)

// turned is how the dies of the frames before, and of this one, lie.
type turned struct {
	field pose.Pose // the dies among each other against the layout
	die   pose.Turn // each against its golden, which may have been learnt turned
}

// away reports whether dies must be straightened.
func (t turned) away(size image.Point) bool {
	corner := math.Hypot(float64(size.X), float64(size.Y)) / 2
	return math.Abs(float64(t.die.Angle))*corner > shows || math.Abs(t.die.Scale)*corner > grows
}

// reach is how far a frame's corner is from its middle, pixels.
func reach(img frame.Image) float64 { return math.Hypot(float64(img.Width), float64(img.Height)) / 2 }

// middleOf is where the middle of a die is expected, from the frame's middle.
func middleOf(img frame.Image, r image.Rectangle) (x, y float64) {
	return float64(r.Min.X+r.Max.X-img.Width) / 2, float64(r.Min.Y+r.Max.Y-img.Height) / 2
}

// sight notes where a die was found.
func (g *Golden) sight(img frame.Image, r image.Rectangle, m register.Match) {
	x, y := middleOf(img, r)
	g.sightings = append(g.sightings, pose.Sighting{X: x, Y: y, DX: m.DX, DY: m.DY})
	g.turns = append(g.turns, m.Turn)
}

// learnTurn takes over what the sightings say. Each die's own turn is the median
// of all, for one die's is uncertain and the camera turns all of them.
func (g *Golden) learnTurn(dies int) {
	if len(g.sightings) == 0 {
		return
	}
	g.turned.field, _ = pose.Fit(g.sightings)
	g.turned.die = medianTurn(g.turns)
	if dies == 1 || len(g.sightings) == 1 { // nothing among which to be turned
		g.turned.field.Turn = g.turned.die
	}
}

func medianTurn(turns []pose.Turn) pose.Turn {
	n := len(turns) / 2
	slices.SortFunc(turns, func(a, b pose.Turn) int { return cmp.Compare(a.Scale, b.Scale) })
	scale := turns[n].Scale
	slices.SortFunc(turns, func(a, b pose.Turn) int { return cmp.Compare(a.Angle, b.Angle) })
	return pose.Turn{Angle: turns[n].Angle, Scale: scale}
}

// tellTurn enters the field's turn into its dies.
func (g *Golden) tellTurn(dies []Die) {
	for n := range dies {
		dies[n].Field = g.turned.field.Turn
	}
}

// inspectTurned straightens each die and compares it by itself. It begins with
// the turn of the frame before, or with what this frame's dies said.
func (g *Golden) inspectTurned(img frame.Image, rects []image.Rectangle) ([]Die, error) {
	dies := make([]Die, len(rects))
	if !g.settle(img, rects) {
		g.turned = turned{}
		return g.lost(img, rects)
	}
	g.sightings, g.turns = g.sightings[:0], g.turns[:0]
	limit := pose.Angle(g.params.MaxTurn) * pose.Degree
	if worst := max(g.turned.field.Angle, -g.turned.field.Angle, g.turned.die.Angle, -g.turned.die.Angle); worst > limit {
		for n, r := range rects {
			dies[n] = Die{Rect: r, Reason: fmt.Sprintf("the field is turned by %v, the die by %v; limit is %v", g.turned.field.Angle, g.turned.die.Angle, limit)}
		}
		g.tellTurn(dies)
		return dies, nil
	}
	for n, r := range rects {
		var err error
		if dies[n], err = g.inspectOne(img, r); err != nil {
			return nil, err
		}
	}
	if len(g.sightings) > 0 {
		g.refineTurn(len(rects))
	}
	g.tellTurn(dies)
	return dies, nil
}

// lost is a field of which no die was found.
func (g *Golden) lost(img frame.Image, rects []image.Rectangle) ([]Die, error) {
	dies := make([]Die, 0, len(rects))
	g.places, g.turns, g.sightings = g.places[:0], g.turns[:0], g.sightings[:0]
	for _, r := range rects {
		die, err := g.register(img, r)
		if err != nil {
			return nil, err
		}
		if die.Registered {
			die = Die{Rect: r, Reason: "the turn of its field does not settle"}
		}
		dies = append(dies, die)
	}
	return dies, nil
}

// settle finds the field's shift, and the turn where it is another than in the
// frame before, by a few dies that lie apart. False means that none was found.
func (g *Golden) settle(img frame.Image, rects []image.Rectangle) bool {
	chosen := apart(img, rects)
	g.turned.field.DX, g.turned.field.DY = 0, 0 // those of another frame say nothing
	g.sightings, g.turns = g.sightings[:0], g.turns[:0]
	for n, r := range chosen {
		if g.settleShift(img, r) {
			chosen[0], chosen[n] = chosen[n], chosen[0]
			break
		}
	}
	if len(g.sightings) == 0 {
		return false
	}
	if g.turns[0].Off(g.corner()) < grows && g.turned.away(g.size) {
		return true
	}
	for range rounds {
		g.sightings, g.turns = g.sightings[:0], g.turns[:0]
		for _, r := range chosen {
			if m, _, err := g.find(img, r); err == nil {
				g.sight(img, r, m)
			}
		}
		if len(g.sightings) == 0 {
			return false
		}
		if left := g.refineTurn(len(rects)); left.Off(g.corner()) < settledBy {
			break
		}
	}
	return true
}

// settleShift takes the field's shift from one die.
func (g *Golden) settleShift(img frame.Image, r image.Rectangle) bool {
	m, _, err := g.find(img, r)
	if err != nil {
		return false
	}
	g.sight(img, r, m)
	x, y := middleOf(img, r)
	dx, dy := g.turned.field.Shift(x, y)
	g.turned.field.DX, g.turned.field.DY = m.DX-dx, m.DY-dy
	return true
}

// refineTurn is learnTurn where dies were straightened: what their sightings say
// is left of the turn.
func (g *Golden) refineTurn(dies int) (left pose.Turn) {
	before := g.turned.die
	g.learnTurn(dies)
	left = g.turned.die
	g.turned.die = before.And(left)
	if len(g.sightings) == 1 {
		g.turned.field.Turn = g.turned.die
	}
	return left
}

// corner is how far a die's corner is from its middle, pixels.
func (g *Golden) corner() float64 { return math.Hypot(float64(g.size.X), float64(g.size.Y)) / 2 }

// apart are the dies nearest to the frame's middle and to its corners, the
// middle first: it is displaced least.
func apart(img frame.Image, rects []image.Rectangle) []image.Rectangle {
	var chosen []image.Rectangle
	w, h := float64(img.Width)/2, float64(img.Height)/2
	for _, at := range [anchors][2]float64{{0, 0}, {-w, -h}, {w, h}, {w, -h}, {-w, h}} {
		nearest := slices.MinFunc(rects, func(a, b image.Rectangle) int {
			ax, ay := middleOf(img, a)
			bx, by := middleOf(img, b)
			return cmp.Compare(math.Hypot(ax-at[0], ay-at[1]), math.Hypot(bx-at[0], by-at[1]))
		})
		if !slices.Contains(chosen, nearest) {
			chosen = append(chosen, nearest)
		}
	}
	return chosen
}

// inspectOne finds, straightens and compares a die.
func (g *Golden) inspectOne(img frame.Image, r image.Rectangle) (Die, error) {
	die := Die{Rect: r}
	if !r.Overlaps(img.Bounds()) {
		die.Reason = fmt.Sprintf("lies outside the frame of %d×%d pixels", img.Width, img.Height)
		return die, nil
	}
	if die.Reason = g.overexposed(img, r); die.Reason != "" {
		return die, nil
	}
	m, found, err := g.find(img, r)
	var mismatch register.Mismatch
	if errors.As(err, &mismatch) {
		die.Reason = string(mismatch)
		return die, nil
	}
	if err != nil {
		return die, err
	}
	g.sight(img, r, m)
	die.Shift, die.Turn, die.Light = Shift{m.DX, m.DY}, g.turned.die, m.Light.Gain
	if reason := g.outside(img, die); reason != "" {
		die.Reason = reason
		return die, nil
	}
	if found == nil {
		tile, _ := g.tile(img, r, pose.Pose{DX: m.DX, DY: m.DY, Turn: die.Turn}, 0)
		found = &straight{tile: tile}
	}
	return g.compareOne(*found, die, m.Light)
}

// outside says that a die is not wholly in the frame, or too far off once the
// turn is accounted for; empty where neither is so.
func (g *Golden) outside(img frame.Image, die Die) string {
	for _, corner := range [4]image.Point{{}, {g.size.X - 1, 0}, {0, g.size.Y - 1}, g.size.Sub(image.Pt(1, 1))} {
		if x, y := die.InFrame(float64(corner.X), float64(corner.Y)); x < 0 || y < 0 || x > float64(img.Width-1) || y > float64(img.Height-1) {
			return fmt.Sprintf("shifted by (%.1f, %.1f) pixels and turned by %v it leaves the frame of %d×%d", die.Shift.DX, die.Shift.DY, die.Turn.Angle, img.Width, img.Height)
		}
	}
	dx, dy := g.turned.field.DX, g.turned.field.DY
	if limit := g.params.Registration.MaxShift; math.Abs(dx) > limit || math.Abs(dy) > limit {
		return fmt.Sprintf("its field is shifted by (%.1f, %.1f) pixels; limit is %v", dx, dy, limit)
	}
	return ""
}

// compareOne compares a straightened die.
func (g *Golden) compareOne(s straight, die Die, light register.Light) (Die, error) {
	at := s.place
	at.Gain, at.GainX, at.GainY, at.Offset = light.Gain, light.GainX, light.GainY, light.Offset
	if err := at.CheckLight(g.size.X, g.size.Y); err != nil {
		die.Reason = err.Error()
		return die, nil
	}
	g.places = append(g.places[:0], at)
	if err := g.pass.Compare(s.tile, nil, g.reference, g.places); err != nil {
		return die, err
	}
	die.Registered = true
	one := []Die{die}
	err := g.judge(one)
	return one[0], err
}
