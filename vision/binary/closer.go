package binary

import (
	"image"
	"math"
	"math/bits"

	"kensa/vision/defect"
)

// closer looks again at the surroundings of one blob, with the template moved to
// fit just there. It keeps its memory.
type closer struct {
	origin       image.Point     // of the window in the image
	sure         image.Rectangle // where evidence counts, in the window's pixels
	have, want   bitmap          // the window, in whole words
	lost, gained bitmap          // their complements
	evidence     evidence
	topology     topology
}

// view is what is looked at: a box of an image, with the template as it was
// given and about how far it lies from the image there. Nothing outside sure is
// evidence.
type view struct {
	template, test *bitmap
	box, sure      image.Rectangle
	near           offset
	missing        bool // look at the ground in place of the material
}

// look returns the blobs of the window around a box, in pixels from origin.
func (c *closer) look(v view, p Params) ([]defect.Blob, error) {
	seen := v.box.Inset(-p.Alignment.Surroundings).Intersect(v.test.bounds())
	words := image.Rect(seen.Min.X/wordBits, seen.Min.Y, (seen.Max.X+wordBits-1)/wordBits, seen.Max.Y)
	c.origin = image.Pt(words.Min.X*wordBits, words.Min.Y)
	shift := v.fit(seen, p.Alignment)
	c.have.cut(v.test, words, offset{}, v.missing)
	c.want.cut(v.template, words, shift, v.missing)
	c.sure = v.sure.Sub(c.origin)
	return c.evidence.find(&c.have, &c.want, c.sure.Intersect(c.have.bounds()), p.Evidence, p.Evidence.JoinDistance)
}

// joins is the number of pieces that a blob joins.
func (c *closer) joins(b defect.Blob) int { return c.topology.contacts(b, &c.have, &c.want) }

// vanished reports whether a blob is a whole hole of the template that is
// filled, or a whole island that is gone: through what has vanished, it leads to
// nothing that is still there.
func (c *closer) vanished(b defect.Blob) bool {
	c.lost.complement(&c.want)
	c.gained.complement(&c.have)
	return c.topology.contacts(b, &c.lost, &c.gained) == 0
}

// cut copies a part, across in words, of another bitmap moved by d.
func (b *bitmap) cut(from *bitmap, part image.Rectangle, d offset, invert bool) {
	flip := uint64(0)
	if invert {
		flip = ^flip
	}
	b.resize(min(from.width, part.Max.X*wordBits)-part.Min.X*wordBits, part.Dy())
	for y := range b.height {
		row, source := b.row(y), from.row(clamp(part.Min.Y+y-d.dy, from.height))
		for w := range row {
			row[w] = shifted(source, part.Min.X+w, d.dx) ^ flip
		}
	}
}

// fit is the shift at which the fewest pixels of a part differ, each counted
// with what a pixel of shift away from near costs.
func (v view) fit(part image.Rectangle, p Alignment) (best offset) {
	best = v.near
	least := v.differing(part, best, math.MaxInt)
	for dy := -p.Closer; dy <= p.Closer; dy++ {
		for dx := -p.Closer; dx <= p.Closer; dx++ {
			d, away := offset{v.near.dx + dx, v.near.dy + dy}, dx*dx+dy*dy
			if cost := away + v.differing(part, d, least-away); cost < least {
				best, least = d, cost
			}
		}
	}
	return best
}

// differing counts the pixels of a part that differ at a shift, as long as they
// are fewer than limit.
func (v view) differing(part image.Rectangle, d offset, limit int) (count int) {
	for y := part.Min.Y; y < part.Max.Y && count < limit; y++ {
		from, row := v.template.row(clamp(y-d.dy, v.test.height)), v.test.row(y)
		for w := part.Min.X / wordBits; w*wordBits < part.Max.X; w++ {
			count += bits.OnesCount64(between(row[w]^shifted(from, w, d.dx), w, part.Min.X, part.Max.X))
		}
	}
	return count
}
