package inspect

// agreement is the share, 0 to 1, of the image's blocks whose edges are where
// the reference has them: those whose samples correlate by half or more. Blocks
// count by their contrast in the reference. A wrong place on a regular pattern
// can reach a high correlation of the whole; it fails in many blocks.
func (a *aligner) agreement(w, h int) float64 {
	const side, least = 32, 32 // pixels; samples that make a block count
	nx, ny := (w+side-1)/side, (h+side-1)/side
	blocks := make([]moments, nx*ny)
	for _, s := range a.samples {
		if s.weight > 0 {
			blocks[int(s.y)/side*nx+int(s.x)/side].add(float64(s.ref), float64(s.v), 1)
		}
	}
	var agree, all float64
	for _, m := range blocks {
		if m.n < least {
			continue
		}
		contrast := m.deviation()
		all += contrast
		if m.correlation() >= 0.5 {
			agree += contrast
		}
	}
	if all == 0 {
		return 0
	}
	return agree / all
}
