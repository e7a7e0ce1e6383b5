package binary

import (
	"encoding/binary"
	"image"
	"math/bits"

	"kensa/vision/frame"
)

// wordBits is the number of pixels in a word.
const wordBits = 64

// bitmap is an image of one bit a pixel. Pixel x of a row is bit x%64 of its
// word x/64. Bits beyond the width repeat the row's last pixel, as the image is
// thought to go on beyond its edges.
type bitmap struct {
	width, height, words int // words of a row
	bits                 []uint64
}

// resize makes the bitmap fit; its bits are then without meaning.
func (b *bitmap) resize(width, height int) {
	b.width, b.height, b.words = width, height, (width+wordBits-1)/wordBits
	if n := b.words * height; cap(b.bits) < n {
		b.bits = make([]uint64, n)
	} else {
		b.bits = b.bits[:n]
	}
}

func (b *bitmap) bounds() image.Rectangle { return image.Rect(0, 0, b.width, b.height) }

func (b *bitmap) row(y int) []uint64 { return b.bits[y*b.words : (y+1)*b.words] }

// at is the pixel at (x, y), which must lie within.
func (b *bitmap) at(x, y int) bool { return b.bits[y*b.words+x/wordBits]>>(x%wordBits)&1 != 0 }

// pack sets the pixels of an 8-bit image that are dark (below 128), or with
// bright those that are not.
func (b *bitmap) pack(m frame.Image, bright bool) {
	b.resize(m.Width, m.Height)
	flip := ^uint64(0)
	if bright {
		flip = 0
	}
	for y := range m.Height {
		from, to := m.Row(y), b.row(y)
		for w := range m.Width / wordBits {
			to[w] = packWord((*[wordBits]byte)(from[w*wordBits:])) ^ flip
		}
		if rest := m.Width % wordBits; rest > 0 {
			var tail [wordBits]byte
			n := copy(tail[:], from[m.Width-rest:])
			for i := n; i < wordBits; i++ {
				tail[i] = from[m.Width-1]
			}
			to[b.words-1] = packWord(&tail) ^ flip
		}
	}
}

// packWord gathers the upper bits of 64 bytes. The product moves the bit of
// byte i, at 8i, to 56+i, and lets no other reach there.
func packWord(from *[wordBits]byte) (word uint64) {
	for i := 0; i < wordBits; i += 8 {
		top := binary.LittleEndian.Uint64(from[i:]) >> 7 & 0x0101010101010101
		word |= top * 0x0102040810204080 >> 56 << i
	}
	return word
}

// shifted is word w of a row that is moved by dx pixels to the right, or to the
// left if negative, at most maxMove.
func shifted(row []uint64, w, dx int) uint64 {
	switch {
	case dx > 0:
		before := first(row)
		if w > 0 {
			before = row[w-1]
		}
		return row[w]<<(dx&63) | before>>(-dx&63)
	case dx < 0:
		after := last(row)
		if w < len(row)-1 {
			after = row[w+1]
		}
		return row[w]>>(-dx&63) | after<<(dx&63)
	}
	return row[w]
}

// first is the word before a row, which repeats the row's first pixel.
func first(row []uint64) uint64 { return -(row[0] & 1) }

// last is the word after a row, which repeats the row's last pixel.
func last(row []uint64) uint64 { return -(row[len(row)-1] >> (wordBits - 1)) }

// shiftRow writes a row moved by dx, as shifted does.
func shiftRow(to, row []uint64, dx int) {
	to = to[:len(row)]
	switch left, right := dx&63, -dx&63; {
	case dx > 0:
		before := first(row)
		for w, word := range row {
			to[w] = word<<left | before>>right
			before = word
		}
	case dx < 0:
		after := last(row)
		for w := len(row) - 1; w >= 0; w-- {
			to[w] = row[w]>>right | after<<left
			after = row[w]
		}
	default:
		copy(to, row)
	}
}

// differences counts the pixels in which a row and another one moved by dx
// differ.
func differences(row, moved []uint64, dx int) (count int) {
	moved = moved[:len(row)]
	switch left, right := dx&63, -dx&63; {
	case dx > 0:
		before := first(moved)
		for w, word := range moved {
			count += bits.OnesCount64(row[w] ^ (word<<left | before>>right))
			before = word
		}
	case dx < 0:
		after := last(moved)
		for w := len(moved) - 1; w >= 0; w-- {
			count += bits.OnesCount64(row[w] ^ (moved[w]>>right | after<<left))
			after = moved[w]
		}
	default:
		for w, word := range moved {
			count += bits.OnesCount64(row[w] ^ word)
		}
	}
	return count
}

// complement sets what is clear in from.
func (b *bitmap) complement(from *bitmap) {
	b.resize(from.width, from.height)
	for n, word := range from.bits {
		b.bits[n] = ^word
	}
}
