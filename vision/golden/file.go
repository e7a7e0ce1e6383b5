package golden

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"kensa/vision/durable"
	"kensa/vision/frame"
)

// The file: magic, version and the header's length as little-endian uint32,
// the header as JSON, the planes by rows, and the SHA-256 of all before. Planes
// are the mean and sigma as little-endian uint16; in version 2 also the sums
// that Update adds to: the count as uint16, and the scatter as float32.
const (
	magic     = "KENSAGLD"
	plain     = 1
	summed    = 2
	maxHeader = 1 << 16 // bytes
	prefix    = len(magic) + 8
	maxFile   = int64(prefix) + maxHeader + 10*frame.MaxPixels + sha256.Size
)

// pixelBytes is how many bytes the planes of a version take for a pixel.
var pixelBytes = map[uint32]int{plain: 4, summed: 10}

// Errors of a golden file, for errors.Is.
var (
	ErrNotGolden = errors.New("not a golden file")
	ErrVersion   = errors.New("unknown version of a golden file")
	ErrDamaged   = errors.New("damaged golden file; train it again or restore it")
)

// Write writes the golden die to a file, durably and as a whole.
func (g *Golden) Write(path string) error {
	data, err := g.encode()
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return durable.WriteFile(path, 0o644, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

func (g *Golden) encode() ([]byte, error) {
	if err := g.Header.check(); err != nil {
		return nil, err
	}
	header, err := json.Marshal(g.Header)
	if err != nil {
		return nil, err
	}
	version := uint32(plain)
	if g.sums != nil {
		version = summed
	}
	data := binary.LittleEndian.AppendUint32([]byte(magic), version)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(header)))
	data = append(data, header...)
	data = appendWords(appendWords(data, g.mean), g.sigma)
	if g.sums != nil {
		data = appendWords(data, g.sums.count)
		for _, v := range g.sums.scatter {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
	}
	sum := sha256.Sum256(data)
	return append(data, sum[:]...), nil
}

func appendWords(data []byte, plane []uint16) []byte {
	for _, v := range plane {
		data = binary.LittleEndian.AppendUint16(data, v)
	}
	return data
}

// Read reads a golden file. Errors name the path and are an ErrNotGolden,
// ErrVersion or ErrDamaged where the file is at fault.
func Read(path string) (*Golden, error) {
	return durable.ReadFile(path, maxFile, decode)
}

// decode checks everything before it takes memory for the planes.
func decode(data []byte) (*Golden, error) {
	if !bytes.HasPrefix(data, []byte(magic)) || len(data) < prefix {
		return nil, ErrNotGolden
	}
	version := binary.LittleEndian.Uint32(data[len(magic):])
	if pixelBytes[version] == 0 {
		return nil, fmt.Errorf("%w: %d; this program reads %d and %d", ErrVersion, version, plain, summed)
	}
	header, planes, err := split(data)
	if err != nil {
		return nil, err
	}
	g := &Golden{}
	if err := json.Unmarshal(header, &g.Header); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrDamaged, err)
	}
	if err := g.Header.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	pixels := g.Width * g.Height
	if want := pixelBytes[version] * pixels; len(planes) != want {
		return nil, fmt.Errorf("%w: %d bytes of planes; %d×%d pixels need %d", ErrDamaged, len(planes), g.Width, g.Height, want)
	}
	g.mean, g.sigma = words(planes[:2*pixels]), words(planes[2*pixels:4*pixels])
	if slices.Contains(g.sigma, 0) {
		return nil, fmt.Errorf("%w: a standard deviation of 0", ErrDamaged)
	}
	if version == summed {
		if err := g.readSums(planes[4*pixels:]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	g.hash = hex.EncodeToString(data[len(data)-sha256.Size:])
	return g, nil
}

// readSums reads what a file of version 2 has more than one of version 1.
func (g *Golden) readSums(planes []byte) error {
	if err := g.Model.check(); err != nil {
		return err
	}
	pixels := g.Width * g.Height
	g.sums = &sums{count: words(planes[:2*pixels]), scatter: make([]float32, pixels)}
	for n, count := range g.sums.count {
		scatter := math.Float32frombits(binary.LittleEndian.Uint32(planes[2*pixels+4*n:]))
		if count == 0 || int(count) > g.Dies {
			return fmt.Errorf("a pixel of %d dies; want 1 to %d", count, g.Dies)
		}
		if !(scatter >= 0 && scatter <= math.MaxFloat32) {
			return fmt.Errorf("a pixel's sum of squares is %v", scatter)
		}
		g.sums.scatter[n] = scatter
	}
	return nil
}

// split checks the checksum and returns the header's and the planes' bytes.
func split(data []byte) (header, planes []byte, err error) {
	// Not over the limit even where an int has 32 bits, and a length of 2³¹ is negative.
	length := int(min(binary.LittleEndian.Uint32(data[len(magic)+4:]), maxHeader+1))
	body := len(data) - sha256.Size
	if length > maxHeader || body < prefix+length {
		return nil, nil, fmt.Errorf("%w: truncated: %d bytes", ErrDamaged, len(data))
	}
	if sum := sha256.Sum256(data[:body]); !bytes.Equal(sum[:], data[body:]) {
		return nil, nil, fmt.Errorf("%w: wrong checksum", ErrDamaged)
	}
	return data[prefix : prefix+length], data[prefix+length : body], nil
}

func words(data []byte) []uint16 {
	out := make([]uint16, len(data)/2)
	for n := range out {
		out[n] = binary.LittleEndian.Uint16(data[2*n:])
	}
	return out
}
