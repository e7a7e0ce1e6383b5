package hotpath

import "image"

// Grey writes the matched grey levels of the die last compared, within r, to
// where they belong in a die-sized plane, by rows: the pass keeps none, because
// they are wanted only around defects. r is clipped to the die. The image
// compared must still be unchanged.
func (p *Pass) Grey(r image.Rectangle, die []uint8) {
	j := &p.job
	r = r.Intersect(image.Rect(0, 0, int(j.width), int(j.height)))
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			above, below := j.shifted(x, y), j.shifted(x, min(y+1, int(j.rows)-1))
			die[y*int(j.width)+x] = j.matched(lerp(above, below, int16(j.v)), x, y)
		}
	}
}

// shifted is h at the pixel (x, y).
func (j *job) shifted(x, y int) int16 {
	return lerp(j.corrected(x, y), j.corrected(min(x+1, int(j.columns)-1), y), int16(j.u))
}
