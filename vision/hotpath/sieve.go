package hotpath

import (
	"math"
	"runtime"
)

// The sieve spares most pixels the exact arithmetic. It works on tiles of 64×32
// pixels, reads the upper 8 bits of raw pixels only, and gives
//
//	m' = ½ + offset' + G·L·Σ wᵢ·rᵢ
//
// with weights across of whole 127ths, and one gain G and one light L for all of a
// tile. Where
// the flat field and the light of the tile (see cell and Certify in
// sieve-inl.h) prove that
//
//	|m − m'| ≤ relative·m' + absolute
//
// for whatever the pixels are, a pixel whose m' keeps that distance from its
// limits lies within them, and need not be worked out. What does not keep it,
// and tiles without the proof, go through the exact arithmetic: the sieve
// decides about time, never about the result.
//
// The proof. Let w be the exact weights, a, d and g a pixel's grey level, dark
// and gain, r its upper 8 bits and M = L·Σ w·(a−d)·g + offset what m rounds.
//
//   - |L(x,y)·g/(L·G) − 1| is at most spread + drift + spread·drift, half the
//     ranges of the gain over G and of the light, which runs evenly, over L. It
//     applies to the weighted mean of a times L·G, which is m' less its offset
//     and what follows: within 6 grey levels.
//   - The weights across are off by the die's slip, times at most 255 grey levels.
//   - L·d·g lies between dark and light; offset' has the middle taken out.
//   - a − r is 0 at 8 bits, else in [0, 1); offset' has the middle put in.
//   - Rounding: 0.09 of m' (scales ±½ in 2¹⁴, twice; products and offset ±½ in
//     Q6; sums stay within 16 bits), 0.09 of m (package comment; no difference saturates for a gain below
//     1.55). 0.25 are allowed.
type margin struct{ relative, absolute float32 }

// margins are for frames without and with a flat field: gains of pixels differ
// by a few percent, which the first need not provide for. Wider ones prove more
// tiles but leave more pixels to the exact arithmetic.
var margins = [2]margin{{1.0 / 128, 2.25}, {1.0 / 40, 2.75}}

// fill lays the sieve's limits of a row out.
func (m margin) fill(row []byte, lo, hi []uint8) {
	empty(row)
	for x := range lo {
		at := limitAt(sieved(x))
		row[at], row[at+block] = m.narrow(lo[x], hi[x])
	}
}

// sieved is where the kernel's vectors have pixel x. Where they multiply
// neighbours and add them up in one, it is of 16 pixels first those in even
// places, then those in odd ones; ARM has them in order.
func sieved(x int) int {
	if runtime.GOARCH == "arm" || runtime.GOARCH == "arm64" {
		return x
	}
	return x&^15 | x&1<<3 | x&15>>1
}

// narrow moves limits inwards. Where nothing is left between them, nothing
// passes.
func (m margin) narrow(lo, hi uint8) (uint8, uint8) {
	l, h := 0.0, 255.0
	if lo > 0 {
		l = math.Ceil((float64(lo) + float64(m.absolute)) / (1 - float64(m.relative)))
	}
	if hi < math.MaxUint8 {
		h = math.Floor((float64(hi) - float64(m.absolute)) / (1 + float64(m.relative)))
	}
	if l > h {
		return 255, 254
	}
	return uint8(l), uint8(h)
}

// weights is the sum of the sieve's two weights across.
const weights = 127

// weigh is the weight nearest to u, Q15, of 127, and how far that is off, Q15,
// rounded up.
func weigh(u int32) (right, slip int32) {
	right = (u*weights + 1<<14) >> 15
	off := u*weights - right<<15
	return right, (max(off, -off) + weights - 1) / weights
}
