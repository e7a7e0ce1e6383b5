package inspect

import (
	"image"
	"math"

	"kensa/vision/frame"
	"kensa/vision/hotpath"
	"kensa/vision/pose"
	"kensa/vision/register"
)

// straight is a die in an image that was straightened for tracking it, at place.
type straight struct {
	tile  frame.Image
	place hotpath.Place
}

// find is where a die lies, straightened by what is known of the turn; the Match
// holds its whole shift, and the turn that is left. Where the die lies near to
// where it was expected, the straightened image can be compared.
func (g *Golden) find(img frame.Image, r image.Rectangle) (register.Match, *straight, error) {
	x, y := middleOf(img, r)
	at := pose.Pose{Turn: g.turned.die}
	at.DX, at.DY = g.turned.field.Shift(x, y)
	tile, in := g.tile(img, r, at, around)
	if m, ok := g.matcher.Track(g.template, tile, nil, in, 0, 0, g.params.Registration); ok {
		if math.Hypot(m.DX, m.DY) > near {
			return moved(m, at), nil, nil
		}
		place := hotpath.Place{X: float64(in.Min.X) + m.DX, Y: float64(in.Min.Y) + m.DY}
		return moved(m, at), &straight{tile, place}, nil
	}
	m, err := g.matchStraightened(img, r, at)
	return m, nil, err
}

// matchStraightened looks for a die in full around where the pose has it.
func (g *Golden) matchStraightened(img frame.Image, r image.Rectangle, at pose.Pose) (register.Match, error) {
	tile, in := g.tile(img, r, at, int(g.params.Registration.MaxShift)+lookAround)
	m, err := g.matcher.Match(g.template, tile, in, g.params.Registration)
	return moved(m, at), err
}

// tile straightens a die with a margin; in is where the die is expected in it.
func (g *Golden) tile(img frame.Image, r image.Rectangle, at pose.Pose, margin int) (tile frame.Image, in image.Rectangle) {
	x, y := float64(r.Min.X+r.Max.X-1)/2+at.DX, float64(r.Min.Y+r.Max.Y-1)/2+at.DY
	in = image.Rectangle{Max: g.size}.Add(image.Pt(margin, margin))
	return g.straighter.Straighten(img, g.flat, at.Turn, x, y, g.size.X+2*margin, g.size.Y+2*margin), in
}

// moved adds a pose to what was found in the image that it straightened.
func moved(m register.Match, at pose.Pose) register.Match {
	dx, dy := at.Apply(m.DX, m.DY)
	m.DX, m.DY = at.DX+dx, at.DY+dy
	return m
}
