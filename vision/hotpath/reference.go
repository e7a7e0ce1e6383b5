package hotpath

import (
	"fmt"
	"math"
	"unsafe"
)

// Reference is a golden die prepared for the pass. It is read only and safe
// for concurrent use.
type Reference struct {
	width, height int
	stride        int    // bytes of limits from row to row
	limits        []byte // by rows, in blocks: Lo of 64 pixels, then their Hi; then the same twice for the sieve
	mean, sigma   []float32
}

// block is how many pixels' limits lie together: one stream of whole cache
// lines in place of two. The last block of a row is filled up with limits that
// nothing exceeds.
const block = 64

// maxSide bounds a die's width and height, pixels: moments stay small and the
// pass's rows in cache.
const maxSide = 1 << 14

// NewReference takes the limits of every pixel, and the golden's mean and
// standard deviation in grey levels, all width × height by rows. mean and sigma
// are kept. The error names what is of the wrong size or out of range.
func NewReference(width, height int, lo, hi []uint8, mean, sigma []float32) (*Reference, error) {
	if width < 1 || height < 1 || width > maxSide || height > maxSide {
		return nil, fmt.Errorf("hotpath: golden of %d×%d pixels; want 1 to %d a side", width, height, maxSide)
	}
	for name, size := range map[string]int{"lo": len(lo), "hi": len(hi), "mean": len(mean), "sigma": len(sigma)} {
		if size != width*height {
			return nil, fmt.Errorf("hotpath: golden of %d×%d pixels with %d values of %s", width, height, size, name)
		}
	}
	for n := range mean {
		if err := checkPixel(lo[n], hi[n], mean[n], sigma[n]); err != nil {
			return nil, fmt.Errorf("hotpath: golden's pixel (%d, %d): %w", n%width, n/width, err)
		}
	}
	r := &Reference{width: width, height: height, stride: 2 * roundUp(width), mean: mean, sigma: sigma}
	r.limits = aligned[byte](3 * r.stride * height)
	for y := range height {
		lo, hi := lo[y*width:(y+1)*width], hi[y*width:(y+1)*width]
		fill(r.limits[y*r.stride:][:r.stride], lo, hi)
		for n, m := range margins {
			m.fill(r.limits[((1+n)*height+y)*r.stride:][:r.stride], lo, hi)
		}
	}
	return r, nil
}

func checkPixel(lo, hi uint8, mean, sigma float32) error {
	switch {
	case lo > hi:
		return fmt.Errorf("limits %d to %d", lo, hi)
	case !(mean >= 0 && mean <= 256):
		return fmt.Errorf("mean %v; want 0 to 256", mean)
	case !(sigma > 0 && sigma <= math.MaxFloat32):
		return fmt.Errorf("standard deviation %v; want more than 0", sigma)
	}
	return nil
}

// fill lays the limits of a row out.
func fill(row []byte, lo, hi []uint8) {
	empty(row)
	for x := range lo {
		at := limitAt(x)
		row[at], row[at+block] = lo[x], hi[x]
	}
}

// empty fills a row of limits with what nothing exceeds.
func empty(row []byte) {
	for n := 0; n < len(row); n += 2 * block {
		for x := range block {
			row[n+x], row[n+block+x] = 0, math.MaxUint8
		}
	}
}

// limitAt is where in a row of limits pixel x has its Lo; its Hi lies block
// bytes behind.
func limitAt(x int) int { return x/block*2*block + x%block }

func roundUp(n int) int { return (n + block - 1) / block * block }

// aligned makes a slice that starts at a cache line.
func aligned[T any](n int) []T {
	const line = 64
	size := int(unsafe.Sizeof(*new(T)))
	s := make([]T, n+line/size)
	skip := (line - int(uintptr(unsafe.Pointer(unsafe.SliceData(s)))%line)) % line / size
	return s[skip : skip+n : skip+n]
}
