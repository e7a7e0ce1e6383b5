package inspect

import (
	"errors"
	"fmt"
	"image"

	"kensa/vision/frame"
	"kensa/vision/golden"
)

// How many dies vote. A field that shows fewer than quorum is joined by dies of
// earlier fields, so that two dies with a defect at the same place are outvoted;
// of a field that shows more than maxVoters only so many vote: more hardly make
// the median better, and each costs time.
const (
	quorum    = 7
	maxVoters = 15
)

// Voting is the Inspector that compares the dies of a frame with each other: the
// expected die is the median of all, after golden.Vote, so that a defect is
// found on the die that differs from the majority. What all dies have in common
// passes for the pattern. Which earlier dies help a small field depends, with
// several workers, on who is faster; fields of quorum dies depend on themselves
// only. Dies get no Light, and their Shift is that from the
// other dies: without a golden nobody knows where the stage truly stands.
type Voting struct {
	params GoldenParams
	masks  []golden.Mask
	kept   *Kept
}

var _ Inspector = (*Voting)(nil)

// NewVoting prepares voting. Inspectors of one product share kept, where each
// finds the dies of the others' earlier fields. The error names a setting out
// of range.
func NewVoting(p GoldenParams, masks []golden.Mask, kept *Kept) (*Voting, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return &Voting{params: p, masks: masks, kept: kept}, nil
}

// Close implements Inspector; nothing is held between frames.
func (v *Voting) Close() error { return nil }

// Inspect implements Inspector. Rectangles must be of one size. Without any, the
// frame less the greatest shift at each side is taken for one die.
func (v *Voting) Inspect(img frame.Image, rects []image.Rectangle) ([]Die, error) {
	if err := img.Check(); err != nil {
		return nil, err
	}
	if len(rects) == 0 {
		rects = []image.Rectangle{img.Bounds().Inset(v.margin())}
	}
	for _, r := range rects {
		if r.Size() != rects[0].Size() || r.Empty() {
			return nil, fmt.Errorf("inspect: dies of %v and %v pixels; those that vote must be of one size, not empty", rects[0].Size(), r.Size())
		}
	}
	own := shown(img, rects)
	expected, _, err := golden.Vote(v.voters(own, rects[0].Size()), v.params.Registration)
	if errors.Is(err, golden.ErrVote) {
		v.kept.undecided(own, v.margin())
		return refused(rects, err), nil
	}
	if err != nil {
		return nil, err
	}
	dies, err := v.compare(expected, img, rects)
	if err == nil {
		v.kept.good(img, dies, v.margin())
	}
	return dies, err
}

// margin is how far around a die registration looks, pixels.
func (v *Voting) margin() int { return int(v.params.Registration.MaxShift) + 1 }

// shown are the dies that lie wholly inside the frame.
func shown(img frame.Image, rects []image.Rectangle) []golden.Sample {
	var all []golden.Sample
	for n, r := range rects {
		if r.In(img.Bounds()) {
			all = append(all, golden.Sample{Name: fmt.Sprintf("die %d of the field", n+1), Image: img, Rect: r})
		}
	}
	return all
}

// voters are the field's own dies, joined by kept ones up to the quorum, or
// maxVoters of them, spread over the field.
func (v *Voting) voters(own []golden.Sample, size image.Point) []golden.Sample {
	if len(own) < quorum {
		return append(v.kept.latest(quorum-len(own), size), own...)
	}
	if len(own) <= maxVoters {
		return own
	}
	var some []golden.Sample
	for n := range maxVoters {
		some = append(some, own[n*len(own)/maxVoters])
	}
	return some
}

// compare inspects all dies against the one expected.
func (v *Voting) compare(expected *golden.Golden, img frame.Image, rects []image.Rectangle) ([]Die, error) {
	in, err := NewGolden(expected.Masked(v.masks), v.params)
	if err != nil {
		return nil, err
	}
	dies, err := in.Inspect(img, rects)
	for n := range dies {
		dies[n].Light = 0
	}
	return dies, errors.Join(err, in.Close())
}

// refused gives all dies the same reason.
func refused(rects []image.Rectangle, why error) []Die {
	dies := make([]Die, 0, len(rects))
	for _, r := range rects {
		dies = append(dies, Die{Rect: r, Reason: why.Error()})
	}
	return dies
}
