package binary

import (
	"image"

	"kensa/vision/defect"
)

// evidence is what one image has and the other has not, beyond how far edges
// wander. It keeps its memory.
type evidence struct {
	near, far            bitmap // beyond a tolerance of one pixel; beyond the recipe's
	grown, eroded, spare bitmap
	runs                 []defect.Run
	joiner               defect.Joiner
}

// maxBlobs is how many blobs an image may have before it is taken for one of
// another pattern.
const maxBlobs = 1000

// find returns the blobs of pixels set in have and not in want, within sure,
// blobs joined over distance.
//
// A pixel is beyond a tolerance of r pixels when it lies farther than r from
// want, or farther than r from where have ends. An edge that wanders by up to r
// gives neither; a thin bridge gives the first, a bite out of a thin line the
// second. The blobs are of those beyond one pixel, for their extent; those
// beyond the recipe's tolerance, in far, are the evidence that they are real.
// The blobs are valid until the next call.
func (e *evidence) find(have, want *bitmap, sure image.Rectangle, p Evidence, distance int) ([]defect.Blob, error) {
	e.grown.dilate(want, true)
	e.eroded.erode(have, true)
	e.near.beyond(have, want, &e.grown, &e.eroded)
	for r := 1; r < p.Tolerance; r++ {
		square := r%2 == 0 // cross and square by turns: nearly a disc
		e.spare.dilate(&e.grown, square)
		e.grown, e.spare = e.spare, e.grown
		e.spare.erode(&e.eroded, square)
		e.eroded, e.spare = e.spare, e.eroded
	}
	e.far.beyond(have, want, &e.grown, &e.eroded)
	e.runs = e.near.runs(e.runs[:0], sure)
	return e.joiner.Join(e.runs, defect.Params{MinArea: p.MinArea, MergeDistance: distance, MaxDefects: maxBlobs})
}

// beyond sets what is in have and not in want, and out of grown or in eroded.
func (b *bitmap) beyond(have, want, grown, eroded *bitmap) {
	b.resize(have.width, have.height)
	wanted, near, deep := want.bits[:len(have.bits)], grown.bits[:len(have.bits)], eroded.bits[:len(have.bits)]
	for n, h := range have.bits {
		b.bits[n] = h &^ wanted[n] & (^near[n] | deep[n])
	}
}
