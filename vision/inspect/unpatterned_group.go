package inspect

import (
	"image"

	"kensa/vision/defect"
)

// grouped leaves out what belongs to a greater finding near by: the glow round
// a strong particle, of the other polarity and much weaker, and the fragments
// of a wide stain's rim.
func (b *bare) grouped(blobs []defect.Blob) []defect.Blob {
	var owners []owner
	for n, blob := range blobs {
		if o, ok := b.owner(n, blob); ok {
			owners = append(owners, o)
		}
	}
	var out []defect.Blob
	for n, blob := range blobs {
		if !owned(n, blob, owners) {
			out = append(out, blob)
		}
	}
	return out
}

// An owner is a finding large or strong enough that others may belong to it.
type owner struct {
	n        int // its place among the blobs
	blob     defect.Blob
	stain    bool
	touching image.Rectangle // as far as what is a part of it reaches
	around   image.Rectangle // as far as its glow reaches
}

const (
	glowPeak = 40   // standard deviations from which a finding may glow
	stainMin = 1000 // pixels from which a faint finding is a stain with a rim
)

func (b *bare) owner(n int, blob defect.Blob) (owner, bool) {
	side := max(blob.Box.Dx(), blob.Box.Dy())
	stain := blob.Area >= stainMin && b.contrast(blob) < stainContrast
	return owner{n, blob, stain, blob.Box.Inset(-8 - side/16), blob.Box.Inset(-side / 2)}, stain || blob.Peak >= glowPeak
}

func owned(n int, blob defect.Blob, owners []owner) bool {
	centre := image.Pt(int(blob.CX), int(blob.CY))
	for _, o := range owners {
		touches := blob.Box.Overlaps(o.touching)
		switch {
		case o.n == n || blob.Area >= o.blob.Area || !centre.In(o.around):
		case o.stain && centre.In(o.touching) && blob.Peak < o.blob.Peak:
			return true
		case blob.Peak < o.blob.Peak/4 && (touches || blob.Polarity() != o.blob.Polarity()):
			return true
		}
	}
	return false
}
