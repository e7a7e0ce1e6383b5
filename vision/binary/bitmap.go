package binary

import (
	"encoding/binary"
	"image"

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
			to[w] = packWord(from[w*wordBits:]) ^ flip
		}
		if rest := m.Width % wordBits; rest > 0 {
			var tail [wordBits]byte
			n := copy(tail[:], from[m.Width-rest:])
			for i := n; i < wordBits; i++ {
				tail[i] = from[m.Width-1]
			}
			to[b.words-1] = packWord(tail[:]) ^ flip
		}
	}
}

// packWord gathers the upper bits of 64 bytes. The product moves the bit of
// byte i, at 8i, to 56+i, and lets no other reach there.
func packWord(from []byte) (word uint64) {
	for i := 0; i < wordBits; i += 8 {
		top := binary.LittleEndian.Uint64(from[i:]) >> 7 & 0x0101010101010101
		word |= top * 0x0102040810204080 >> 56 << i
	}
	return word
}

// shifted is word w of a row that is moved by dx pixels to the right, or to the
// left if negative, at most 63.
func shifted(row []uint64, w, dx int) uint64 {
	switch {
	case dx > 0:
		before := -(row[0] & 1) // all ones where the first pixel is set
		if w > 0 {
			before = row[w-1]
		}
		return row[w]<<dx | before>>(wordBits-dx)
	case dx < 0:
		after := -(row[len(row)-1] >> (wordBits - 1))
		if w < len(row)-1 {
			after = row[w+1]
		}
		return row[w]>>-dx | after<<(wordBits+dx)
	}
	return row[w]
}

// complement sets what is clear in from.
func (b *bitmap) complement(from *bitmap) {
	b.resize(from.width, from.height)
	for n, word := range from.bits {
		b.bits[n] = ^word
	}
}
