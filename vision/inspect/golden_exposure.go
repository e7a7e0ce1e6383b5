package inspect

import (
	"encoding/binary"
	"fmt"
	"image"
	"math/bits"

	"kensa/vision/frame"
)

// Saturation: where a camera gives its greatest value the limits are blind.
const (
	whiteLevel    = 254.5 // grey levels
	clippedExcess = 0.02  // share of white pixels beyond the golden's
	sampledRows   = 16    // one row of so many is looked at first
)

func whiteShare(mean []float32) float64 {
	white := 0
	for _, v := range mean {
		if v > whiteLevel {
			white++
		}
	}
	return float64(white) / float64(len(mean))
}

// overexposed says that a die is saturated, by its raw pixels; empty where it is
// not. Of most dies it reads one row in 16.
func (g *Golden) overexposed(img frame.Image, r image.Rectangle) string {
	part := img.Sub(r)
	if part.Width == 0 || white(part, sampledRows) <= g.clipped+clippedExcess {
		return ""
	}
	if all := white(part, 1); all > g.clipped+clippedExcess {
		return fmt.Sprintf("not registered: saturated, %.0f %% of its pixels are white", 100*all)
	}
	return ""
}

// white is the share of pixels at the greatest value, in one row of every.
func white(img frame.Image, every int) float64 {
	count, pixels := 0, 0
	for y := every / 2; y < img.Height; y += every {
		row := img.Row(y)
		pixels += img.Width
		if img.Depth == 8 {
			count += full(row)
			continue
		}
		for n := 0; n < len(row); n += 2 {
			if int(binary.LittleEndian.Uint16(row[n:])) == img.Max() {
				count++
			}
		}
	}
	return float64(count) / float64(max(1, pixels))
}

// full counts the bytes of 255, eight at a time.
func full(row []byte) (count int) {
	const low = 0x7f7f7f7f7f7f7f7f
	for ; len(row) >= 8; row = row[8:] {
		x := ^binary.LittleEndian.Uint64(row) // 255 becomes 0, and only that leaves its highest bit unset below
		count += bits.OnesCount64(^((x & low) + low | x | low))
	}
	for _, v := range row {
		if v == 255 {
			count++
		}
	}
	return count
}
