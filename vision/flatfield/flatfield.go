// Package flatfield keeps what a camera's light calibration found: for every
// pixel of its frame the dark level, in grey levels of an 8-bit image whatever
// the depth, and the gain that makes the light even. grey = (raw − dark) × gain.
//
// Dark levels are 0 to 64 and gains 0.25 to 1.99, as hotpath.NewFlat takes them;
// the mean gain is near 1 so that goldens keep their grey levels.
package flatfield

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"kensa/vision/durable"
	"kensa/vision/frame"
	"kensa/vision/hotpath"
)

// Header tells where a flat field comes from.
type Header struct {
	Width    int       `json:"width"` // of the camera's frame, pixels
	Height   int       `json:"height"`
	Camera   string    `json:"camera,omitempty"` // name and serial number, if known
	Made     time.Time `json:"made"`
	Software string    `json:"software"`
}

// Field is a camera's flat field. Dark and Gain are by rows.
type Field struct {
	Header
	Dark, Gain []float32
}

// The file: magic, version and the header's length as little-endian uint32, the
// header as JSON, dark and gain as little-endian float32 by rows, and the SHA-256
// of all before.
const (
	magic     = "KENSAFLT"
	version   = 1
	maxHeader = 1 << 16 // bytes
)

// Errors of a flat-field file, for errors.Is.
var (
	ErrNotFlat = errors.New("not a flat-field file")
	ErrVersion = errors.New("unknown version of a flat-field file")
	ErrDamaged = errors.New("damaged flat-field file; calibrate the light again or restore it")
)

// Flat packs the field for the pass over the frame. The error names the pixel
// whose dark level or gain is out of range.
func (f *Field) Flat() (*hotpath.Flat, error) {
	return hotpath.NewFlat(f.Width, f.Height, f.Dark, f.Gain)
}

// Write writes the field to a file, durably and as a whole, if it can be used.
func (f *Field) Write(path string) error {
	if _, err := f.Flat(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	header, err := json.Marshal(f.Header)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return durable.WriteFile(path, 0o644, func(out io.Writer) error {
		sum := sha256.New()
		w := io.MultiWriter(out, sum)
		head := binary.LittleEndian.AppendUint32([]byte(magic), version)
		head = binary.LittleEndian.AppendUint32(head, uint32(len(header)))
		if _, err := w.Write(append(head, header...)); err != nil {
			return err
		}
		for _, plane := range [][]float32{f.Dark, f.Gain} {
			if err := writePlane(w, plane, f.Width); err != nil {
				return err
			}
		}
		_, err := out.Write(sum.Sum(nil))
		return err
	})
}

func writePlane(w io.Writer, plane []float32, width int) error {
	row := make([]byte, 4*width)
	for at := 0; at < len(plane); at += width {
		for n, v := range plane[at : at+width] {
			binary.LittleEndian.PutUint32(row[4*n:], math.Float32bits(v))
		}
		if _, err := w.Write(row); err != nil {
			return err
		}
	}
	return nil
}

// Read reads a flat-field file and checks every value. Errors name the path and
// are an ErrNotFlat, ErrVersion or ErrDamaged where the file as such is at fault.
func Read(path string) (*Field, error) {
	f, _, err := read(path)
	return f, err
}

// Load reads a flat-field file as Read does, and packs it.
func Load(path string) (*hotpath.Flat, error) {
	_, flat, err := read(path)
	return flat, err
}

func read(path string) (*Field, *hotpath.Flat, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	f, err := decode(file)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	flat, err := f.Flat()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, flat, nil
}

// decode takes memory only as the bytes come.
func decode(from io.Reader) (*Field, error) {
	sum := sha256.New()
	r := io.TeeReader(from, sum)
	prefix := make([]byte, len(magic)+8)
	if _, err := io.ReadFull(r, prefix); err != nil || !bytes.HasPrefix(prefix, []byte(magic)) {
		return nil, ErrNotFlat
	}
	if v := binary.LittleEndian.Uint32(prefix[len(magic):]); v != version {
		return nil, fmt.Errorf("%w: %d; this program reads %d", ErrVersion, v, version)
	}
	length := binary.LittleEndian.Uint32(prefix[len(magic)+4:])
	if length > maxHeader {
		return nil, fmt.Errorf("%w: header of %d bytes", ErrDamaged, length)
	}
	header := make([]byte, length)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, fmt.Errorf("%w: truncated: %w", ErrDamaged, err)
	}
	f := &Field{}
	if err := json.Unmarshal(header, &f.Header); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrDamaged, err)
	}
	if f.Width < 1 || f.Height < 1 || f.Width > frame.MaxPixels/f.Height {
		return nil, fmt.Errorf("%w: %d×%d pixels; want 1×1 to %d in all", ErrDamaged, f.Width, f.Height, frame.MaxPixels)
	}
	for _, plane := range []*[]float32{&f.Dark, &f.Gain} {
		var err error
		if *plane, err = readPlane(r, f.Width, f.Height); err != nil {
			return nil, fmt.Errorf("%w: truncated: %w", ErrDamaged, err)
		}
	}
	want := sum.Sum(nil)
	tail := make([]byte, len(want)+1)
	if n, err := io.ReadFull(from, tail); n != len(want) || !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Equal(tail[:n], want) {
		return nil, fmt.Errorf("%w: wrong checksum", ErrDamaged)
	}
	return f, nil
}

func readPlane(r io.Reader, width, height int) ([]float32, error) {
	var plane []float32
	row := make([]byte, 4*width)
	for range height {
		if _, err := io.ReadFull(r, row); err != nil {
			return nil, err
		}
		if plane == nil {
			plane = make([]float32, 0, width*min(height, 1+maxEager/width))
		}
		for n := 0; n < len(row); n += 4 {
			plane = append(plane, math.Float32frombits(binary.LittleEndian.Uint32(row[n:])))
		}
	}
	return plane, nil
}

// maxEager is for how many pixels memory is taken on the header's word.
const maxEager = 1 << 24
