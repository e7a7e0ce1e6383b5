package hotpath

import "image"

// Grey writes the matched grey levels of the die at places[n] of the last
// Compare, within r, to where they belong in a die-sized plane, by rows: the
// pass keeps none, because they are wanted only around defects. r is clipped to
// the die.
func (p *Pass) Grey(n int, r image.Rectangle, plane []uint8) {
	j, d := &p.job, p.job.die(n)
	r = r.Intersect(image.Rect(0, 0, int(j.width), int(j.height)))
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			above, below := j.shifted(d, x, y), j.shifted(d, x, y+1)
			plane[y*int(j.width)+x] = j.matched(d, lerp(above, below, int16(d.v)), x, y)
		}
	}
}
