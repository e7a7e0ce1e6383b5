package v4l2

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel's interface, include/uapi/linux/videodev2.h. Sizes of the structs
// are part of the requests' numbers, so that a wrong one is refused.

type capability struct {
	driver       [16]byte
	card         [32]byte
	busInfo      [32]byte
	version      uint32
	capabilities uint32
	deviceCaps   uint32
	_            [3]uint32
}

const (
	capVideoCapture      = 0x00000001
	capVideoCaptureMulti = 0x00001000
	capStreaming         = 0x04000000
	capDeviceCaps        = 0x80000000
)

const (
	typeVideoCapture = 1
	memoryMapped     = 1
	fieldNone        = 1
)

type formatDescription struct {
	index       uint32
	kind        uint32
	flags       uint32
	description [32]byte
	pixelFormat uint32
	busCode     uint32
	_           [3]uint32
}

type pixelFormat struct {
	width        uint32
	height       uint32
	format       uint32
	field        uint32
	bytesPerLine uint32
	sizeImage    uint32
	colorspace   uint32
	priv         uint32
	flags        uint32
	encoding     uint32
	quantization uint32
	transfer     uint32
}

type format struct {
	kind uint32
	_    [0]uintptr // the union holds pointers
	pix  pixelFormat
	_    [200 - unsafe.Sizeof(pixelFormat{})]byte
}

type frameSize struct {
	index  uint32
	format uint32
	kind   uint32    // 1 discrete, 2 continuous, 3 stepwise
	size   [6]uint32 // width, height; or width's least, greatest, step, and height's
	_      [2]uint32
}

type fraction struct{ numerator, denominator uint32 }

type frameInterval struct {
	index  uint32
	format uint32
	width  uint32
	height uint32
	kind   uint32
	times  [3]fraction // the interval; or least, greatest, step
	_      [2]uint32
}

const discrete = 1

type streamParameters struct {
	kind         uint32
	capability   uint32
	mode         uint32
	timePerFrame fraction
	_            [204 - 20]byte
}

const capTimePerFrame = 0x1000

type input struct {
	index        uint32
	name         [32]byte
	kind         uint32
	audioSet     uint32
	tuner        uint32
	std          uint64
	status       uint32
	capabilities uint32
	_            [4]uint32 // three, and what fills up to the alignment of std
}

type requestBuffers struct {
	count        uint32
	kind         uint32
	memory       uint32
	capabilities uint32
	flags        uint8
	_            [3]uint8
}

type buffer struct {
	index     uint32
	kind      uint32
	bytesUsed uint32
	flags     uint32
	field     uint32
	timestamp unix.Timeval
	timecode  [16]byte
	sequence  uint32
	memory    uint32
	offset    uintptr // a union; the offset is its first four bytes
	length    uint32
	_         uint32
	request   int32
}

const (
	flagError         = 0x0040
	flagTimestampMask = 0xe000
	flagMonotonic     = 0x2000
)

type queryControl struct {
	id           uint32
	kind         uint32
	name         [32]byte
	minimum      int64
	maximum      int64
	step         uint64
	defaultValue int64
	flags        uint32
	elementSize  uint32
	elements     uint32
	dimensions   uint32
	_            [4 + 32]uint32
}

const (
	nextControl      = 0x80000000
	controlDisabled  = 0x0001
	controlGrabbed   = 0x0002
	controlReadOnly  = 0x0004
	controlInactive  = 0x0010
	controlWriteOnly = 0x0040
	controlPayload   = 0x0100 // more than a number
)

// Types of controls.
const (
	kindInteger     = 1
	kindBoolean     = 2
	kindMenu        = 3
	kindButton      = 4
	kindInteger64   = 5
	kindClass       = 6
	kindBitmask     = 8
	kindIntegerMenu = 9
)

type queryMenu struct {
	id    uint32
	index uint32
	name  [32]byte // of an integer menu: a number in its first eight bytes
	_     uint32
}

type control struct {
	id    uint32
	value int32
}

// extendedControl is packed in the kernel, hence the number as bytes.
type extendedControl struct {
	id    uint32
	size  uint32
	_     uint32
	value [8]byte
}

type extendedControls struct {
	which      uint32
	count      uint32
	errorIndex uint32
	request    int32
	_          uint32
	controls   *extendedControl
}

// Requests, as _IOR, _IOW and _IOWR of the kernel make them.
const (
	write = 1 << 30
	read  = 2 << 30

	queryCapability    = read | unsafe.Sizeof(capability{})<<16 | 'V'<<8 | 0
	enumFormats        = read | write | unsafe.Sizeof(formatDescription{})<<16 | 'V'<<8 | 2
	getFormat          = read | write | unsafe.Sizeof(format{})<<16 | 'V'<<8 | 4
	setFormat          = read | write | unsafe.Sizeof(format{})<<16 | 'V'<<8 | 5
	requestBuffersCall = read | write | unsafe.Sizeof(requestBuffers{})<<16 | 'V'<<8 | 8
	queryBuffer        = read | write | unsafe.Sizeof(buffer{})<<16 | 'V'<<8 | 9
	queueBuffer        = read | write | unsafe.Sizeof(buffer{})<<16 | 'V'<<8 | 15
	dequeueBuffer      = read | write | unsafe.Sizeof(buffer{})<<16 | 'V'<<8 | 17
	streamOn           = write | unsafe.Sizeof(int32(0))<<16 | 'V'<<8 | 18
	streamOff          = write | unsafe.Sizeof(int32(0))<<16 | 'V'<<8 | 19
	getParameters      = read | write | unsafe.Sizeof(streamParameters{})<<16 | 'V'<<8 | 21
	setParameters      = read | write | unsafe.Sizeof(streamParameters{})<<16 | 'V'<<8 | 22
	enumInputs         = read | write | unsafe.Sizeof(input{})<<16 | 'V'<<8 | 26
	getControl         = read | write | unsafe.Sizeof(control{})<<16 | 'V'<<8 | 27
	setControl         = read | write | unsafe.Sizeof(control{})<<16 | 'V'<<8 | 28
	queryMenuItem      = read | write | unsafe.Sizeof(queryMenu{})<<16 | 'V'<<8 | 37
	getInput           = read | unsafe.Sizeof(int32(0))<<16 | 'V'<<8 | 38
	setInput           = read | write | unsafe.Sizeof(int32(0))<<16 | 'V'<<8 | 39
	getControls        = read | write | unsafe.Sizeof(extendedControls{})<<16 | 'V'<<8 | 71
	setControls        = read | write | unsafe.Sizeof(extendedControls{})<<16 | 'V'<<8 | 72
	enumSizes          = read | write | unsafe.Sizeof(frameSize{})<<16 | 'V'<<8 | 74
	enumIntervals      = read | write | unsafe.Sizeof(frameInterval{})<<16 | 'V'<<8 | 75
	queryControlCall   = read | write | unsafe.Sizeof(queryControl{})<<16 | 'V'<<8 | 103
)

// text is a name in a fixed field, up to its first NUL.
func text(field []byte) string {
	for n, c := range field {
		if c == 0 {
			return string(field[:n])
		}
	}
	return string(field)
}
