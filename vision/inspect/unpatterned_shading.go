package inspect

import (
	"image"

	"gocv.io/x/gocv"
)

// edgeReach is the width in pixels of the strip along the wafer's edge whose
// shading depends on the distance from the edge: film that thickens, an edge
// out of focus. A background that is smooth in every direction cannot follow it.
const edgeReach = 256

// levelEdge takes that shading out of the difference. It may change slowly along
// the edge.
func (s *workspace) levelEdge(b *bare) error {
	tmp := &workspace{}
	defer tmp.Close()
	distance, err := tmp.distance(b.edge, b.diff.w, b.diff.h)
	if err != nil {
		return err
	}
	grid := transferGrid{pitch: 128, step: 8, cells: edgeReach / 8, prior: 64}
	// Pixels far off are particles; the nearer the shading is known, the nearer
	// they can be told.
	for _, beyond := range []float32{6, 4, 4} {
		use := nearEdge(b, distance, beyond)
		t := newTransfer(b.diff, distance, use, grid)
		for y := range b.diff.h {
			for x := range b.diff.w {
				i := y*b.diff.w + x
				if d := distance.v[i]; b.valid[i] && d < edgeReach {
					shade := t.at(x, y, d) * min(1, (edgeReach-d)/(edgeReach/4))
					b.diff.v[i] -= shade
					b.surface.v[i] += shade
				}
			}
		}
	}
	return nil
}

// nearEdge tells the pixels of the strip that differ by no more than beyond
// standard deviations.
func nearEdge(b *bare, distance plane, beyond float32) []bool {
	var strip []float32
	n := 0
	for i, d := range distance.v {
		if b.valid[i] && d < edgeReach {
			if n++; n%16 == 0 {
				strip = append(strip, b.diff.v[i])
			}
		}
	}
	limit := beyond * max(spread(strip), 0.25)
	use := make([]bool, len(b.valid))
	for i, d := range distance.v {
		use[i] = b.valid[i] && d < edgeReach && abs(b.diff.v[i]) < limit
	}
	return use
}

// distance is that of each pixel from what lies beyond the edge, in pixels.
func (s *workspace) distance(e waferEdge, w, h int) (plane, error) {
	tmp := &workspace{}
	defer tmp.Close()
	blocks, err := tmp.distanceTo(e.w, e.h, func(i int) bool { return e.beyond[i] })
	if err != nil {
		return plane{}, err
	}
	full := gocv.NewMat()
	err = gocv.Resize(blocks.mat, &full, image.Pt(w, h), 0, 0, gocv.InterpolationLinear)
	p := s.own(full)
	for i := range p.v {
		p.v[i] *= edgeFactor
	}
	return p, err
}
