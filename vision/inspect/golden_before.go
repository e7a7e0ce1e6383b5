package inspect

import (
	"image"

	"kensa/vision/frame"
	"kensa/vision/register"
)

// fieldBefore is where the dies of the field before lay. A stage that repeats puts
// the next one nearly there, so that its first die need not be searched for. A
// pattern that repeats could make a die pass for its like a period beside: then
// sure, the least support that is believed, is more than any die reaches.
type fieldBefore struct {
	sure  float64
	shift Shift
	known bool
}

// unsure is the likeness of a golden with itself from which on the support of a
// die cannot tell the right place from a wrong one.
const unsure = 0.95

// sure is the support from which on a die that is tracked, not searched for,
// lies where it was found: halfway between that of a wrong place and 1.
func sure(t *register.Template, p register.Params) float64 {
	alias := t.Alias(2 * p.MaxShift) // from one end of the stage's play to the other
	if alias > unsure {
		return 2
	}
	return (1 + alias) / 2
}

// keep takes over where a field's first registered die lies.
func (b *fieldBefore) keep(dies []Die) {
	for _, d := range dies {
		if d.Registered {
			b.shift, b.known = d.Shift, true
			return
		}
	}
}

// trackFromBefore tracks a field's first die.
func (g *Golden) trackFromBefore(img frame.Image, r image.Rectangle) (register.Match, bool) {
	if !g.before.known || g.before.sure > 1 {
		return register.Match{}, false
	}
	dx, dy := g.before.shift.DX, g.before.shift.DY
	m, ok := g.matcher.Track(g.template, img, g.flat, r, dx, dy, g.params.Registration)
	return m, ok && m.Support >= g.before.sure
}
