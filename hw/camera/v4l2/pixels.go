package v4l2

import (
	"encoding/binary"
	"fmt"
	"strings"

	"kensa/hw/camera"
)

// FourCC names a pixel format with four letters, as V4L2 does.
type FourCC uint32

// String gives the letters, without the spaces that fill them up.
func (f FourCC) String() string {
	var letters [4]byte
	binary.LittleEndian.PutUint32(letters[:], uint32(f)&^(1<<31))
	return strings.TrimRight(string(letters[:]), " ")
}

// parseFourCC reads a name such as GREY or Y16.
func parseFourCC(name string) (FourCC, error) {
	if len(name) < 3 || len(name) > 4 {
		return 0, fmt.Errorf("format %q; want a name of four letters, such as GREY", name)
	}
	return fourCC(fmt.Sprintf("%-4s", strings.ToUpper(name))), nil
}

func fourCC(letters string) FourCC { return FourCC(binary.LittleEndian.Uint32([]byte(letters))) }

// layout is how a pixel format lies in memory, and how its grey values come out
// of it. Where unpack is nil they already lie as camera.Format wants them, and
// are lent in the driver's own memory.
type layout struct {
	format FourCC
	depth  int
	// stride is the least bytes of a row of so many pixels.
	stride func(width int) int
	// unpack copies the grey values of a row.
	unpack func(to, from []byte, width int)
}

// packed is the stride of formats whose pixels come in groups; the last is whole.
func packed(bytes, pixels int) func(int) int {
	return func(width int) int { return (width + pixels - 1) / pixels * bytes }
}

// layouts are the formats that can be used, the preferred first: those that are
// lent without copying, then those that are not. NV12 and its like begin with
// a plane of grey values.
var layouts = []layout{
	{fourCC("GREY"), 8, packed(1, 1), nil},
	{fourCC("Y12 "), 12, packed(2, 1), nil},
	{fourCC("Y10 "), 10, packed(2, 1), nil},
	{fourCC("Y16 "), 16, packed(2, 1), nil},
	{fourCC("NV12"), 8, packed(1, 1), nil},
	{fourCC("NV21"), 8, packed(1, 1), nil},
	{fourCC("NV16"), 8, packed(1, 1), nil},
	{fourCC("YU12"), 8, packed(1, 1), nil},
	{fourCC("YV12"), 8, packed(1, 1), nil},
	{fourCC("422P"), 8, packed(1, 1), nil},
	{fourCC("Y12P"), 12, packed(3, 2), unpackY12P},
	{fourCC("Y10P"), 10, packed(5, 4), unpackY10P},
	{fourCC("YUYV"), 8, packed(4, 2), unpackEvery2},
	{fourCC("YVYU"), 8, packed(4, 2), unpackEvery2},
	{fourCC("UYVY"), 8, packed(4, 2), func(to, from []byte, width int) { unpackEvery2(to, from[1:], width) }},
	{fourCC("VYUY"), 8, packed(4, 2), func(to, from []byte, width int) { unpackEvery2(to, from[1:], width) }},
}

// layoutOf finds the layout of a format; nil for one without.
func layoutOf(f FourCC) *layout {
	for n := range layouts {
		if layouts[n].format == f {
			return &layouts[n]
		}
	}
	return nil
}

// unpackEvery2 takes the luminance out of a row of YUYV.
func unpackEvery2(to, from []byte, width int) {
	for x := range width {
		to[x] = from[2*x]
	}
}

// unpackY10P: MIPI CSI-2 packing, four pixels in five bytes; the fifth holds the
// low two bits of each, the first pixel's lowest.
func unpackY10P(to, from []byte, width int) {
	for x := range width {
		group := from[x/4*5:]
		low := group[4] >> (x % 4 * 2) & 3
		binary.LittleEndian.PutUint16(to[2*x:], uint16(group[x%4])<<2|uint16(low))
	}
}

// unpackY12P: MIPI CSI-2 packing, two pixels in three bytes; the third holds the
// low four bits of each, the first pixel's lowest.
func unpackY12P(to, from []byte, width int) {
	for x := range width {
		group := from[x/2*3:]
		low := group[2] >> (x % 2 * 4) & 15
		binary.LittleEndian.PutUint16(to[2*x:], uint16(group[x%2])<<4|uint16(low))
	}
}

// shape is the layout with a size: how frames come out of mapped memory.
type shape struct {
	*layout
	width, height int
	stride        int // bytes from row to row in mapped memory
}

// newShape checks what the driver has settled on.
func newShape(p pixelFormat) (shape, error) {
	s := shape{layoutOf(FourCC(p.format)), int(p.width), int(p.height), int(p.bytesPerLine)}
	if s.layout == nil {
		return s, fmt.Errorf("format %v: not a grey one", FourCC(p.format))
	}
	if s.width < 1 || s.height < 1 || s.stride < s.layout.stride(s.width) {
		return s, fmt.Errorf("format %v %d×%d: rows of %d bytes; want at least %d", s.format, s.width, s.height, s.stride, s.layout.stride(s.width))
	}
	return s, nil
}

// bytes is how much mapped memory the grey values take. The last row may be
// without what fills it up.
func (s shape) bytes() int { return s.stride*(s.height-1) + s.layout.stride(s.width) }

// lent describes the frames that are handed out.
func (s shape) lent() camera.Format {
	f := camera.Format{Width: s.width, Height: s.height, Stride: s.stride, Depth: s.depth}
	if s.unpack != nil {
		f.Stride = s.width * ((s.depth + 7) / 8)
	}
	return f
}

// unpackAll copies the grey values of a whole frame.
func (s shape) unpackAll(to, from []byte) {
	f := s.lent()
	for y := range s.height {
		s.unpack(to[y*f.Stride:], from[y*s.stride:], s.width)
	}
}
