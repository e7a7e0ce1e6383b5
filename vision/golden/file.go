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
	"os"
	"slices"

	"kensa/vision/durable"
	"kensa/vision/frame"
)

// The file: magic, version and the header's length as little-endian uint32,
// the header as JSON, the planes mean and sigma as little-endian uint16 by rows,
// and the SHA-256 of all before.
const (
	magic     = "KENSAGLD"
	version   = 1
	maxHeader = 1 << 16 // bytes
	prefix    = len(magic) + 8
	maxFile   = int64(prefix + maxHeader + 4*frame.MaxPixels + sha256.Size)
)

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
	data := binary.LittleEndian.AppendUint32([]byte(magic), version)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(header)))
	data = append(data, header...)
	for _, plane := range [][]uint16{g.mean, g.sigma} {
		for _, v := range plane {
			data = binary.LittleEndian.AppendUint16(data, v)
		}
	}
	sum := sha256.Sum256(data)
	return append(data, sum[:]...), nil
}

// Read reads a golden file. Errors name the path and are an ErrNotGolden,
// ErrVersion or ErrDamaged where the file is at fault.
func Read(path string) (*Golden, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, err
	}
	g, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

// decode checks everything before it takes memory for the planes.
func decode(data []byte) (*Golden, error) {
	if !bytes.HasPrefix(data, []byte(magic)) || len(data) < prefix {
		return nil, ErrNotGolden
	}
	if v := binary.LittleEndian.Uint32(data[len(magic):]); v != version {
		return nil, fmt.Errorf("%w: %d; this program reads %d", ErrVersion, v, version)
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
	if len(planes) != 4*pixels {
		return nil, fmt.Errorf("%w: %d bytes of planes; %d×%d pixels need %d", ErrDamaged, len(planes), g.Width, g.Height, 4*pixels)
	}
	g.mean, g.sigma = words(planes[:2*pixels]), words(planes[2*pixels:])
	if slices.Contains(g.sigma, 0) {
		return nil, fmt.Errorf("%w: a standard deviation of 0", ErrDamaged)
	}
	g.hash = hex.EncodeToString(data[len(data)-sha256.Size:])
	return g, nil
}

// split checks the checksum and returns the header's and the planes' bytes.
func split(data []byte) (header, planes []byte, err error) {
	length := int(binary.LittleEndian.Uint32(data[len(magic)+4:]))
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
