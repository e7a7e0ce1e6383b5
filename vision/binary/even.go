package binary

import "math/bits"

// Scanners differ. One leaves single pixels of noise; another binarises at
// another level, so that all lines are thicker or thinner by a pixel. Neither is
// a defect, and where it is plain it is made even before the comparison.
const (
	noisy     = 0.002 // share of pixels that no neighbour agrees with, from which both images are smoothed,
	hopeless  = 0.04  // and up to which: beyond is no image of a pattern
	lopsided  = 4     // times as much extra as missing, or the reverse, before thickness is looked at
	different = 0.01  // and the share of pixels that differ
	evener    = 0.7   // of the differences may be left at another thickness for that to be the scanner's
)

// quieten smooths both images where one is noisy.
func (i *Inspector) quieten() {
	pixels := i.test.width * i.test.height
	share := float64(max(i.test.lonely(), i.packed.lonely())) / float64(pixels)
	if share < noisy || share > hopeless {
		return
	}
	for _, b := range []*bitmap{&i.packed, &i.test} {
		i.spare.majority(b)
		*b, i.spare = i.spare, *b
	}
}

// thicken gives the template, moved and as it was given, the lines' thickness
// of the test image.
func (i *Inspector) thicken() {
	extra, missing := i.template.balance(&i.test)
	total, pixels := extra+missing, i.test.width*i.test.height
	if float64(total) < different*float64(pixels) || lopsided*min(extra, missing) > max(extra, missing) {
		return
	}
	change := (*bitmap).dilate
	if missing > extra {
		change = (*bitmap).erode
	}
	best, least := -1, int(evener*float64(total))
	for n, square := range []bool{false, true} {
		change(&i.spare, &i.template, square)
		if e, m := i.spare.balance(&i.test); e+m < least {
			best, least = n, e+m
		}
	}
	if best < 0 {
		return
	}
	for _, b := range []*bitmap{&i.template, &i.packed} {
		change(&i.spare, b, best == 1)
		i.spare.goOn()
		*b, i.spare = i.spare, *b
	}
}

// balance counts the pixels set in test only, and those set here only.
func (b *bitmap) balance(test *bitmap) (extra, missing int) {
	own := b.bits[:len(test.bits)]
	for n, word := range test.bits {
		extra += bits.OnesCount64(word &^ own[n])
		missing += bits.OnesCount64(own[n] &^ word)
	}
	return extra, missing
}

// lonely counts, on every fourth row, four times the pixels that differ from the
// four beside them.
func (b *bitmap) lonely() (count int) {
	for y := 1; y < b.height-1; y += 4 {
		above, here, below := b.row(y-1), b.row(y), b.row(y+1)
		for w, h := range here {
			count += bits.OnesCount64((h ^ shifted(here, w, 1)) & (h ^ shifted(here, w, -1)) & (h ^ above[w]) & (h ^ below[w]))
		}
	}
	return 4 * count
}

// majority sets what most of the nine pixels around agree on.
func (b *bitmap) majority(from *bitmap) {
	b.resize(from.width, from.height)
	for y := range from.height {
		above, here, below := from.row(max(0, y-1)), from.row(y), from.row(min(from.height-1, y+1))
		to := b.row(y)
		for w := range to {
			// Three columns of two-bit sums; then those, bit by bit.
			a0, a1 := sum3(shifted(above, w, 1), above[w], shifted(above, w, -1))
			h0, h1 := sum3(shifted(here, w, 1), here[w], shifted(here, w, -1))
			b0, b1 := sum3(shifted(below, w, 1), below[w], shifted(below, w, -1))
			ones, twos := sum3(a0, h0, b0)
			more, fours := sum3(a1, h1, b1) // of weight 2 and 4
			two, carry := twos^more, twos&more
			four, eight := carry^fours, carry&fours
			to[w] = eight | four&(two|ones)
		}
	}
	b.goOn()
}

// goOn makes the bits beyond the width repeat the row's last pixel again.
func (b *bitmap) goOn() {
	rest := b.width % wordBits
	if rest == 0 {
		return
	}
	beyond := ^uint64(0) << rest
	for y := range b.height {
		last := &b.row(y)[b.words-1]
		*last = *last&^beyond | -(*last>>(rest-1)&1)&beyond
	}
}

// sum3 adds three bits at each place.
func sum3(a, b, c uint64) (one, two uint64) { return a ^ b ^ c, a&b | c&(a|b) }
