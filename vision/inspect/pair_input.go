package inspect

import (
	"encoding/binary"
	"fmt"

	"kensa/vision/frame"
)

// Limits of images that are compared or searched.
const (
	minPairSide = 64      // pixels; less shows no pattern to register
	maxPixels   = 1 << 25 // a working set of about 2 GB
)

// checkInput reports what makes an image unfit to be looked at, by the name
// that the caller gives it.
func checkInput(name string, img frame.Image, minSide int) error {
	if err := img.Check(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	switch {
	case min(img.Width, img.Height) < minSide:
		return fmt.Errorf("%s: %d×%d pixels; want at least %d×%d", name, img.Width, img.Height, minSide, minSide)
	case img.Width*img.Height > maxPixels:
		return fmt.Errorf("%s: %d×%d pixels; limit is %d pixels", name, img.Width, img.Height, maxPixels)
	}
	if grey, blank := uniform(img); blank {
		return fmt.Errorf("%s: %s: nearly every pixel has grey value %d of %d; nothing to inspect", name, darkness(grey, img.Max()), grey, img.Max())
	}
	return nil
}

func darkness(grey, white int) string {
	switch {
	case grey >= white:
		return "saturated"
	case grey <= white/64:
		return "black"
	}
	return "blank"
}

// uniform reports whether all but one in a thousand pixels share a grey value,
// and which.
func uniform(img frame.Image) (grey int, blank bool) {
	counts := make([]int, img.Max()+1)
	for y := range img.Height {
		row := img.Row(y)
		if img.Depth == 8 {
			for _, v := range row {
				counts[v]++
			}
			continue
		}
		for x := range img.Width {
			// Grey values beyond the depth break the format's promise.
			counts[min(int(binary.LittleEndian.Uint16(row[2*x:])), img.Max())]++
		}
	}
	for v, n := range counts {
		if n > counts[grey] {
			grey = v
		}
	}
	return grey, counts[grey] >= img.Width*img.Height-img.Width*img.Height/1000
}
